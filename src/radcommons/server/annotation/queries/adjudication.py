"""What an adjudicator sees: the queue, and one case with its readers as anonymous columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from radcommons.server.annotation.models import Case, Decision, Reader, ReadingProject, Task
from radcommons.server.annotation.queries.aliases import aliases_of_case
from radcommons.server.annotation.queries.published import without_published
from radcommons.server.annotation.queries.worklist import revision_json
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.annotation.rules.lots import Lot
from radcommons.server.annotation.rules.people import account_of
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.states import (
    DONE,
    CaseState,
    Duty,
    OutcomeState,
    ProjectState,
    ReaderKind,
    TaskState,
)
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.queries import series_list
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A case that waits for an adjudicator."""

    case: Case
    number: int
    labels: int
    reads: int


def memberships(actor: Actor) -> QuerySet[Reader]:
    """The projects in which somebody adjudicates."""
    authorise(actor, Action.ANNOTATION_ADJUDICATE)
    rows = Reader.objects.filter(duty=Duty.ADJUDICATE, is_active=True).exclude(project__state=ProjectState.DRAFT)
    return rows.filter(user_id=account_of(actor), user__isnull=False).select_related("project__schema")


def membership(project_slug: str, actor: Actor) -> Reader:
    """The adjudicator that an actor is in a project.

    Raises
    ------
    NotFoundError
        When the actor does not adjudicate there, or there is no such project.
    """
    found = memberships(actor).filter(project__slug=project_slug).first()
    if found is None:
        raise NotFoundError("There is no such project in which you adjudicate.")
    return found


def waiting(project: ReadingProject, actor: Actor) -> QuerySet[Case]:
    """The cases of a project that need a person, without those that the actor reads, the oldest first."""
    own = Task.objects.filter(reader__user_id=account_of(actor)).exclude(state=TaskState.REVOKED).values("case")
    rows = project.cases.filter(state=CaseState.DISPUTED, is_suspended=False)
    return rows.exclude(pk__in=own).order_by("pk")


def queue_lines(cases: Sequence[Case], *, first_number: int = 1) -> list[QueueLine]:
    """Lines of the queue, each with how many labels need a word."""
    keys = [case.pk for case in cases]
    rows = Case.objects.filter(pk__in=keys).annotate(
        labels=Count("outcomes", filter=Q(outcomes__state=OutcomeState.DISPUTED), distinct=True),
        reads=Count("tasks", filter=Q(tasks__state__in=DONE, tasks__occasion=FIRST), distinct=True),
    )
    counts = {row.pk: (row.labels, row.reads) for row in rows}
    return [QueueLine(case, first_number + place, *counts[case.pk]) for place, case in enumerate(cases)]


def adjudicated_case(case_key: str, actor: Actor) -> tuple[Case, Reader]:
    """A case for its adjudicator, once all its reads are in.

    Raises
    ------
    NotFoundError
        When the actor does not adjudicate in its project, reads it, or it is still being read.
    """
    rows = Case.objects.select_related("project__schema").filter(key=case_key, is_suspended=False)
    case = rows.exclude(state=CaseState.READING).first()
    if case is None:
        raise NotFoundError
    member = memberships(actor).filter(project=case.project_id).first()
    still_reads = case.tasks.filter(reader__user_id=account_of(actor)).exclude(state__in=[TaskState.REVOKED, *DONE])
    if member is None or still_reads.exists():
        raise NotFoundError
    return case, member


def columns_of(case: Case) -> list[tuple[str, Task]]:
    """The submissions of a case under letters, in an order drawn for this case, so that no letter is always the same reader."""
    rows = case.tasks.filter(state__in=DONE, occasion=FIRST).exclude(reader__kind=ReaderKind.MODEL)
    tasks = list(rows.select_related("submission", "reader").order_by("reader__pseudonym"))
    Lot(f"{case.project.seed}/{case.key}").shuffle(tasks)
    return list(zip(LETTERS, tasks, strict=False))


def visible_to_adjudicator(case: Case) -> QuerySet[Instance]:
    """The images of a case, with priors where the project shows them."""
    wanted = Q(reading_members__case=case.pk)
    if not case.project.shows_priors:
        wanted &= Q(reading_members__is_prior=False)
    return without_published(Instance.objects.filter(wanted, state=InstanceState.STORED))


def seen_digest(case: Case) -> str:
    """A name for the reads that an adjudicator sees; a decision is about these and no others."""
    rows = case.tasks.filter(state__in=DONE, occasion=FIRST).exclude(reader__kind=ReaderKind.MODEL)
    return sha256_hex(canonical_json(sorted(rows.values_list("submission__sha256", flat=True))))


def case_json(case_key: str, actor: Actor) -> dict[str, Any]:
    """Everything the adjudication page needs of one case; who is behind a column is not told.

    Raises
    ------
    NotFoundError
        See :func:`adjudicated_case`.
    """
    case, _ = adjudicated_case(case_key, actor)
    told: dict[str, Any] = with_identifiers(_case_json(case, actor), aliases_of_case(case).alias)
    return told


def _case_json(case: Case, actor: Actor) -> dict[str, Any]:
    project = case.project
    visible = visible_to_adjudicator(case)
    return {
        "case": case.key,
        "state": case.state,
        "seen": seen_digest(case),
        "project": {"slug": project.slug, "title": project.title, "instructions": project.instructions},
        "schema": project.schema.definition,
        "hanging": project.hanging,
        "dicomweb_root": f"/dicom-web/adjudications/{case.key}",
        "study_instance_uid": case.study_instance_uid,
        "series": [
            {
                "series_instance_uid": one.series_instance_uid,
                "series_number": one.series_number,
                "modality": one.modality,
                "image_count": one.image_count,
                "frame_count": one.frame_count,
            }
            for one in series_list(case.study_instance_uid, instances=visible)
        ],
        "columns": [{"column": letter, **_said(task)} for letter, task in columns_of(case)],
        "outcomes": [_outcome_json(case, row) for row in case.outcomes.order_by("pk")],
        "decisions": [_decision_json(row) for row in case.decisions.order_by("pk")],
        "is_own_read": case.tasks.filter(reader__user_id=account_of(actor)).exclude(state=TaskState.REVOKED).exists(),
    }


def _said(task: Task) -> dict[str, Any]:
    if task.submission is None:
        return {"items": [], "is_nothing_found": False, "flags": [], "note": ""}
    said = revision_json(task.submission)
    return {name: said[name] for name in ("items", "is_nothing_found", "flags", "note")}


def _outcome_json(case: Case, row: Any) -> dict[str, Any]:
    letters = {task.reader.pseudonym: letter for letter, task in columns_of(case)}
    dice = {
        "/".join(sorted(letters[name] for name in pair.split("/"))): value
        for pair, value in row.detail.get("dice", {}).items()
        if all(name in letters for name in pair.split("/"))
    }
    return {
        "label": row.label,
        "policy": row.policy,
        "state": row.state,
        "value": row.value,
        "measure": row.measure,
        "reason": row.reason,
        "dice": dice,
    }


def _decision_json(row: Decision) -> dict[str, Any]:
    return {"label": row.label, "verdict": row.verdict, "value": row.value, "rationale": row.rationale}
