"""The words of annotation and the moves between them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from radcommons.transfer.annotation.record import ReadingFlag


class ProjectState(StrEnum):
    """How far a project is."""

    DRAFT = "draft"
    PILOT = "pilot"
    READING = "reading"
    PAUSED = "paused"
    CLOSED = "closed"


class ProjectVerb(StrEnum):
    """What a manager does with a whole project."""

    START_PILOT = "start-pilot"
    START_READING = "start-reading"
    PAUSE = "pause"
    CLOSE = "close"


PROJECT_MOVES: Mapping[tuple[ProjectState, ProjectVerb], ProjectState] = MappingProxyType(
    {
        (ProjectState.DRAFT, ProjectVerb.START_PILOT): ProjectState.PILOT,
        (ProjectState.DRAFT, ProjectVerb.START_READING): ProjectState.READING,
        (ProjectState.PILOT, ProjectVerb.START_READING): ProjectState.READING,
        (ProjectState.PILOT, ProjectVerb.CLOSE): ProjectState.CLOSED,
        (ProjectState.READING, ProjectVerb.PAUSE): ProjectState.PAUSED,
        (ProjectState.READING, ProjectVerb.CLOSE): ProjectState.CLOSED,
        (ProjectState.PAUSED, ProjectVerb.START_READING): ProjectState.READING,
        (ProjectState.PAUSED, ProjectVerb.CLOSE): ProjectState.CLOSED,
    }
)


class TaskKind(StrEnum):
    """What is asked of a reader: a read of their own, or a word on each proposed finding."""

    READ = "read"
    REVIEW = "review"


class Phase(StrEnum):
    """What a case is for; a reader meets the phases in this order."""

    TRAINING = "training"
    PILOT = "pilot"
    MAIN = "main"


class ReaderKind(StrEnum):
    """What a reader is."""

    PERSON = "person"
    MODEL = "model"
    IMPORTED = "imported"


class Duty(StrEnum):
    """What a member of a project does there."""

    READ = "read"
    ADJUDICATE = "adjudicate"


class TaskState(StrEnum):
    """How far a read is. ``locked`` can no longer be superseded: its case was adjudicated or its project closed."""

    ASSIGNED = "assigned"
    OPENED = "opened"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    LOCKED = "locked"
    REVOKED = "revoked"


WRITABLE = frozenset({TaskState.ASSIGNED, TaskState.OPENED, TaskState.IN_PROGRESS, TaskState.RETURNED})
DONE = frozenset({TaskState.SUBMITTED, TaskState.LOCKED})
# In these a reader may open tasks.
OPEN_PROJECT = frozenset({ProjectState.PILOT, ProjectState.READING})


class CaseState(StrEnum):
    """How far a case is: being read, settled by its reads alone, before an adjudicator, decided."""

    READING = "reading"
    AGREED = "agreed"
    DISPUTED = "disputed"
    DECIDED = "decided"


class OutcomeState(StrEnum):
    """What the reads of a case make of one label."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"
    AGREED = "agreed"
    DISPUTED = "disputed"
    DECIDED = "decided"


class Verdict(StrEnum):
    """How an adjudicator decides."""

    PICK = "pick"
    MERGE = "merge"
    NEW = "new"


class ProposalVerdict(StrEnum):
    """A reader's word on a proposed finding."""

    ACCEPT = "accept"
    REJECT = "reject"


# Announced to the journey: these send a study back to the curators.
FLAGS_FOR_CURATION = frozenset({ReadingFlag.BURNED_IN_TEXT, ReadingFlag.WRONG_BODY_PART})


class Ending(StrEnum):
    """Why a read that was begun can no longer be submitted."""

    CLOSED = "closed"
    REASSIGNED = "reassigned"
    IN_CURATION = "in-curation"


# As its reader is told.
ENDINGS: Mapping[Ending, str] = MappingProxyType(
    {
        Ending.CLOSED: "The project was closed before you submitted this read.",
        Ending.REASSIGNED: "The project manager took this read from your list before you submitted it.",
        Ending.IN_CURATION: "The curators have taken this study back. It is not read for now.",
    }
)


def phases_open(state: ProjectState) -> frozenset[Phase]:
    """Which cases a reader may open while a project is in a state."""
    if state is ProjectState.PILOT:
        return frozenset({Phase.TRAINING, Phase.PILOT})
    return frozenset(Phase) if state is ProjectState.READING else frozenset()
