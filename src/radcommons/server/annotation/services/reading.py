"""The verbs of a reader: open a case, save, submit, read it again. Everything is answered from the reader's own list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

import orjson
from django.db import transaction
from django.utils import timezone

from radcommons import __version__
from radcommons.dicom.finding import Finding
from radcommons.server.annotation.errors import (
    LeaseHeldError,
    MoveNotPossibleError,
    ProjectPausedError,
    ReadEndedError,
    ReadIncompleteError,
    RevisionConflictError,
)
from radcommons.server.annotation.models import Answer, CaseInstance, Revision, Shape, Task
from radcommons.server.annotation.queries.own import LEASE_S, ended_task, own_task
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queue import defer_settling
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.proposals import accepted_items, check_verdicts, without
from radcommons.server.annotation.rules.states import (
    ENDINGS,
    FLAGS_FOR_CURATION,
    OPEN_PROJECT,
    WRITABLE,
    CaseState,
    Phase,
    ProjectState,
    TaskKind,
    TaskState,
)
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.record import READING_FORMAT, Reading, reading_from_json
from radcommons.transfer.annotation.schema import LabelSchema

SOFTWARE = f"RadCommons {__version__}"
# Focus and input are measured by the page; no more time than has passed since the case was opened counts.
CLOCK_SLACK_S = 5.0
FACT_KIND = "ReaderFlagged"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a window sends to be saved.

    Parameters
    ----------
    window
        A name that the window gave itself; the holder of the lease.
    client_revision
        Its own count of what it sent, from 1: the same number again is the same draft again.
    base_revision
        The number of the revision it builds on, as the last answer named it; 0 when nothing was saved yet.
    items
        Items of :class:`radcommons.transfer.annotation.record.Reading` as plain JSON; a shape that was saved before may be
        given as ``{"sha256": …}``.
    verdicts
        In a review: for each proposed finding (by the id of its item) ``accept`` or ``reject``.
    viewer_state
        Where the reader was: series, slice, window. Kept, never judged.
    active_seconds
        Time with focus and input on this case so far, in all windows.
    """

    window: str
    client_revision: int
    base_revision: int
    items: object = ()
    is_nothing_found: bool = False
    flags: tuple[str, ...] = ()
    note: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    viewer_state: Mapping[str, Any] = field(default_factory=dict)
    active_seconds: float = 0.0


def open_task(task_key: str, *, window: str, actor: Actor, is_taking_over: bool = False) -> Task:
    """Open a task in a window, which then holds the lease; again and again, to keep it.

    Raises
    ------
    LeaseHeldError
        When another window holds it and is not to be pushed aside.
    MoveNotPossibleError
        When the project is not being read; what was opened before a pause may be gone on with.
    ReadEndedError
        When it was opened before and can no longer be submitted.
    """
    with transaction.atomic():
        try:
            task = own_task(task_key, actor, is_locked=True)
        except NotFoundError:
            ending = ended_task(task_key, actor)[1]
            raise ReadEndedError(ending.value, ENDINGS[ending]) from None
        if task.state not in WRITABLE:
            return task
        _demand_running(task, is_draft=task.opened_at is not None)
        _take_lease(task, window, is_taking_over=is_taking_over)
        if task.state == TaskState.ASSIGNED:
            task.state, task.opened_at = TaskState.OPENED, timezone.now()
            audit.record(actor, "annotation.opened", object_kind="task", object_id=task.key)
        task.save(update_fields=["state", "opened_at", "lease_window", "lease_until"])
    return task


def _demand_running(task: Task, *, is_draft: bool = False) -> None:
    state = ProjectState(task.project.state)
    if state is ProjectState.PAUSED:
        if not is_draft:
            raise ProjectPausedError
    elif state not in OPEN_PROJECT:
        raise MoveNotPossibleError(state)


def _take_lease(task: Task, window: str, *, is_taking_over: bool = False) -> None:
    now = timezone.now()
    is_held = bool(task.lease_window) and task.lease_until is not None and task.lease_until > now
    if is_held and task.lease_window != window and not is_taking_over:
        raise LeaseHeldError
    task.lease_window, task.lease_until = window, now + timedelta(seconds=LEASE_S)


def release_lease(task_key: str, *, window: str, actor: Actor) -> None:
    """Let go of a task, as a window does when it is closed; the lease of another window stays."""
    with transaction.atomic():
        task = own_task(task_key, actor, is_locked=True)
        if task.lease_window == window:
            task.lease_window, task.lease_until = "", None
            task.save(update_fields=["lease_window", "lease_until"])


def save_read(task_key: str, draft: Draft, *, actor: Actor) -> Revision:
    """Keep what a reader has so far; sent twice it is kept once. While a project is paused drafts are kept all the same.

    Raises
    ------
    ReadEndedError
        When the read ended meanwhile; what was sent is then kept as a late draft.
    LeaseHeldError, RevisionConflictError
        When another window is at it, or has saved since.
    AnnotationFormatError, ReadIncompleteError
        When what was sent is not a read, or contradicts its schema; what is merely missing is no matter yet.
    """
    try:
        return _save(task_key, draft, actor)
    except NotFoundError:
        _keep_late(task_key, draft, actor)


def _save(task_key: str, draft: Draft, actor: Actor) -> Revision:
    with transaction.atomic():
        task = own_task(task_key, actor, is_locked=True)
        known = _sent_before(task, draft)
        if known is not None:
            return known
        reading = _checked(task, draft, is_complete=False)
        revision = _write(task, draft, reading, is_submission=False)
        if task.state != TaskState.IN_PROGRESS:
            audit.record(actor, "annotation.begun", object_kind="task", object_id=task.key)
        task.state = TaskState.IN_PROGRESS
        _save_task(task)
    return revision


def _keep_late(task_key: str, draft: Draft, actor: Actor) -> NoReturn:
    """Keep what comes after a read has ended: nothing that somebody drew is thrown away, and nothing of it counts.

    Raises
    ------
    ReadEndedError
        Always, unless:
    NotFoundError
        When the actor never had such a read open.
    """
    with transaction.atomic():
        task, ending = ended_task(task_key, actor, is_locked=True)
        is_kept = _sent_before(task, draft) is not None
        reading, findings = _as_reading(task, draft, is_complete=False)
        if not is_kept and not any(finding.is_error for finding in findings):
            revision = _write(task, draft, reading, is_submission=False)
            task.save(update_fields=["revision_count", "active_seconds", "touched_at"])
            facts = {"revision": revision.number, "sha256": revision.sha256, "ending": ending.value}
            audit.record(actor, "annotation.late-draft", object_kind="task", object_id=task.key, facts=facts)
            is_kept = True
    raise ReadEndedError(ending.value, ENDINGS[ending], is_kept=is_kept)


def submit_read(task_key: str, draft: Draft, *, actor: Actor) -> Revision:
    """Declare a read finished. It is never changed again, only superseded by another submission.

    Raises
    ------
    ReadIncompleteError
        When required answers are missing; see :func:`save_read` for the rest.
    ProjectPausedError
        When the project is paused.
    """
    try:
        return _submit(task_key, draft, actor)
    except NotFoundError:
        _keep_late(task_key, draft, actor)


def _submit(task_key: str, draft: Draft, actor: Actor) -> Revision:
    with transaction.atomic():
        task = own_task(task_key, actor, is_locked=True)
        known = _sent_before(task, draft)
        if known is not None and known.is_submission:
            return known
        reading = _checked(task, draft, is_complete=True)
        revision = _write(task, draft, reading, is_submission=True)
        was_submitted = task.submission_id is not None
        task.state, task.submission, task.submitted_at = TaskState.SUBMITTED, revision, timezone.now()
        task.lease_window, task.lease_until, task.return_reason = "", None, ""
        _save_task(task)
        _write_answers(task, reading)
        _open_repeat(task)
        _announce(task, reading)
        facts = {"revision": revision.number, "sha256": revision.sha256, "is_superseding": was_submitted}
        audit.record(actor, "annotation.submitted", object_kind="task", object_id=task.key, facts=facts)
        defer_settling(task.case_id)
    return revision


def reopen(task_key: str, *, window: str, actor: Actor) -> Task:
    """Read a submitted case again; the submission counts until another one supersedes it.

    Raises
    ------
    MoveNotPossibleError
        When it cannot be superseded: it was not submitted, its case was adjudicated, or it was a training case.
    """
    with transaction.atomic():
        task = own_task(task_key, actor, is_locked=True)
        if task.state != TaskState.SUBMITTED or task.phase == Phase.TRAINING:
            raise MoveNotPossibleError(task.state)
        _demand_running(task)
        task.state = TaskState.IN_PROGRESS
        _take_lease(task, window)
        task.save(update_fields=["state", "lease_window", "lease_until"])
        audit.record(actor, "annotation.reopened", object_kind="task", object_id=task.key)
    return task


def _sent_before(task: Task, draft: Draft) -> Revision | None:
    return task.revisions.filter(window=draft.window, client_revision=draft.client_revision).first()


def _checked(task: Task, draft: Draft, *, is_complete: bool) -> Reading:
    """The read that a draft is, once task, lease and contents allow it."""
    if task.state not in WRITABLE:
        raise MoveNotPossibleError(task.state)
    _demand_running(task, is_draft=not is_complete)
    _take_lease(task, draft.window)
    if draft.base_revision != task.revision_count:
        raise RevisionConflictError(task.revision_count)
    reading, findings = _as_reading(task, draft, is_complete=is_complete)
    wrong = [finding for finding in findings if finding.is_error]
    if wrong:
        raise ReadIncompleteError(wrong)
    return reading


def _as_reading(task: Task, draft: Draft, *, is_complete: bool) -> tuple[Reading, list[Finding]]:
    schema = schema_value(task.project.schema)
    reading = contents.with_computed(schema, _reading(task, schema, draft))
    findings = check_reading(schema, reading, is_complete=is_complete) + places_of(task.case_id, reading)
    if task.project.task_kind == TaskKind.REVIEW:
        findings += check_verdicts(task.proposals, draft.verdicts, is_complete=is_complete)
    return reading, findings


def _reading(task: Task, schema: LabelSchema, draft: Draft) -> Reading:
    digests = contents.named_shapes(draft.items)
    rows = task.shapes.filter(sha256__in=digests).values_list("sha256", "body")
    items = contents.with_shapes(draft.items, {sha256: orjson.loads(body) for sha256, body in rows})
    if isinstance(items, list) and task.proposals:
        items = [*without(task.proposals, items), *accepted_items(task.proposals, draft.verdicts)]
    return reading_from_json(
        {
            "format": READING_FORMAT,
            "id": task.key,
            "study_instance_uid": task.case.study_instance_uid,
            "reader": task.reader.pseudonym,
            "method": task.reader.method,
            "schema": schema.reference.to_json(),
            "items": items,
            "is_nothing_found": draft.is_nothing_found,
            "flags": list(draft.flags),
            "note": draft.note,
            "active_seconds": _honest(task, draft.active_seconds),
            "software": SOFTWARE,
        }
    )


def _honest(task: Task, seconds: float) -> float:
    """The time that a page measured, never less than before and never more than has passed."""
    opened = task.opened_at or timezone.now()
    elapsed = (timezone.now() - opened).total_seconds() + CLOCK_SLACK_S
    return round(max(task.active_seconds, min(seconds, elapsed)), 1)


def places_of(case_id: int, reading: Reading) -> list[Finding]:
    """What a reading names that is not in its case, or not of its size."""
    uids = {shape.frame.sop_instance_uid for item in reading.items for shape in item.shapes}
    uids |= {item.target.sop_instance_uid for item in reading.items if item.target.sop_instance_uid}
    columns = ("sop_instance_uid", "rows", "columns", "number_of_frames", "series__series_instance_uid")
    members = CaseInstance.objects.filter(case=case_id, is_prior=False, instance__sop_instance_uid__in=uids)
    rows = list(members.values_list(*(f"instance__{column}" for column in columns)))
    frames = {uid: (height, width, number) for uid, height, width, number, _ in rows}
    return contents.check_places(reading, frames, {row[0]: row[4] for row in rows})


def _write(task: Task, draft: Draft, reading: Reading, *, is_submission: bool) -> Revision:
    body, shapes = contents.packed(reading)
    Shape.objects.bulk_create(
        (Shape(task=task, sha256=sha256, body=text) for sha256, text in shapes.items()), ignore_conflicts=True
    )
    now = timezone.now()
    task.revision_count += 1
    task.active_seconds, task.touched_at = reading.active_seconds, now
    task.opened_at = task.opened_at or now
    return Revision.objects.create(
        task=task,
        number=task.revision_count,
        window=draft.window,
        client_revision=draft.client_revision,
        is_submission=is_submission,
        schema=task.project.schema,
        body={"reading": body, "verdicts": dict(draft.verdicts), "viewer_state": dict(draft.viewer_state)},
        sha256=reading.digest,
        active_seconds=reading.active_seconds,
        software=SOFTWARE,
        saved_at=now,
    )


def _save_task(task: Task) -> None:
    names = ["state", "submission", "submitted_at", "opened_at", "touched_at", "active_seconds"]
    task.save(update_fields=[*names, "revision_count", "lease_window", "lease_until", "return_reason"])


def _write_answers(task: Task, reading: Reading) -> None:
    """Keep the answers as agreement reads them; those of an earlier submission go."""
    task.answers.all().delete()
    schema = schema_value(task.project.schema)
    answers = contents.answers_of(schema, reading)
    Answer.objects.bulk_create(
        Answer(task=task, question=question, value=value, number=number)
        for question, (value, number) in answers.items()
    )


def _open_repeat(task: Task) -> None:
    """From the first read on the wash-out of its repeat runs."""
    if task.case.state != CaseState.DECIDED:
        available = timezone.now() + timedelta(days=task.project.washout_days)
        Task.objects.filter(
            case=task.case_id, reader=task.reader_id, occasion__gt=task.occasion, opened_at=None
        ).update(available_at=available)


def _announce(task: Task, reading: Reading) -> None:
    """Tell the journey of what sends the study back to the curators."""
    flags = sorted(flag.value for flag in FLAGS_FOR_CURATION & set(reading.flags))
    if flags and task.case.study_id is not None:
        outbox.announce(FACT_KIND, study_instance_uid=task.case.study_instance_uid, facts={"flags": flags})
