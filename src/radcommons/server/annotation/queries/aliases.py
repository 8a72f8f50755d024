"""The identifiers under which a reader, or an adjudicator, knows the images of a case, and the way back.

They are made of a secret of the centre and the address of the task, so that they need no table, differ from task to
task (a hidden repeat is no more like its first read than any other case), and lead back only here.
"""

import hashlib
import hmac
from typing import Any

from radcommons.server.annotation.models import Case, CaseInstance, Shape, Task
from radcommons.server.annotation.rules import contents
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.archive.aliases import Aliases
from radcommons.server.archive.recently_used import RecentlyUsed
from radcommons.server.platform import keys
from radcommons.server.platform.errors import NotFoundError

_KEY_FILE = "blinding.key"
# What an identifier, its alias and their two entries take.
_BYTES_OF_ONE = 500
_made: RecentlyUsed[tuple[str, int], Aliases] = RecentlyUsed(64 << 20)


def aliases_of_task(task: Task) -> Aliases:
    """How the images of a task are called where its reader meets them."""
    return _aliases(f"tasks/{task.key}", task.case_id)


def aliases_of_case(case: Case) -> Aliases:
    """How the images of a case are called where an adjudicator meets them."""
    return _aliases(f"adjudications/{case.key}", case.pk)


def _aliases(name: str, case_id: int) -> Aliases:
    # The images of a case never change; the key of the mapping is not kept with them.
    found = _made.get((name, case_id))
    if found is None:
        columns = ("instance__series__study__study_instance_uid", "instance__series__series_instance_uid")
        rows = CaseInstance.objects.filter(case=case_id).values_list(*columns, "instance__sop_instance_uid")
        held = {uid for row in rows for uid in row}
        held |= set(Case.objects.filter(pk=case_id).values_list("study_instance_uid", flat=True))
        found = Aliases(hmac.digest(keys.secret(_KEY_FILE), name.encode(), hashlib.sha256), held)
        _made.put((name, case_id), found, size_bytes=_BYTES_OF_ONE * len(held))
    return found


def task_named(task_key: str) -> Task:
    """A task, whoever asks: for translating alone, never for showing.

    Raises
    ------
    NotFoundError
        When there is none of that name.
    """
    task = Task.objects.filter(key=task_key).first()
    if task is None:
        raise NotFoundError
    return task


def meant(task: Task, items: list[Any]) -> Any:
    """Items as a reader's page sends them, with the identifiers and the names of shapes that are kept."""
    aliases = aliases_of_task(task)
    tokens = contents.named_shapes(items)
    digests = Shape.objects.filter(task=task).values_list("sha256", flat=True) if tokens else ()
    real = {aliases.token(digest): {"sha256": digest} for digest in digests}
    return contents.with_shapes(with_identifiers(items, aliases.real), real)
