"""What pages ask about the way of a study."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from radcommons.server.archive.models import Study
from radcommons.server.journey import rules
from radcommons.server.journey.models import StudyJourney
from radcommons.server.journey.rules import FactLine
from radcommons.server.journey.table import NEXT_STEPS, SENTENCES, FactKind, State
from radcommons.server.platform import outbox
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.models import OutboxFact
from radcommons.server.platform.policy import Action, Actor, sites_for


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a study."""

    at: datetime
    kind: str
    sentence: str
    reason: str
    state: State
    problem: str
    is_waiting: bool

    def to_json(self) -> dict[str, object]:
        """The entry as commands print it."""
        return {
            "at": self.at.isoformat(),
            "fact": self.kind,
            "sentence": self.sentence,
            "reason": self.reason,
            "state": self.state.value,
            "problem": self.problem,
            "is_waiting": self.is_waiting,
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened to a study, oldest first, where it stands and what comes next."""

    study_instance_uid: str
    site_code: str
    subject_id: str
    state: State
    entries: tuple[TimelineEntry, ...]

    @property
    def next_step(self) -> str:
        """What comes next, in one sentence."""
        return NEXT_STEPS[self.state]


def timeline(study_instance_uid: str) -> Timeline:
    """The way of a study, read from its facts.

    Raises
    ------
    NotFoundError
        When the study is not in the archive.
    """
    study = Study.objects.select_related("subject__site").filter(study_instance_uid=study_instance_uid).first()
    if study is None:
        raise NotFoundError
    facts = {fact.pk: fact for fact in outbox.facts_of(study_instance_uid)}
    steps = rules.fold([FactLine(fact.pk, fact.kind) for fact in facts.values()])
    entries = tuple(_entry(step, facts[step.fact.fact_id]) for step in steps)
    return Timeline(
        study_instance_uid, study.subject.site.code, study.subject.subject_id, rules.end_state(steps), entries
    )


def readable_timeline(study_instance_uid: str, actor: Actor) -> Timeline:
    """The way of a study, if the actor may see it.

    Raises
    ------
    NotFoundError
        When there is no such study, or it is another site's.
    """
    found = timeline(study_instance_uid)
    allowed = sites_for(actor, Action.JOURNEY_READ_TIMELINE)
    if allowed is not None and found.site_code not in allowed:
        raise NotFoundError
    return found


def _entry(step: rules.Step, fact: OutboxFact) -> TimelineEntry:
    is_known = fact.kind in set(FactKind)
    return TimelineEntry(
        at=fact.recorded_at,
        kind=fact.kind,
        sentence=SENTENCES[FactKind(fact.kind)] if is_known else "Something happened that this version does not know.",
        reason=str(fact.facts.get("reason", "")),
        state=step.transition.next_state if step.transition else step.from_state,
        problem=step.problem or fact.error_code,
        is_waiting=fact.delivered_at is None and fact.failed_at is None,
    )


def states(study_instance_uids: Iterable[str]) -> dict[str, State]:
    """Where some studies stand."""
    rows = StudyJourney.objects.filter(study_instance_uid__in=list(study_instance_uids))
    return {uid: State(state) for uid, state in rows.values_list("study_instance_uid", "state")}


def failed() -> Sequence[OutboxFact]:
    """Facts that could not be acted upon and wait for an operator."""
    return outbox.failed_facts()
