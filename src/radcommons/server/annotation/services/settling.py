"""What follows from the reads of a case without a person: outcomes by label, and whether an adjudicator is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from radcommons.server.annotation.models import Case, Outcome, Task
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.queue import defer_agreement
from radcommons.server.annotation.rules.adjudicating import CODE_VERSION, LabelOutcome, compare, unreadable
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.regions import compare_regions
from radcommons.server.annotation.rules.stacks import measured, stack_of
from radcommons.server.annotation.rules.states import DONE, CaseState, OutcomeState, Phase, ReaderKind, TaskState
from radcommons.server.archive.metadata import attributes_of
from radcommons.server.archive.models import Series
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.record import Reading
from radcommons.transfer.annotation.schema import LabelSchema

SYSTEM = Actor.system("annotation")
WHOLE_CASE = "*"


def settle_case(case_id: int) -> CaseState:
    """Compare the reads of a case once all are in; safe to run again.

    An outcome that a person has decided stays decided as long as the reads are those that the person saw.
    """
    with transaction.atomic():
        after, project_id = _settled(case_id)
        defer_agreement(project_id)
    return after


def _settled(case_id: int) -> tuple[CaseState, int]:
    with transaction.atomic():
        case = (
            Case.objects.select_for_update(of=("self",), no_key=True).select_related("project__schema").get(pk=case_id)
        )
        tasks = _first_reads(case)
        # Training cases have an answer already; a reader of training cases learns, and decides nothing.
        is_settled = bool(tasks) and case.phase != Phase.TRAINING and all(task.state in DONE for task in tasks)
        after = _settle(case, tasks) if is_settled else CaseState.READING
        before = CaseState(case.state)
        if after is not before:
            case.state = after
            case.save(update_fields=["state"])
            change = {"from": before.value, "to": after.value}
            audit.record(SYSTEM, "annotation.case-settled", object_kind="case", object_id=case.key, facts=change)
    return after, case.project_id


def settle_project(project_id: int) -> int:
    """Compare the reads of every case of a project, as after an import; returns how many cases need a person."""
    cases = Case.objects.filter(project=project_id, phase__in=[Phase.MAIN, Phase.PILOT]).order_by("pk")
    return sum(_settled(pk)[0] is CaseState.DISPUTED for pk in cases.values_list("pk", flat=True))


def _first_reads(case: Case) -> list[Task]:
    rows = case.tasks.exclude(state=TaskState.REVOKED).filter(occasion=FIRST).exclude(reader__kind=ReaderKind.MODEL)
    return list(rows.select_related("submission", "reader").order_by("reader__pseudonym"))


def _settle(case: Case, tasks: Sequence[Task]) -> CaseState:
    schema = schema_value(case.project.schema)
    readings = readings_of(tasks)
    inputs = sorted(task.submission.sha256 for task in tasks if task.submission is not None)
    readers = [task.reader.pseudonym for task in tasks]
    ordered = [readings[task.pk] for task in tasks]
    found = outcomes(schema, case.project.policies, ordered)
    decided = {row.label: row for row in case.outcomes.filter(state=OutcomeState.DECIDED) if row.inputs == inputs}
    case.outcomes.exclude(pk__in=[row.pk for row in decided.values()]).delete()
    Outcome.objects.bulk_create(
        Outcome(
            case=case,
            label=label,
            policy=case.project.policies.get(label, {}).get("policy", ""),
            state=one.state,
            value=one.value,
            measure=one.measure,
            reason=one.reason,
            detail=_named({**one.detail, **_in_millimetres(case, label, ordered)} if one.detail else {}, readers),
            inputs=inputs,
            code_version=CODE_VERSION,
        )
        for label, one in found.items()
        if label not in decided
    )
    return case_state(case)


def _named(detail: Mapping[str, Any], readers: Sequence[str]) -> dict[str, Any]:
    """Pairs and readers under their pseudonyms instead of their numbers."""
    return {
        name: {_pair(pair, readers): value for pair, value in values.items()}
        if isinstance(values, Mapping)
        else dict(zip(readers, values, strict=True))
        for name, values in detail.items()
    }


def _pair(numbers: str, readers: Sequence[str]) -> str:
    return "/".join(readers[int(number)] for number in numbers.split("-"))


def _in_millimetres(case: Case, label: str, readings: Sequence[Reading]) -> dict[str, Any]:
    """Volumes and distances of borders where the images form a stack of known distances."""
    drawn = [reading.items_of(label) for reading in readings]
    uids = {shape.frame.sop_instance_uid for items in drawn for item in items for shape in item.shapes}
    series = Series.objects.filter(instances__sop_instance_uid__in=uids).distinct()
    if len(series) != 1:
        return {}
    rows = case.members.filter(is_prior=False, instance__series=series[0], instance__is_image=True)
    images = rows.values_list("instance__sop_instance_uid", "instance__dicom_json")
    stack = stack_of({uid: attributes_of(packed) for uid, packed in images})
    return measured(drawn, stack) if stack is not None else {}


def outcomes(
    schema: LabelSchema, policies: Mapping[str, Mapping[str, object]], readings: Sequence[Reading]
) -> dict[str, LabelOutcome]:
    """The outcome of every label that anybody answered; the whole case is one label where it could not be read.

    What is computed from other labels has none: it follows from theirs, and nobody could decide it.
    """
    whole = unreadable(readings)
    if whole is not None:
        return {WHOLE_CASE: whole}
    found = {}
    for label in schema.labels:
        if label.is_computed:
            continue
        policy = policies[label.id]
        one = compare(label, policy, readings) or compare_regions(label, policy, readings)
        if one is not None:
            found[label.id] = one
    return found


def case_state(case: Case) -> CaseState:
    """The state that follows from the outcomes of a case."""
    states = set(case.outcomes.values_list("state", flat=True))
    if OutcomeState.DISPUTED in states:
        return CaseState.DISPUTED
    return CaseState.DECIDED if OutcomeState.DECIDED in states else CaseState.AGREED
