"""What a reader's page asks: the list, one task, its lease, saving, submitting.

No answer holds a time, a number or an order that depends on what another reader has done.
"""

from typing import Any

from ninja import Field, Router, Schema

from radcommons.server.annotation.models import Task
from radcommons.server.annotation.queries import worklist
from radcommons.server.annotation.queries.aliases import aliases_of_task, meant, task_named
from radcommons.server.annotation.queries.own import LEASE_S
from radcommons.server.annotation.rules.identifiers import with_identifiers
from radcommons.server.annotation.rules.states import TaskState
from radcommons.server.annotation.services import reading
from radcommons.server.annotation.services.reading import Draft
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action

router = Router(tags=["annotation: reading"])
WINDOW = r"^[A-Za-z0-9_-]{1,64}$"


class WindowIn(Schema):
    """Which window asks for the lease."""

    window: str = Field(pattern=WINDOW, description="A random name that the window gave itself when it was opened.")
    is_taking_over: bool = Field(False, description="Push another window of the same reader aside.")


class DraftIn(Schema):
    """A read as a window sends it."""

    window: str = Field(pattern=WINDOW, description="The window that holds the lease.")
    client_revision: int = Field(ge=1, le=2**31 - 1, description="The window's own count of what it sent, from 1.")
    base_revision: int = Field(ge=0, le=2**31 - 1, description="The revision it builds on; 0 before the first.")
    items: list[Any] = Field(
        default=[], description="Items of radcommons.reading/1; a shape saved before may be {'sha256': …}."
    )
    is_nothing_found: bool = False
    flags: list[str] = Field(default=[], description="cannot_read, wrong_body_part, burned_in_text")
    note: str = ""
    verdicts: dict[str, str] = Field(
        default={}, description="In a review: accept or reject, by the id of the proposal."
    )
    viewer_state: dict[str, Any] = {}
    active_seconds: float = Field(0.0, ge=0, le=10**7)

    def draft(self, task: Task) -> Draft:
        """The value that the verbs take, under the identifiers that the house knows."""
        seen = with_identifiers(self.viewer_state, aliases_of_task(task).real)
        given = {"items": meant(task, self.items), "viewer_state": seen, "flags": tuple(self.flags)}
        return Draft(**{**self.dict(), **given})


@router.get("/projects", summary="Projects in which I read", operation_id="own_reading_projects")
@door(Action.ANNOTATION_READ)
def own_projects(request: ActorRequest) -> dict[str, Any]:
    """Return the caller's projects, with how much of their own share is done and which task is next."""
    return {
        "projects": [
            {
                "slug": one.slug,
                "title": one.title,
                "instructions": one.instructions,
                "state": one.state,
                "deadline": one.deadline.isoformat() if one.deadline else None,
                "done": one.done,
                "left": one.left,
                "waiting": one.waiting,
                "next_task": one.next_task or None,
            }
            for one in worklist.own_projects(request.actor)
        ]
    }


@router.get("/projects/{slug}/next", summary="My next task in a project", operation_id="next_task")
@door(Action.ANNOTATION_READ)
def next_task(request: ActorRequest, slug: str, after: str = "") -> dict[str, Any]:
    """Return the key of the next task, null when there is none now; ``after`` leaves out the one that is open."""
    return {"next_task": worklist.next_task(slug, request.actor, besides=after) or None}


@router.get("/tasks", summary="The tasks I have opened", operation_id="own_tasks")
@door(Action.ANNOTATION_READ)
def own_tasks(request: ActorRequest) -> dict[str, Any]:
    """Return the caller's opened and finished tasks; those to come are counted by project only."""
    return {
        "tasks": [
            {
                "task": one.key,
                "project": one.project,
                "number": one.number,
                "state": one.state,
                "is_training": one.phase == "training",
                "active_seconds": one.active_seconds,
                "return_reason": one.return_reason,
            }
            for one in worklist.own_tasks(request.actor)
        ]
    }


@router.get("/tasks/{task}", summary="One task with everything the reading page needs", operation_id="get_task")
@door(Action.ANNOTATION_READ)
def get_task(request: ActorRequest, task: str) -> dict[str, Any]:
    """Return schema, images, the caller's latest revision, proposals, feedback of a training case."""
    return worklist.task_json(task, request.actor)


@router.post("/tasks/{task}/lease", summary="Open a task in this window, or keep it", operation_id="take_lease")
@door(Action.ANNOTATION_READ)
def take_lease(request: ActorRequest, task: str, window: WindowIn) -> dict[str, Any]:
    """Take or renew the lease; 409 ``annotation.lease-held`` when another window of the caller holds it."""
    opened = reading.open_task(task, window=window.window, actor=request.actor, is_taking_over=window.is_taking_over)
    return {"state": opened.state, "revision": opened.revision_count, "lease_seconds": LEASE_S}


@router.delete("/tasks/{task}/lease/{window}", summary="Let go of a task", operation_id="release_lease")
@door(Action.ANNOTATION_READ)
def release_lease(request: ActorRequest, task: str, window: str) -> dict[str, Any]:
    """Give the lease back, as a window does when it is closed."""
    reading.release_lease(task, window=window, actor=request.actor)
    return {}


@router.put("/tasks/{task}/read", summary="Save a draft", operation_id="save_read")
@door(Action.ANNOTATION_READ)
def save_read(request: ActorRequest, task: str, draft: DraftIn) -> dict[str, Any]:
    """Keep a draft; the same ``client_revision`` again is answered the same and kept once.

    ``shapes`` names what was drawn, by item: next time the name is enough.

    409 ``annotation.revision-conflict`` when another window has saved since, ``annotation.lease-held`` when another one
    is at it; 422 with findings when it contradicts the schema.
    """
    named = task_named(task)
    saved = reading.save_read(task, draft.draft(named), actor=request.actor)
    aliases = aliases_of_task(named)
    names = {
        item["id"]: [aliases.token(shape["sha256"]) for shape in item["shapes"]]
        for item in saved.body["reading"]["items"]
        if item["shapes"]
    }
    return {"revision": saved.number, "state": TaskState.IN_PROGRESS, "lease_seconds": LEASE_S, "shapes": names}


@router.post("/tasks/{task}/submit", summary="Submit a read", operation_id="submit_read")
@door(Action.ANNOTATION_READ)
def submit_read(request: ActorRequest, task: str, draft: DraftIn) -> dict[str, Any]:
    """Submit a read; returns the next task of the project, and the answer where the case was for training."""
    saved = reading.submit_read(task, draft.draft(task_named(task)), actor=request.actor)
    told = worklist.task_json(task, request.actor)
    return {
        "revision": saved.number,
        "state": told["state"],
        "feedback": told["feedback"],
        "next_task": worklist.next_task(told["project"]["slug"], request.actor) or None,
    }


@router.post("/tasks/{task}/reopen", summary="Read a submitted case again", operation_id="reopen_task")
@door(Action.ANNOTATION_READ)
def reopen_task(request: ActorRequest, task: str, window: WindowIn) -> dict[str, Any]:
    """Open a submitted read again; what was submitted stays on record until another submission supersedes it."""
    opened = reading.reopen(task, window=window.window, actor=request.actor)
    return {"state": opened.state, "revision": opened.revision_count, "lease_seconds": LEASE_S}
