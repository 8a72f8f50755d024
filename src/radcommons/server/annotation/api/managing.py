"""What a project manager's programs ask: schemas, projects, members, assignment, progress."""

from datetime import date
from http import HTTPStatus
from typing import Any

from ninja import Field, Router, Schema

from radcommons.server.annotation.models import Reader, ReadingProject
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.rules.hanging import Hanging
from radcommons.server.annotation.rules.states import Duty, ProjectVerb, TaskKind
from radcommons.server.annotation.rules.wishes import Blinding, ProjectWish, Stopping
from radcommons.server.annotation.services import assigning, modelling, projects, schemas
from radcommons.server.annotation.services.modelling import ModelRead
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action
from radcommons.transfer.annotation.record import Method

router = Router(tags=["annotation: managing"])


class SchemaIn(Schema):
    """A version of a label schema."""

    definition: dict[str, Any] = Field(description="radcommons.label-schema/1")
    mapping: dict[str, Any] = Field(
        default={},
        description="labels: new id by old id, '' for one that ended; choices: list of {label, choice, to}.",
    )
    is_replacing: bool = Field(False, description="Change a version that no project uses yet.")


class SourceIn(Schema):
    """Where the cases come from."""

    kind: str = Field(description="cohort, release or catalog")
    name: str = ""


class ProjectIn(Schema):
    """A reading project as its manager wishes it; see the guide of annotation for each word."""

    slug: str
    title: str
    schema_name: str
    schema_version: int
    source: SourceIn
    instructions: str = ""
    task_kind: TaskKind = TaskKind.READ
    readers_per_case: int = 3
    overlap_share: float = 1.0
    repeat_share: float = 0.0
    washout_days: int = 14
    pilot_cases: int = 0
    training: dict[str, list[Any]] = Field(default={}, description="Items of the answer, by Study Instance UID.")
    return_after_days: int = 14
    deadline: date | None = None
    blinding: dict[str, bool] = {}
    stopping: dict[str, Any] = {}
    hanging: dict[str, Any] = Field(
        default={}, description="windows: list of {name, center, width}; layout: one, two or prior; cine_fps."
    )
    policies: dict[str, dict[str, Any]] = {}
    seed: int | None = None

    def wish(self) -> ProjectWish:
        """The value that the verbs take.

        Raises
        ------
        ProjectInvalidError
            When a switch, a stopping rule or a part of the hanging protocol is not one that there is.
        """
        given = self.dict(exclude={"source", "blinding", "stopping", "hanging"})
        return ProjectWish(
            **given,
            source_kind=self.source.kind,
            source_name=self.source.name,
            blinding=Blinding.from_mapping(self.blinding),
            stopping=Stopping.from_mapping(self.stopping),
            hanging=Hanging.from_mapping(self.hanging),
        )


class MemberIn(Schema):
    """Somebody who shall read or adjudicate."""

    username: str
    duty: Duty = Duty.READ
    method: Method = Method.RETROSPECTIVE_EXPERT


class AbsenceIn(Schema):
    """Days on which a reader is away, both included."""

    first_day: date
    last_day: date


class ReassignIn(Schema):
    """Who takes a read over; nobody named: one of those with the least left to do."""

    to: str = ""


class ReasonIn(Schema):
    """Why."""

    reason: str


@router.get("/schemas", summary="Label schemas", operation_id="list_label_schemas")
@door(Action.ANNOTATION_SEE)
def list_schemas(request: ActorRequest) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """Return every version of every schema, without its labels."""
    names = ("name", "version", "title", "digest", "is_used")
    return {"schemas": [{name: getattr(row, name) for name in names} for row in queries.schemas()]}


@router.get("/schemas/{name}/{version}", summary="One version of a schema", operation_id="get_label_schema")
@door(Action.ANNOTATION_SEE)
def get_schema(request: ActorRequest, name: str, version: int) -> dict[str, Any]:  # noqa: ARG001 - as above
    """Return the labels of a version and how it follows from the one before."""
    row = queries.schema_version(name, version)
    return {
        "definition": row.definition,
        "digest": row.digest,
        "mapping": row.mapping,
        "is_used": row.is_used,
    }


@router.post(
    "/schemas", summary="Add a version of a schema", operation_id="add_label_schema", response={201: dict[str, Any]}
)
@door(Action.ANNOTATION_MANAGE)
def add_schema(request: ActorRequest, body: SchemaIn) -> tuple[int, dict[str, Any]]:
    """Keep a version; once a project uses it, it never changes."""
    verb = schemas.replace_draft if body.is_replacing else schemas.add_schema
    row = verb(body.definition, mapping=body.mapping, actor=request.actor)
    return HTTPStatus.CREATED, {"name": row.name, "version": row.version, "digest": row.digest}


@router.get("/managed", summary="All reading projects", operation_id="list_reading_projects")
@door(Action.ANNOTATION_SEE)
def list_projects(request: ActorRequest) -> dict[str, Any]:
    """Return all projects with their progress; without it where the caller reads in them."""
    return {
        "projects": [
            {
                "slug": line.project.slug,
                "title": line.project.title,
                "state": line.project.state,
                "cases": line.cases,
                "tasks": line.tasks,
                "done": line.done,
                "disputed": line.disputed,
            }
            for line in queries.projects(request.actor)
        ]
    }


@router.post("/managed", summary="Make a project", operation_id="make_reading_project", response={201: dict[str, Any]})
@door(Action.ANNOTATION_MANAGE)
def make_project(request: ActorRequest, body: ProjectIn) -> tuple[int, dict[str, Any]]:
    """Make a project of what its source holds now."""
    project = projects.create_project(body.wish(), actor=request.actor)
    return HTTPStatus.CREATED, queries.project_json(project)


@router.get("/managed/{slug}", summary="One project with its progress", operation_id="get_reading_project")
@door(Action.ANNOTATION_SEE)
def get_project(request: ActorRequest, slug: str) -> dict[str, Any]:
    """Return everything about a project; 403 to those who read in it."""
    return queries.project_json(queries.seen_project(slug, request.actor))


@router.post("/managed/{slug}/moves/{verb}", summary="Start, pause or close", operation_id="move_reading_project")
@door(Action.ANNOTATION_MANAGE)
def move_project(request: ActorRequest, slug: str, verb: ProjectVerb) -> dict[str, Any]:
    """Move a project; the first start deals the cases to its readers."""
    project = projects.move_project(_managed(request, slug), verb, actor=request.actor)
    return queries.project_json(project)


@router.put("/managed/{slug}/members", summary="Add a member", operation_id="add_project_member")
@door(Action.ANNOTATION_MANAGE)
def add_member(request: ActorRequest, slug: str, body: MemberIn) -> dict[str, Any]:
    """Let an account read or adjudicate in a project, under a pseudonym of the project."""
    project = _managed(request, slug)
    reader = projects.add_member(project, body.username, body.duty, method=body.method, actor=request.actor)
    return {"pseudonym": reader.pseudonym, "duty": reader.duty}


@router.put("/managed/{slug}/members/{pseudonym}/absences", summary="Note an absence", operation_id="note_absence")
@door(Action.ANNOTATION_MANAGE)
def note_absence(request: ActorRequest, slug: str, pseudonym: str, body: AbsenceIn) -> dict[str, Any]:
    """Note days on which a reader takes nothing over."""
    reader = _member(_managed(request, slug), pseudonym)
    assigning.note_absence(reader, body.first_day, body.last_day, actor=request.actor)
    return {}


@router.delete("/managed/{slug}/members/{pseudonym}", summary="End a reader's part", operation_id="dismiss_reader")
@door(Action.ANNOTATION_MANAGE)
def dismiss(request: ActorRequest, slug: str, pseudonym: str) -> dict[str, Any]:
    """End a reader's part; what is not done goes to others where others are left."""
    return {"reassigned": assigning.dismiss(_member(_managed(request, slug), pseudonym), actor=request.actor)}


@router.get("/managed/{slug}/cases", summary="Cases with their reads", operation_id="list_reading_cases")
@door(Action.ANNOTATION_SEE)
def list_cases(request: ActorRequest, slug: str, state: str = "", offset: int = 0, limit: int = 100) -> dict[str, Any]:
    """Return cases and how far each of their reads is, in pages of at most 500."""
    project = queries.seen_project(slug, request.actor)
    rows = queries.cases_of(project, state=state)
    start, size = max(offset, 0), min(max(limit, 1), 500)
    lines = queries.case_lines(list(rows[start : start + size]))
    return {
        "count": rows.count(),
        "cases": [
            {
                "case": line.case.key,
                "study_instance_uid": line.case.study_instance_uid,
                "phase": line.case.phase,
                "state": line.case.state,
                "is_suspended": line.case.is_suspended,
                "tasks": [
                    {
                        "task": task.key,
                        "reader": task.reader.pseudonym,
                        "occasion": task.occasion,
                        "state": task.state,
                        "active_seconds": task.active_seconds,
                    }
                    for task in line.tasks
                ],
            }
            for line in lines
        ],
    }


@router.post("/managed/{slug}/tasks/{task}/reassign", summary="Give a read to another", operation_id="reassign_task")
@door(Action.ANNOTATION_MANAGE)
def reassign(request: ActorRequest, slug: str, task: str, body: ReassignIn) -> dict[str, Any]:
    """Take a read that is not done from its reader and give the case to another one."""
    _demand_task(_managed(request, slug), task)
    made = assigning.reassign(task, to=body.to, actor=request.actor)
    return {"task": made.key, "reader": made.reader.pseudonym}


@router.post("/managed/{slug}/tasks/{task}/return", summary="Ask for another read", operation_id="return_task")
@door(Action.ANNOTATION_MANAGE)
def return_task(request: ActorRequest, slug: str, task: str, body: ReasonIn) -> dict[str, Any]:
    """Send a submitted read back to its reader with a reason."""
    _demand_task(_managed(request, slug), task)
    assigning.return_task(task, reason=body.reason, actor=request.actor)
    return {}


class ModelReadIn(Schema):
    """What an algorithm says of one study."""

    study_instance_uid: str
    items: list[Any] = Field(default=[], description="Items of radcommons.reading/1; none: nothing was found.")


class ModelReadsIn(Schema):
    """Results of one algorithm."""

    software: str = Field(min_length=1, max_length=200, description="Its name and version.")
    reads: list[ModelReadIn]


@router.post("/managed/{slug}/model-reads", summary="Keep results of an algorithm", operation_id="record_model_reads")
@door(Action.ANNOTATION_MANAGE)
def record_model_reads(request: ActorRequest, slug: str, body: ModelReadsIn) -> dict[str, Any]:
    """Keep results as reads of a reader of their own; hidden from readers unless the project shows them.

    In a review they are what readers accept or reject, in every task that was not opened yet.
    """
    reads = [ModelRead(one.study_instance_uid, one.items) for one in body.reads]
    reader = modelling.record_model_reads(_managed(request, slug), body.software, reads, actor=request.actor)
    return {"pseudonym": reader.pseudonym, "reads": len(reads)}


def _managed(request: ActorRequest, slug: str) -> ReadingProject:
    return queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)


def _member(project: ReadingProject, pseudonym: str) -> Reader:
    reader = project.readers.filter(pseudonym=pseudonym).first()
    if reader is None:
        raise NotFoundError("There is no such member of the project.")
    return reader


def _demand_task(project: ReadingProject, task_key: str) -> None:
    if not project.tasks.filter(key=task_key).exists():
        raise NotFoundError("There is no such read in the project.")
