"""What a project manager wishes for, checked before anything is made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.rules.hanging import Hanging
from radcommons.server.annotation.rules.states import TaskKind

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
MOST_READERS = 20
LARGEST_SEED = 2**62


@dataclass(frozen=True, slots=True)
class Blinding:
    """What a reader may see beside the images of the case. Everything is hidden unless switched on.

    Parameters
    ----------
    shows_ai
        Results of algorithms.
    shows_clinical_data
        Age, sex, descriptions, dates.
    shows_site
        The contributing site, the subject's pseudonym (which names it), the machine.
    shows_priors
        Earlier studies of the subject that are among the project's cases.
    """

    shows_ai: bool = False
    shows_clinical_data: bool = False
    shows_site: bool = False
    shows_priors: bool = False

    @classmethod
    def from_mapping(cls, switches: Mapping[str, bool]) -> "Blinding":
        """The switches that somebody named; one that there is not, or that is neither on nor off, is refused."""
        known = _known(cls.__slots__, switches)
        if not all(isinstance(value, bool) for value in known.values()):
            raise ProjectInvalidError("A switch of the blinding is on or off.")
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Stopping:
    """When enough was read. A rule advises the manager; a person stops, as a project that stops tells its readers something.

    Parameters
    ----------
    label
        The label whose agreement counts; empty for no rule on agreement.
    width
        Enough when the 95 % interval of its agreement is narrower than this.
    cases
        Enough when so many cases were read by all their readers; 0 for no such rule.
    """

    label: str = ""
    width: float = 0.0
    cases: int = 0

    @classmethod
    def from_mapping(cls, rule: Mapping[str, Any]) -> "Stopping":
        """The rule that somebody named; a part that there is not, or of another type, is refused."""
        kinds: dict[str, tuple[type, ...]] = {"label": (str,), "width": (int, float), "cases": (int,)}
        known = _known(cls.__slots__, rule)
        if not all(isinstance(value, kinds[name]) and not isinstance(value, bool) for name, value in known.items()):
            raise ProjectInvalidError("The stopping rule names a label, the width of an interval, a number of cases.")
        return cls(**known)


def _known(names: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    if given.keys() - set(names):
        raise ProjectInvalidError(f"There is only: {', '.join(names)}.")
    return dict(given)


@dataclass(frozen=True, slots=True)
class ProjectWish:
    """A reading project as its manager describes it.

    Parameters
    ----------
    schema_name, schema_version
        What is asked.
    source_kind, source_name
        Where the cases come from, ``cohort`` and its name for one.
    readers_per_case, overlap_share, repeat_share
        See :class:`.planning.Plan`.
    washout_days
        How long after the first read a hidden repeat opens.
    pilot_cases
        How many cases, drawn by lot, all readers read first.
    training
        Study Instance UIDs of training cases, each with its answer: a reading's items as plain JSON.
    return_after_days
        After so many days without a touch an opened read is shown to the manager, who may reassign it.
    hanging
        What the reading page starts with, see :class:`.hanging.Hanging`.
    policies
        For each label the policy of its adjudication, see :mod:`.adjudicating`; labels left out get the usual one.
    seed
        Of everything drawn by lot; None draws one.
    """

    slug: str
    title: str
    schema_name: str
    schema_version: int
    source_kind: str
    source_name: str
    instructions: str = ""
    task_kind: TaskKind = TaskKind.READ
    readers_per_case: int = 3
    overlap_share: float = 1.0
    repeat_share: float = 0.0
    washout_days: int = 14
    pilot_cases: int = 0
    training: Mapping[str, object] = field(default_factory=dict)
    return_after_days: int = 14
    deadline: date | None = None
    blinding: Blinding = Blinding()
    stopping: Stopping = Stopping()
    hanging: Hanging = field(default_factory=Hanging)
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    seed: int | None = None

    def problem(self) -> str:
        """What is wrong with the wish by itself, as a sentence; empty when nothing is."""
        checks = (
            (bool(SLUG.fullmatch(self.slug)), "The name is made of small letters, digits and dashes, at most 64."),
            (bool(self.title.strip()), "The project needs a title."),
            (1 <= self.readers_per_case <= MOST_READERS, f"A case has 1 to {MOST_READERS} readers."),
            (0 <= self.overlap_share <= 1, "The overlapping share lies between 0 and 1."),
            (0 <= self.repeat_share <= 1, "The share of repeats lies between 0 and 1."),
            (0 <= self.washout_days <= 365, "The wash-out is at most a year."),  # noqa: PLR2004 - a year
            (self.pilot_cases >= 0, "The number of pilot cases is not negative."),
            (1 <= self.return_after_days <= 365, "Reads wait at most a year."),  # noqa: PLR2004 - a year
            (self.seed is None or 0 <= self.seed < LARGEST_SEED, "The seed is too large."),
        )
        return next((message for holds, message in checks if not holds), "")
