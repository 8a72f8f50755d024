"""The verbs of the journey: read facts, ask the rooms, remember where each study stands."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from django.db import DatabaseError, OperationalError, transaction

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.annotation.services.suspending import suspend_study
from radcommons.server.catalog.services import catalog_study, remove_study
from radcommons.server.clinical.rules import as_status
from radcommons.server.clinical.services import record_subject
from radcommons.server.curation.services import accept_derived, open_case, take_back
from radcommons.server.intake.services import record_progress
from radcommons.server.journey import rules
from radcommons.server.journey.models import StudyJourney
from radcommons.server.journey.rules import FactLine, Step
from radcommons.server.journey.table import State, Verb
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.models import OutboxFact
from radcommons.server.platform.policy import Action, Actor, authorise

logger = logging.getLogger(__name__)

JOURNEY = Actor.system("journey")
# A verb that fails for a passing reason is asked again at the next rounds; after these it waits for an operator.
MAXIMUM_ATTEMPTS = 5
FOLD_PROBLEMS = frozenset({rules.UNKNOWN_PAIR, rules.UNKNOWN_FACT})
FAILURE = "journey.verb-failed"

Verbs = Mapping[Verb, Callable[[OutboxFact], object]]


def _offer(study_instance_uid: str) -> None:
    """A study that stands in the catalog is there for readers too."""
    suspend_study(study_instance_uid, is_suspended=catalog_study(study_instance_uid) == 0)


def _take_off(study_instance_uid: str) -> None:
    """What leaves the catalog is shown to no reader, until it is cleared again."""
    remove_study(study_instance_uid)
    suspend_study(study_instance_uid, is_suspended=True)


VERBS: Verbs = MappingProxyType(
    {
        Verb.OPEN_CASE: lambda fact: open_case(fact.study_instance_uid),
        Verb.ACCEPT_DERIVED: lambda fact: accept_derived(
            fact.study_instance_uid, sop_instance_uids=fact.facts.get("sop_instance_uids", ())
        ),
        Verb.TAKE_BACK: lambda fact: take_back(
            fact.study_instance_uid, flags=fact.facts.get("flags", ()), since=fact.recorded_at
        ),
        Verb.CATALOG_STUDY: lambda fact: _offer(fact.study_instance_uid),
        Verb.REMOVE_STUDY: lambda fact: _take_off(fact.study_instance_uid),
        Verb.RECORD_SUBJECT: lambda fact: record_subject(
            fact.study_instance_uid, covid19_status=as_status(fact.facts.get("covid19_status")), actor=JOURNEY
        ),
    }
)


class VerbFailedError(RadCommonsError):
    """A room could not do what a fact asks for; everything of this delivery is undone."""

    def __init__(self, fact_id: int, code: str, *, is_passing: bool) -> None:
        super().__init__(Kind.UNAVAILABLE, FAILURE, "A room could not do what a fact asks for.", reason=code)
        self.fact_id = fact_id
        self.reason = code
        self.is_passing = is_passing


def deliver_pending(limit: int = 200, *, verbs: Verbs = VERBS) -> int:
    """Act upon the facts that wait, study by study; a study that fails does not stop the others.

    Parameters
    ----------
    limit
        Studies to look at in one round.
    verbs
        Who does what the table asks for.

    Returns
    -------
    studies
        For how many studies facts were acted upon.
    """
    delivered = 0
    for study_instance_uid in outbox.pending_studies(limit):
        try:
            deliver_study(study_instance_uid, verbs=verbs)
        except VerbFailedError as error:
            _note_failure(error)
        else:
            delivered += 1
    return delivered


def deliver_study(study_instance_uid: str, *, verbs: Verbs = VERBS) -> State:
    """Act upon all waiting facts of one study, in one transaction: facts, verbs and state change together or not at all.

    Raises
    ------
    VerbFailedError
        When a room could not do its part.
    """
    with transaction.atomic():
        journey = _locked(study_instance_uid)
        facts = {fact.pk: fact for fact in outbox.facts_of(study_instance_uid)}
        steps = rules.fold(_lines(facts.values()), blocked=_blocked(facts.values()))
        delivered = {pk for pk, fact in facts.items() if fact.delivered_at is not None}
        for call in rules.calls(steps, delivered=delivered):
            _ask(verbs[call.verb], facts[call.fact_id], name=call.verb.value)
        _note_steps(steps, facts)
        _move(journey, steps, facts)
        return State(journey.state)


def _locked(study_instance_uid: str) -> StudyJourney:
    StudyJourney.objects.get_or_create(study_instance_uid=study_instance_uid)
    return StudyJourney.objects.select_for_update(no_key=True).get(study_instance_uid=study_instance_uid)


def _lines(facts: Iterable[OutboxFact]) -> tuple[FactLine, ...]:
    return tuple(FactLine(fact.pk, fact.kind) for fact in facts)


def _blocked(facts: Iterable[OutboxFact]) -> frozenset[int]:
    return frozenset(fact.pk for fact in facts if fact.failed_at is not None and fact.error_code not in FOLD_PROBLEMS)


def _ask(verb: Callable[[OutboxFact], object], fact: OutboxFact, *, name: str) -> None:
    """Ask one room; whatever it answers with, the study is named by its fact, not by an identifier."""
    try:
        with transaction.atomic():
            verb(fact)
    except OperationalError as error:
        raise VerbFailedError(fact.pk, "platform.database", is_passing=True) from error
    except RadCommonsError as error:
        raise VerbFailedError(fact.pk, error.code, is_passing=error.kind is Kind.UNAVAILABLE) from error
    except (DatabaseError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        logger.exception("a verb of the journey failed: %s", name)
        raise VerbFailedError(fact.pk, f"{FAILURE}.{name}"[:100], is_passing=False) from error


def _note_steps(steps: Sequence[Step], facts: Mapping[int, OutboxFact]) -> None:
    outbox.mark_delivered(
        step.fact.fact_id for step in steps if step.transition and facts[step.fact.fact_id].delivered_at is None
    )
    outbox.retry(step.fact.fact_id for step in steps if step.transition and facts[step.fact.fact_id].failed_at)
    for step in steps:
        if step.problem and facts[step.fact.fact_id].failed_at is None:
            outbox.mark_failed(step.fact.fact_id, step.problem, is_final=True)


def _move(journey: StudyJourney, steps: Sequence[Step], facts: Mapping[int, OutboxFact]) -> None:
    """Write the state, tell the site, and leave one audit row when the state changed."""
    before, after = State(journey.state), rules.end_state(steps)
    moving = [step for step in steps if step.transition and step.transition.next_state != step.from_state]
    mover = facts[moving[-1].fact.fact_id] if moving else None
    if (before, journey.fact_id) == (after, mover.pk if mover else 0):
        return
    journey.state, journey.fact_id = after.value, mover.pk if mover else 0
    journey.since = mover.recorded_at if mover else None
    journey.save(update_fields=["state", "fact_id", "since"])
    reason = str(mover.facts.get("reason", "")) if mover else ""
    record_progress(journey.study_instance_uid, state=after.value, reason=reason, actor=JOURNEY)
    change = {"from": before.value, "to": after.value, "fact": journey.fact_id}
    audit.record(JOURNEY, "journey.move", object_kind="study", object_id=journey.study_instance_uid, facts=change)


def _note_failure(error: VerbFailedError) -> None:
    with transaction.atomic():
        fact = OutboxFact.objects.select_for_update(no_key=True).get(pk=error.fact_id)
        is_final = not error.is_passing or fact.attempts + 1 >= MAXIMUM_ATTEMPTS
        outbox.mark_failed(fact.pk, error.reason, is_final=is_final)
    logger.error("a fact could not be acted upon: fact %d, %s", error.fact_id, error.reason)


def retry_failed(*, actor: Actor) -> int:
    """Give all failed facts another chance; returns how many.

    Raises
    ------
    ForbiddenError
        When the actor does not run this centre.
    """
    authorise(actor, Action.JOURNEY_RETRY)
    with transaction.atomic():
        count = outbox.retry(fact.pk for fact in outbox.failed_facts())
        if count:
            audit.record(actor, "journey.retry", object_kind="outbox", object_id="failed", facts={"count": count})
    return count
