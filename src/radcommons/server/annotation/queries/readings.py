"""Submitted reads as values, for those who compare them: adjudication, consensus, agreement, export."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from radcommons.server.annotation.models import ReadingProject, Shape, Task
from radcommons.server.annotation.rules import contents
from radcommons.transfer.annotation.record import Reading, reading_from_json


def readings_of(tasks: Iterable[Task]) -> dict[int, Reading]:
    """The submissions of tasks as readings, by the task's number; tasks without one are left out."""
    tasks = list(tasks)
    bodies = {task.pk: task.submission.body["reading"] for task in tasks if task.submission is not None}
    shapes = _shapes(bodies)
    times = {task.pk: task.submitted_at for task in tasks}
    found = {}
    for key, body in bodies.items():
        when = times[key]
        items = contents.with_shapes(body["items"], shapes[key])
        finished = when.isoformat(timespec="seconds") if when is not None else ""
        found[key] = reading_from_json({**body, "items": items, "finished_at": finished})
    return found


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
