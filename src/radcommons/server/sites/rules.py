"""Decisions of the sites room: what a code looks like, which agreement is in force, what comes next for a site."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

# The same words as in a batch manifest: what a site may be called there must be what it is called here.
SITE_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Marks that turn the direction of what follows (UAX #9): an address written with them reads as another one. A text in Arabic
# or Hebrew needs none of them.
TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
LICENCES = ("CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0")


class AgreementState(StrEnum):
    """Whether an agreement lets data in on a day, and if not, why."""

    IN_FORCE = "in force"
    NOT_YET = "not yet in force"
    ENDED = "ended"
    REVOKED = "revoked"
    MISSING = "missing"
    SITE_INACTIVE = "site inactive"


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """The dates of an agreement, as far as they decide whether it is in force."""

    signed_on: date
    ends_on: date | None
    is_revoked: bool


def is_site_code(code: str) -> bool:
    """Whether a code may name a site: 1 to 32 capital letters, digits, hyphens and underscores."""
    return SITE_CODE.fullmatch(code) is not None


def is_project(project: str) -> bool:
    """Whether a word may name a project: 1 to 64 small letters, digits, hyphens and underscores."""
    return PROJECT.fullmatch(project) is not None


def as_written(text: str) -> str:
    """A stranger's text without the marks by which it would read otherwise than it is written."""
    return text.translate(TURNING)


def agreement_state(terms: AgreementTerms, on: date) -> AgreementState:
    """The state of one agreement on a day; both its first and its last day count as in force."""
    if terms.is_revoked:
        return AgreementState.REVOKED
    if on < terms.signed_on:
        return AgreementState.NOT_YET
    if terms.ends_on is not None and on > terms.ends_on:
        return AgreementState.ENDED
    return AgreementState.IN_FORCE


def best_state(states: Iterable[AgreementState]) -> AgreementState:
    """The state to show for a site with several agreements: the most favourable one, or that none was signed."""
    order = (AgreementState.IN_FORCE, AgreementState.NOT_YET, AgreementState.ENDED, AgreementState.REVOKED)
    found = set(states)
    return next((state for state in order if state in found), AgreementState.MISSING)


def refusal(state: AgreementState, site_code: str, project: str) -> str:
    """The sentence with which a batch is refused; says what to do next."""
    what = {
        AgreementState.MISSING: f"Site {site_code} has not signed a data sharing agreement for project {project}.",
        AgreementState.NOT_YET: f"The agreement of site {site_code} for project {project} is not in force yet.",
        AgreementState.ENDED: f"The agreement of site {site_code} for project {project} has ended.",
        AgreementState.REVOKED: f"The agreement of site {site_code} for project {project} was revoked.",
        AgreementState.SITE_INACTIVE: f"Site {site_code} is not active.",
    }
    return f"{what[state]} Ask the repository's office to record one, then send the same batch again."


def next_step(state: AgreementState, *, has_key: bool, has_batch: bool, returned: int = 0) -> str:
    """What a coordinator should do next, in one sentence.

    Parameters
    ----------
    returned
        How many studies the curators gave back to the site.
    """
    if returned:
        return "Some studies came back to you. Read the reasons below, correct them at the site and send them again."
    if state is AgreementState.NOT_YET:
        return "The agreement is recorded and starts later; batches are accepted from its first day."
    if state is not AgreementState.IN_FORCE:
        return "Have the data sharing agreement signed and send it to the repository's office, who record it here."
    if not has_key:
        return "Make a contributor key and keep it on the machine that sends: it is shown only once."
    if not has_batch:
        return "De-identify, review and send a first batch with the radcommons edge commands."
    return "Nothing is waiting for you. What became of each study stands below."
