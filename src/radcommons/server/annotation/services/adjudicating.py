"""The verb of an adjudicator: decide one label of a case, on the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from radcommons.server.annotation.errors import DecisionInvalidError, ReadIncompleteError
from radcommons.server.annotation.models import Case, Decision, Outcome, Task
from radcommons.server.annotation.queries.adjudication import adjudicated_case, columns_of, seen_digest
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.queue import defer_agreement
from radcommons.server.annotation.rules.merging import merged_items
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.states import CaseState, OutcomeState, TaskState, Verdict
from radcommons.server.annotation.services.settling import WHOLE_CASE, case_state
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, ForbiddenError
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.record import Item, Method, Reading
from radcommons.transfer.annotation.schema import LabelSchema
from radcommons.transfer.annotation.untyped import Node


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an adjudicator says about one label.

    Parameters
    ----------
    label
        The label; ``*`` for the whole case where readers differ on whether it can be read.
    verdict
        Pick one column, merge several, or answer anew.
    seen
        The name of the reads that the adjudicator saw, as the case told it.
    columns
        Letters of the columns picked or merged.
    items
        For a new answer, or a merge by hand: its items as plain JSON. An empty new answer says that there is nothing.
    rationale
        Why; read by everybody who uses the labels.
    override_reason
        Why an adjudicator who has read the case decides all the same.
    """

    label: str
    verdict: Verdict
    seen: str
    rationale: str
    columns: Sequence[str] = ()
    items: Sequence[object] = ()
    override_reason: str = ""


def decide(case_key: str, ruling: Ruling, *, actor: Actor) -> Decision:
    """Decide a label of a case; its reads can then no longer be superseded.

    Raises
    ------
    NotFoundError, ForbiddenError
        When the actor does not adjudicate the case, or has read it and gives no reason to decide all the same.
    ConflictError
        When a read was superseded since the adjudicator looked.
    DecisionInvalidError, AnnotationFormatError, ReadIncompleteError
        When the ruling lacks what its verdict needs, or its items do not answer the schema.
    """
    with transaction.atomic():
        found, member = adjudicated_case(case_key, actor)
        case = (
            Case.objects.select_for_update(of=("self",), no_key=True).select_related("project__schema").get(pk=found.pk)
        )
        _demand_impartial(case, ruling, actor)
        if ruling.seen != seen_digest(case):
            raise ConflictError(
                "annotation.reads-changed", "A read was superseded since you looked. Load the case again."
            )
        if not ruling.rationale.strip():
            raise DecisionInvalidError("Say why: one sentence that a user of the labels understands.")
        columns = dict(columns_of(case))
        value = _value(case, ruling, columns)
        decision = Decision.objects.create(
            case=case,
            label=ruling.label,
            verdict=ruling.verdict,
            picked=[_digest(columns[letter]) for letter in ruling.columns],
            value=value,
            rationale=ruling.rationale.strip(),
            inputs=sorted(_digest(task) for task in columns.values()),
            adjudicator=member,
            override_reason=ruling.override_reason.strip(),
            decided_at=timezone.now(),
        )
        _take_effect(case, decision)
        facts = {"label": ruling.label, "verdict": ruling.verdict.value, "override": ruling.override_reason.strip()}
        audit.record(actor, "annotation.adjudicated", object_kind="case", object_id=case.key, facts=facts)
        defer_agreement(case.project_id)
    return decision


def _digest(task: Task) -> str:
    return task.submission.sha256 if task.submission is not None else ""


def _demand_impartial(case: Case, ruling: Ruling, actor: Actor) -> None:
    has_read = case.tasks.filter(reader__user_id=account_of(actor)).exclude(state=TaskState.REVOKED).exists()
    if has_read and not ruling.override_reason.strip():
        raise ForbiddenError(
            "You have read this case. Somebody else decides it, unless you give a reason on the record."
        )


def _value(case: Case, ruling: Ruling, columns: Mapping[str, Task]) -> dict[str, Any]:
    """What the label is from now on: items and, for the whole case, the flags."""
    schema = schema_value(case.project.schema)
    label = schema.label(ruling.label)
    if ruling.label != WHOLE_CASE and label is None:
        raise DecisionInvalidError("The schema has no such label.")
    if label is not None and label.is_computed:
        raise DecisionInvalidError("That label follows from others: decide those.")
    if set(ruling.columns) - columns.keys():
        raise DecisionInvalidError("There is no such column.")
    readings = readings_of(columns[letter] for letter in ruling.columns)
    chosen = [readings[columns[letter].pk] for letter in ruling.columns]
    if ruling.label == WHOLE_CASE:
        if ruling.verdict is not Verdict.PICK or len(chosen) != 1:
            raise DecisionInvalidError("Whether a case can be read is decided by picking one reader's word.")
        return {
            "items": [item.to_json() for item in chosen[0].items],
            "flags": [flag.value for flag in chosen[0].flags],
        }
    items = _items(schema, ruling, chosen)
    _demand_sound(case, schema, items)
    return {"items": [item.to_json() for item in items]}


def _items(schema: LabelSchema, ruling: Ruling, chosen: Sequence[Reading]) -> tuple[Item, ...]:
    given = tuple(Item.from_json(node) for node in Node(list(ruling.items), "items").each(most=10_000))
    if any(item.label_id != ruling.label for item in given):
        raise DecisionInvalidError("The items answer another label.")
    match ruling.verdict:
        case Verdict.PICK:
            if len(chosen) != 1 or given:
                raise DecisionInvalidError("Pick exactly one column.")
            return chosen[0].items_of(ruling.label)
        case Verdict.MERGE:
            label = schema.label(ruling.label)
            if len(chosen) < 2 or label is None:  # noqa: PLR2004 - one column cannot be merged
                raise DecisionInvalidError("Merge at least two columns.")
            return given or merged_items(label, chosen)
        case Verdict.NEW:
            if chosen:
                raise DecisionInvalidError("A new answer picks no column.")
            return given


def _demand_sound(case: Case, schema: LabelSchema, items: tuple[Item, ...]) -> None:
    reading = Reading(
        id=case.key,
        study_instance_uid=case.study_instance_uid,
        reader="adjudication",
        method=Method.RETROSPECTIVE_EXPERT,
        schema=schema.reference,
        items=items,
    )
    wrong = [one for one in check_reading(schema, reading, is_complete=False) if one.is_error]
    if wrong:
        raise ReadIncompleteError(wrong)


def _take_effect(case: Case, decision: Decision) -> None:
    Outcome.objects.update_or_create(
        case=case,
        label=decision.label,
        defaults={
            "state": OutcomeState.DECIDED,
            "value": decision.value,
            "reason": "",
            "inputs": decision.inputs,
            "code_version": "",
        },
    )
    case.tasks.filter(state=TaskState.SUBMITTED).update(state=TaskState.LOCKED)
    case.state = case_state(case)
    if case.state == CaseState.AGREED:
        case.state = CaseState.DECIDED
    case.save(update_fields=["state"])
