"""A reading project over real stored studies, with readers who have accounts, through the real verbs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.test import Client
from tests.support.studies import OPERATOR, store_study

from radcommons.server.annotation.models import ReadingProject, Task
from radcommons.server.annotation.queries.aliases import aliases_of_task
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.annotation.rules.states import Duty, ProjectVerb
from radcommons.server.annotation.rules.wishes import ProjectWish
from radcommons.server.annotation.services import projects, reading, schemas
from radcommons.server.annotation.sources import CaseSource, register_source
from radcommons.server.archive.models import Instance
from radcommons.server.platform import accounts
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Actor, Role
from radcommons.transfer.annotation.record import Method

READERS = ("anna", "bert", "cleo")


def of_names(name: str, actor: Actor) -> CaseSource:
    """Studies by their Study Instance UIDs, separated by commas."""
    del actor
    rows = Instance.objects.filter(series__study__study_instance_uid__in=name.split(","))
    return CaseSource(rows, {"kind": "named", "name": ""})


register_source("named", of_names)


def label(label_id: str, kind: str = "flag", scope: str = "study", **changes: Any) -> dict[str, Any]:
    """A label as plain JSON."""
    value = {"kind": kind, **changes.pop("value", {})}
    return {"id": label_id, "name": label_id.capitalize(), "scope": scope, "value": value, **changes}


def chest_schema(version: int = 1, **changes: Any) -> dict[str, Any]:
    """One label of each sort that adjudication treats differently."""
    grades = [{"id": name, "name": name} for name in ("none", "mild", "moderate", "severe")]
    looks = [{"id": name, "name": name} for name in ("typical", "indeterminate", "atypical", "negative")]
    labels = [
        label("appearance", "one_of", value={"choices": looks}, is_required=True),
        label("grade", "one_of", value={"choices": grades, "is_ordered": True}),
        label("effusion"),
        label("opacity", scope="region", geometry="mask"),
        label("nodule", scope="region", geometry="box"),
    ]
    groups = [{"id": "all", "name": "All", "labels": labels}]
    plain = {"format": "radcommons.label-schema/1", "name": "chest", "version": version, "title": "Chest"}
    return {**plain, "groups": groups, **changes}


def person(name: str, *roles: Role) -> Actor:
    """An account with roles."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = accounts.create_account(name, actor=OPERATOR, password="correct horse battery")
        for role in roles:
            accounts.grant_role(name, role, actor=OPERATOR)
    return actor_of_user(user)


def browser(name: str) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def make_project(
    folder: Path, *, studies: int = 3, readers: Sequence[str] = READERS, starts: bool = True, **wish: Any
) -> ReadingProject:
    """A project of stored studies ``case-0`` and so on, dealt to its readers unless it is not to start."""
    uids = [store_study(folder, f"case-{number}", slices=2) for number in range(studies)]
    schema = schemas.add_schema(wish.pop("schema", chest_schema()), actor=OPERATOR)
    values = {"slug": "chest-reads", "title": "Chest reads", "readers_per_case": len(readers), "seed": 7, **wish}
    asked = ProjectWish(
        schema_name=schema.name,
        schema_version=schema.version,
        source_kind="named",
        source_name=",".join(uids),
        **values,
    )
    project = projects.create_project(asked, actor=OPERATOR)
    for name in readers:
        person(name, Role.READER)
        projects.add_member(project, name, Duty.READ, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    return projects.move_project(project, ProjectVerb.START_READING, actor=OPERATOR) if starts else project


def task_of(name: str, study_instance_uid: str, occasion: int = 1) -> Task:
    """Somebody's read of a study."""
    return Task.objects.get(reader__user__username=name, case__study_instance_uid=study_instance_uid, occasion=occasion)


def item(item_id: str, label_id: str, study: str, value: Any = None, **changes: Any) -> dict[str, Any]:
    """An item as a browser sends it; without a value a flag that is set."""
    target = {"study_instance_uid": study, **changes.pop("target", {})}
    return {"id": item_id, "label_id": label_id, "target": target, "value": True if value is None else value, **changes}


def submit(name: str, study: str, items: Sequence[dict[str, Any]] = (), **changes: Any) -> Task:
    """Open, read and submit a case as somebody."""
    task = task_of(name, study, changes.pop("occasion", 1))
    actor = person(name)
    reading.open_task(task.key, window="w", actor=actor)
    count = task.revisions.count()
    draft = reading.Draft("w", count + 1, count, items=list(items), **changes)
    reading.submit_read(task.key, draft, actor=actor)
    task.refresh_from_db()
    return task


def looks(study: str, appearance: str = "typical", grade: str = "mild") -> list[dict[str, Any]]:
    """The items of a read that answers the two questions about the whole study."""
    return [item("a", "appearance", study, appearance), item("g", "grade", study, grade)]


def as_told(task: Task, plain: Any) -> Any:
    """Plain JSON under the identifiers that the reader of a task knows."""
    return with_identifiers(plain, aliases_of_task(task).alias)
