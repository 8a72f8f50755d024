"""Decisions of the releases room: versions, licences, and what keeps a draft from being published."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType

from radcommons.dicom.finding import Finding, Severity

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
RESERVED_SLUGS = frozenset({"drafts", "latest", "keys", "new"})
VERSION = re.compile(r"(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})")
LISTED_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence under which a release may be given away.

    Parameters
    ----------
    spdx
        Identifier of the SPDX list.
    restrictiveness
        Rank: what a site granted under one rank may be released under the same or a higher one.
    duo
        Term of the Data Use Ontology that says the same to machines.
    """

    spdx: str
    name: str
    url: str
    restrictiveness: int
    duo: str


LICENCES: Mapping[str, Licence] = MappingProxyType(
    {
        licence.spdx: licence
        for licence in (
            Licence(
                "CC0-1.0",
                "CC0 1.0 Universal",
                "https://creativecommons.org/publicdomain/zero/1.0/",
                0,
                "DUO:0000004",
            ),
            Licence(
                "CC-BY-4.0",
                "Creative Commons Attribution 4.0 International",
                "https://creativecommons.org/licenses/by/4.0/",
                1,
                "DUO:0000042",
            ),
            Licence(
                "CC-BY-NC-4.0",
                "Creative Commons Attribution-NonCommercial 4.0 International",
                "https://creativecommons.org/licenses/by-nc/4.0/",
                2,
                "DUO:0000046",
            ),
        )
    }
)

Version = tuple[int, int, int]


def is_slug(text: str) -> bool:
    """Whether *text* may name a data set: 3 to 63 small letters, digits and inner hyphens, not a reserved word."""
    return SLUG.fullmatch(text) is not None and text not in RESERVED_SLUGS


def parse_version(text: str) -> Version | None:
    """``MAJOR.MINOR.PATCH`` as numbers, or None when it is nothing of the kind."""
    match = VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def may_relicense(granted: str, released: str) -> bool:
    """Whether what was granted under one licence may be given away under another."""
    if granted not in LICENCES or released not in LICENCES:
        return False
    return LICENCES[released].restrictiveness >= LICENCES[granted].restrictiveness


@dataclass(frozen=True, slots=True)
class Change:
    """Instances that a version has more, less or otherwise than its parent."""

    added: int
    removed: int
    changed: int

    @property
    def is_empty(self) -> bool:
        """Whether the data are the same."""
        return not (self.added or self.removed or self.changed)


def smallest_next(parent: Version, change: Change) -> Version:
    """The smallest version that may follow *parent*: PATCH for the same data, MINOR for additions, MAJOR otherwise."""
    major, minor, patch = parent
    if change.removed or change.changed:
        return (major + 1, 0, 0)
    if change.added:
        return (major, minor + 1, 0)
    return (major, minor, patch + 1)


@dataclass(frozen=True, slots=True)
class Told:
    """How much is in a version, as far as the public is told it; None where it is not."""

    subjects: int | None
    studies: int | None
    series: int | None = None
    instances: int | None = None
    size_bytes: int | None = None


def rounded_down(number: int, step: int) -> int | None:
    """A count as the public is told it of restricted data: a multiple of the suppression threshold; None below it.

    Rounding, unlike withholding, also survives the difference of two versions.

    Examples
    --------
    >>> rounded_down(37, 10), rounded_down(9, 10), rounded_down(9, 1)
    (30, None, 9)
    """
    rounded = number - number % max(step, 1)
    return rounded or None


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """What the checks need to know of a draft, gathered by the verb.

    Parameters
    ----------
    licence
        Under which the draft is to be released.
    granted_licences
        By ``SITE/project``: the licence of the agreement in force, or None where there is none.
    uncleared_studies
        By Study Instance UID: the state of its case, or ``missing``.
    shared_subject_ids
        Subject ids that several sites or projects use.
    unjudged_pixel_text
        Studies with instances whose pixels may carry text that nobody judged.
    absent, corrupt, unstored
        SOP Instance UIDs whose bytes are not in the store, are not what their digest says, or were never finished.
    annotations_left_behind
        Segmentations and reports of the draft's studies that the draft does not hold.
    annotations_without_images
        Segmentations and reports in the draft without an image that they are about.
    is_restricted
        Whether the draft is to be read by those only who were granted access.
    open_elsewhere
        Instances of a restricted draft that are, or were until it was withdrawn, in an open version.
    closes_parent
        Whether a restricted draft follows an open version.
    """

    version: Version
    licence: str
    instances: int
    parent: Version | None = None
    change: Change | None = None
    sequestered_subjects: int = 0
    granted_licences: Mapping[str, str | None] = field(default_factory=dict)
    uncleared_studies: Mapping[str, str] = field(default_factory=dict)
    shared_subject_ids: Sequence[str] = ()
    unjudged_pixel_text: Sequence[str] = ()
    unstored: Sequence[str] = ()
    absent: Sequence[str] = ()
    corrupt: Sequence[str] = ()
    annotations_left_behind: int = 0
    annotations_without_images: int = 0
    is_restricted: bool = False
    open_elsewhere: int = 0
    closes_parent: bool = False


def check(facts: DraftFacts) -> tuple[Finding, ...]:
    """What keeps a draft from being published (errors) and what a release manager should know (warnings)."""
    return (
        *_check_content(facts),
        *_check_permissions(facts),
        *_check_bytes(facts),
        *_check_annotations(facts),
        *_check_access(facts),
        *_check_version(facts),
    )


def _check_content(facts: DraftFacts) -> Iterable[Finding]:
    if not facts.instances:
        yield _error("releases.empty", "draft", "The draft holds no instances. Choose another cohort.")
    if facts.sequestered_subjects:
        yield _error(
            "releases.sequestered",
            "draft",
            f"{facts.sequestered_subjects} sequestered subjects are in the draft. They are never released; "
            "freeze the cohort again without them.",
        )
    for study in _some(facts.uncleared_studies):
        state = facts.uncleared_studies[study]
        yield _error(
            "releases.not-cleared",
            study,
            f"The study is {state}, not cleared. Have it cleared, or freeze the cohort again without it.",
        )
    for study in _some(facts.unjudged_pixel_text):
        yield _error(
            "releases.pixel-text",
            study,
            "Images of this study may carry burned-in text that nobody has judged. Have a curator look at them.",
        )
    for subject in _some(facts.shared_subject_ids):
        yield _error(
            "releases.shared-subject-id",
            subject,
            "Several sites or projects use this subject id, so readers would take several persons for one.",
        )


def _check_permissions(facts: DraftFacts) -> Iterable[Finding]:
    if facts.licence not in LICENCES:
        yield _error("releases.unknown-licence", "draft", "The licence is not one this repository releases under.")
        return
    for source, granted in facts.granted_licences.items():
        if granted is None:
            yield _error(
                "releases.no-agreement",
                source,
                "No data sharing agreement is in force for this site and project. Renew it, or leave its data out.",
            )
        elif not may_relicense(granted, facts.licence):
            yield _error(
                "releases.licence-too-free",
                source,
                f"The site granted {granted}, which does not allow a release under {facts.licence}.",
            )


def _check_bytes(facts: DraftFacts) -> Iterable[Finding]:
    for sop in _some(facts.unstored):
        yield _error(
            "releases.not-stored", sop, "The instance was never stored completely. Have its site send it again."
        )
    for sop in _some(facts.absent):
        yield _error(
            "releases.bytes-absent", sop, "The bytes are not in the object store. Restore them from the backup."
        )
    for sop in _some(facts.corrupt):
        yield _error(
            "releases.bytes-corrupt",
            sop,
            "The stored bytes are not what their digest says. Restore them from the backup.",
        )


def _check_annotations(facts: DraftFacts) -> Iterable[Finding]:
    if facts.annotations_left_behind:
        yield Finding(
            Severity.INFO,
            "releases.annotations-left-out",
            "draft",
            f"{facts.annotations_left_behind} segmentations, structure sets and reports of these studies are not in the "
            "draft. Freeze the cohort with their modalities to take them in.",
        )
    if facts.annotations_without_images:
        yield Finding(
            Severity.WARNING,
            "releases.annotations-without-images",
            "draft",
            f"{facts.annotations_without_images} segmentations, structure sets and reports are about images that are not in "
            "the draft. Freeze the cohort with the images, or leave them out.",
        )


def _check_access(facts: DraftFacts) -> Iterable[Finding]:
    if facts.is_restricted:
        yield Finding(
            Severity.INFO,
            "releases.licence-allows-passing-on",
            "draft",
            "The licence lets whoever has a copy pass it on. If that must not be, say so in the data-use terms.",
        )
    if facts.open_elsewhere:
        yield Finding(
            Severity.WARNING,
            "releases.open-elsewhere",
            "draft",
            f"{facts.open_elsewhere} instances of this restricted draft are in an open version, which goes on serving them to "
            "everybody, or were until it was withdrawn. Copies of those are out. Withdraw an open version first if its images "
            "should be restricted.",
        )
    if facts.closes_parent:
        yield Finding(
            Severity.WARNING,
            "releases.parent-is-open",
            "draft",
            "The version before is open and stays so. Restricting this one takes nothing back.",
        )


def _check_version(facts: DraftFacts) -> Iterable[Finding]:
    if facts.parent is None or facts.change is None:
        return
    least = smallest_next(facts.parent, facts.change)
    if facts.version <= facts.parent:
        yield _error(
            "releases.version-not-greater", "version", f"A version greater than {_text(facts.parent)} is needed."
        )
    elif facts.version < least:
        yield _error(
            "releases.version-too-small",
            "version",
            f"{facts.change.added} instances were added, {facts.change.removed} removed and {facts.change.changed} "
            f"changed since {_text(facts.parent)}: the next version is at least {_text(least)}.",
        )
    if facts.change.is_empty:
        yield Finding(
            Severity.WARNING, "releases.unchanged", "version", f"The data are the same as in {_text(facts.parent)}."
        )


def _error(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.ERROR, code, where, message)


def _some(values: Iterable[str]) -> Iterable[str]:
    """At most a hundred of *values*: the list is for people; one is enough to refuse."""
    return islice(values, LISTED_AT_MOST)


def _text(version: Version) -> str:
    return ".".join(map(str, version))
