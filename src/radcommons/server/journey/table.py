"""How a study travels: (state, fact) → verbs and next state. The whole process is this one table.

A pair that stands neither in :data:`TABLE` nor in :data:`IMPOSSIBLE` cannot exist: a test walks all of them. A fact that
arrives in a state where it is impossible is recorded as failed, shown to the operators, and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a study stands, as its site and the curators are told."""

    UNKNOWN = "unknown"
    IN_CURATION = "in_curation"
    HELD = "held"
    CLEARED = "cleared"
    RETURNED = "returned"
    REJECTED = "rejected"
    RELEASED = "released"
    REOPENED = "reopened"
    WITHDRAWN = "withdrawn"


class FactKind(StrEnum):
    """What rooms announce."""

    INSTANCES_STORED = "InstancesStored"
    DERIVED_STORED = "DerivedStored"
    DERIVED_ACCEPTED = "DerivedAccepted"
    SUBJECTS_DESCRIBED = "SubjectsDescribed"
    STUDY_HELD = "StudyHeld"
    STUDY_CLEARED = "StudyCleared"
    STUDY_RETURNED = "StudyReturned"
    STUDY_REJECTED = "StudyRejected"
    STUDY_RELEASED = "StudyReleased"
    STUDY_WITHDRAWN = "StudyWithdrawn"
    READER_FLAGGED = "ReaderFlagged"


class Verb(StrEnum):
    """What the journey asks of other rooms; each is safe to ask twice."""

    OPEN_CASE = "curation.open_case"
    ACCEPT_DERIVED = "curation.accept_derived"
    TAKE_BACK = "curation.take_back"
    CATALOG_STUDY = "catalog.catalog_study"
    REMOVE_STUDY = "catalog.remove_study"
    RECORD_SUBJECT = "clinical.record_subject"


@dataclass(frozen=True, slots=True)
class Transition:
    """What a fact leads to."""

    next_state: State
    verbs: tuple[Verb, ...] = ()


def _to(next_state: State, *verbs: Verb) -> Transition:
    return Transition(next_state, verbs)


_S, _F, _V = State, FactKind, Verb

_DECIDED = (_S.HELD, _S.RETURNED, _S.REJECTED)

TABLE: Mapping[tuple[State, FactKind], Transition] = MappingProxyType(
    {
        # New images: somebody must look at them. What is held or rejected stays so until a person says otherwise.
        (_S.UNKNOWN, _F.INSTANCES_STORED): _to(_S.IN_CURATION, _V.OPEN_CASE),
        (_S.IN_CURATION, _F.INSTANCES_STORED): _to(_S.IN_CURATION, _V.OPEN_CASE),
        (_S.HELD, _F.INSTANCES_STORED): _to(_S.HELD, _V.OPEN_CASE),
        (_S.RETURNED, _F.INSTANCES_STORED): _to(_S.IN_CURATION, _V.OPEN_CASE),
        (_S.REJECTED, _F.INSTANCES_STORED): _to(_S.REJECTED, _V.OPEN_CASE),
        (_S.CLEARED, _F.INSTANCES_STORED): _to(_S.IN_CURATION, _V.REMOVE_STUDY, _V.OPEN_CASE),
        (_S.RELEASED, _F.INSTANCES_STORED): _to(_S.REOPENED, _V.REMOVE_STUDY, _V.OPEN_CASE),
        (_S.REOPENED, _F.INSTANCES_STORED): _to(_S.REOPENED, _V.OPEN_CASE),
        (_S.WITHDRAWN, _F.INSTANCES_STORED): _to(_S.WITHDRAWN),
        # What this centre made of images that were cleared, without a word of anybody, takes no study from anybody: curation
        # keeps its decision by rule and says so, or announces new contents.
        **{(state, _F.DERIVED_STORED): _to(state, _V.ACCEPT_DERIVED) for state in (_S.CLEARED, _S.RELEASED)},
        **{(state, _F.DERIVED_ACCEPTED): _to(state, _V.CATALOG_STUDY) for state in (_S.CLEARED, _S.RELEASED)},
        # Everywhere else they are contents as any other.
        (_S.UNKNOWN, _F.DERIVED_STORED): _to(_S.IN_CURATION, _V.OPEN_CASE),
        (_S.RETURNED, _F.DERIVED_STORED): _to(_S.IN_CURATION, _V.OPEN_CASE),
        **{
            (state, _F.DERIVED_STORED): _to(state, _V.OPEN_CASE)
            for state in (_S.IN_CURATION, _S.HELD, _S.REJECTED, _S.REOPENED)
        },
        (_S.WITHDRAWN, _F.DERIVED_STORED): _to(_S.WITHDRAWN),
        **{
            (state, _F.DERIVED_ACCEPTED): _to(state) for state in (_S.IN_CURATION, _S.REOPENED, _S.WITHDRAWN, *_DECIDED)
        },
        # What the site states about a subject never moves a study; where it stands in the catalog, the catalog learns.
        (_S.UNKNOWN, _F.SUBJECTS_DESCRIBED): _to(_S.UNKNOWN, _V.RECORD_SUBJECT),
        (_S.IN_CURATION, _F.SUBJECTS_DESCRIBED): _to(_S.IN_CURATION, _V.RECORD_SUBJECT),
        (_S.HELD, _F.SUBJECTS_DESCRIBED): _to(_S.HELD, _V.RECORD_SUBJECT),
        (_S.CLEARED, _F.SUBJECTS_DESCRIBED): _to(_S.CLEARED, _V.RECORD_SUBJECT, _V.CATALOG_STUDY),
        (_S.RETURNED, _F.SUBJECTS_DESCRIBED): _to(_S.RETURNED, _V.RECORD_SUBJECT),
        (_S.REJECTED, _F.SUBJECTS_DESCRIBED): _to(_S.REJECTED, _V.RECORD_SUBJECT),
        (_S.RELEASED, _F.SUBJECTS_DESCRIBED): _to(_S.RELEASED, _V.RECORD_SUBJECT, _V.CATALOG_STUDY),
        (_S.REOPENED, _F.SUBJECTS_DESCRIBED): _to(_S.REOPENED, _V.RECORD_SUBJECT),
        (_S.WITHDRAWN, _F.SUBJECTS_DESCRIBED): _to(_S.WITHDRAWN, _V.RECORD_SUBJECT),
        # A curator's decision stands until the next one or until new images come.
        **{
            (state, _F.STUDY_HELD): _to(_S.HELD, _V.REMOVE_STUDY)
            for state in (_S.IN_CURATION, _S.CLEARED, _S.RELEASED, _S.REOPENED, *_DECIDED)
        },
        **{
            (state, _F.STUDY_RETURNED): _to(_S.RETURNED, _V.REMOVE_STUDY)
            for state in (_S.IN_CURATION, _S.CLEARED, _S.RELEASED, _S.REOPENED, *_DECIDED)
        },
        **{
            (state, _F.STUDY_REJECTED): _to(_S.REJECTED, _V.REMOVE_STUDY)
            for state in (_S.IN_CURATION, _S.CLEARED, _S.RELEASED, _S.REOPENED, *_DECIDED)
        },
        **{
            (state, _F.STUDY_CLEARED): _to(_S.CLEARED, _V.CATALOG_STUDY)
            for state in (_S.IN_CURATION, _S.CLEARED, *_DECIDED)
        },
        (_S.RELEASED, _F.STUDY_CLEARED): _to(_S.RELEASED, _V.CATALOG_STUDY),
        (_S.REOPENED, _F.STUDY_CLEARED): _to(_S.RELEASED, _V.CATALOG_STUDY),
        # A release is made of a frozen cohort: new images may have come between freezing and publishing.
        (_S.CLEARED, _F.STUDY_RELEASED): _to(_S.RELEASED),
        (_S.RELEASED, _F.STUDY_RELEASED): _to(_S.RELEASED),
        (_S.IN_CURATION, _F.STUDY_RELEASED): _to(_S.REOPENED),
        (_S.REOPENED, _F.STUDY_RELEASED): _to(_S.REOPENED),
        # A reader saw what must not be seen, or the wrong thing: the study goes back to the curators, wherever it stands.
        **{
            (state, _F.READER_FLAGGED): _to(_S.HELD, _V.REMOVE_STUDY, _V.TAKE_BACK)
            for state in (_S.IN_CURATION, _S.CLEARED, _S.RELEASED, _S.REOPENED)
        },
        **{(state, _F.READER_FLAGGED): _to(state) for state in (*_DECIDED, _S.WITHDRAWN)},
        # Withdrawal is final.
        **{
            (state, _F.STUDY_WITHDRAWN): _to(_S.WITHDRAWN, _V.REMOVE_STUDY)
            for state in State
            if state is not _S.UNKNOWN
        },
    }
)

IMPOSSIBLE: Mapping[tuple[State, FactKind], str] = MappingProxyType(
    {
        **{
            (_S.UNKNOWN, kind): "Nothing of this study was stored."
            for kind in FactKind
            if kind not in (_F.INSTANCES_STORED, _F.DERIVED_STORED, _F.SUBJECTS_DESCRIBED)
        },
        **{
            (state, _F.STUDY_RELEASED): "A study that was held, returned or rejected must not be released."
            for state in _DECIDED
        },
        **{
            (_S.WITHDRAWN, kind): "A withdrawn study takes no more decisions and enters no release."
            for kind in (
                _F.STUDY_HELD,
                _F.STUDY_CLEARED,
                _F.STUDY_RETURNED,
                _F.STUDY_REJECTED,
                _F.STUDY_RELEASED,
            )
        },
    }
)

SENTENCES: Mapping[FactKind, str] = MappingProxyType(
    {
        _F.INSTANCES_STORED: "Images were verified and stored.",
        _F.DERIVED_STORED: "Expert annotations of the study were stored.",
        _F.DERIVED_ACCEPTED: "The annotations hold no free text: the curators' decision stands for them as well.",
        _F.SUBJECTS_DESCRIBED: "The site's statement about the subject was recorded.",
        _F.STUDY_HELD: "A curator put the study on hold.",
        _F.STUDY_CLEARED: "A curator cleared the study; it is in the catalog.",
        _F.STUDY_RETURNED: "A curator returned the study to the site.",
        _F.STUDY_REJECTED: "A curator rejected the study.",
        _F.STUDY_RELEASED: "The study was published in a release.",
        _F.STUDY_WITHDRAWN: "The study was withdrawn.",
        _F.READER_FLAGGED: "A reader saw something in the images that a curator must look at.",
    }
)

NEXT_STEPS: Mapping[State, str] = MappingProxyType(
    {
        _S.UNKNOWN: "Nothing has arrived yet.",
        _S.IN_CURATION: "A curator looks at the study next.",
        _S.HELD: "A curator is clearing a question; the site need not do anything unless asked.",
        _S.CLEARED: "The study waits for the next release.",
        _S.RETURNED: "The site corrects what the curator names and sends the study again.",
        _S.REJECTED: "Nothing follows: the study will not be part of a release.",
        _S.RELEASED: "The study is public. It can be withdrawn at any time.",
        _S.REOPENED: "The published images stay public; a curator looks at the new ones.",
        _S.WITHDRAWN: "Nothing follows: the study is in no future release.",
    }
)
