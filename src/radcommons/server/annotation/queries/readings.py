"""Submitted reads as values, for those who compare them: adjudication, consensus, agreement, export."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from django.db.models import QuerySet

from radcommons.server.annotation.models import ReadingProject, Revision, Shape, Task
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.states import WRITABLE, TaskState
from radcommons.transfer.annotation.record import Reading, reading_from_json


def readings_of(tasks: Iterable[Task]) -> dict[int, Reading]:
    """The submissions of tasks as readings, by the task's number; tasks without one are left out."""
    tasks = list(tasks)
    bodies = {task.pk: task.submission.body["reading"] for task in tasks if task.submission is not None}
    times = {task.pk: task.submitted_at for task in tasks}
    return {
        key: replace(reading, finished_at=when.isoformat(timespec="seconds") if (when := times[key]) else "")
        for key, reading in _readings(bodies).items()
    }


def _readings(bodies: Mapping[int, Mapping[str, Any]]) -> dict[int, Reading]:
    shapes = _shapes(bodies)
    return {
        key: reading_from_json({**body, "items": contents.with_shapes(body["items"], shapes[key])})
        for key, body in bodies.items()
    }


def begun(project: ReadingProject) -> QuerySet[Task]:
    """Reads that their readers are at: opened, and not submitted."""
    rows = project.tasks.filter(state__in=WRITABLE, submission=None).exclude(opened_at=None)
    return rows.select_related("reader", "case").order_by("reader__pseudonym", "opened_at")


def unfinished(project: ReadingProject) -> QuerySet[Task]:
    """Reads that were begun and ended before they were submitted: the project closed, or they went to somebody else."""
    rows = project.tasks.filter(state=TaskState.REVOKED, submission=None, revision_count__gt=0)
    return rows.select_related("reader", "case").order_by("reader__pseudonym", "touched_at")


def drafts_of(project: ReadingProject) -> list[Reading]:
    """What readers had of their unfinished reads last; nothing is computed from it."""
    rows = Revision.objects.filter(task__in=unfinished(project).order_by()).order_by("task_id", "-number")
    latest = rows.distinct("task_id").values_list("task_id", "body")
    return list(_readings({key: body["reading"] for key, body in latest}).values())


def _shapes(bodies: Mapping[int, Mapping[str, Any]]) -> Mapping[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = defaultdict(dict)
    wanted = {key: contents.named_shapes(body["items"]) for key, body in bodies.items()}
    drawn = [key for key, names in wanted.items() if names]
    rows = Shape.objects.filter(task__in=drawn).values_list("task_id", "sha256", "body")
    for key, sha256, body in rows.iterator(chunk_size=2000):
        if sha256 in wanted[key]:
            found[key][sha256] = orjson.loads(body)
    return found


def reads_document(project: ReadingProject, readings: Iterable[Reading]) -> dict[str, Any]:
    """Readings with the schema they answer and the rules they were compared by: enough to make the project again."""
    return {
        "project": project.slug,
        "title": project.title,
        "schema": project.schema.definition,
        "policies": project.policies,
        "readings": [reading.to_json() for reading in readings],
    }
