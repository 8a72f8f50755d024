"""One case for a project's manager, and what a manager does with single reads and readers."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.models import Task
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.states import WRITABLE, Duty, ProjectState, ReaderKind, TaskState
from radcommons.server.annotation.services import assigning
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, may
from radcommons.server.platform.words import counted


@require_safe
@door(Action.ANNOTATION_SEE)
def case_page(request: ActorRequest, slug: str, case: str) -> HttpResponse:
    """Who reads a case and how far each is, what its reads come to, and what can be done about them."""
    project = queries.seen_project(slug, request.actor)
    row = project.cases.filter(key=case).first()
    if row is None:
        raise NotFoundError("There is no such case in this project.")
    schema = schema_value(project.schema)
    titles = {label.id: schema.title_of(label) for label in schema.labels}
    tasks = list(row.tasks.select_related("reader").order_by("reader__pseudonym", "occasion", "pk"))
    reading = {task.reader_id for task in tasks if task.state != TaskState.REVOKED}
    others = project.readers.filter(duty=Duty.READ, kind=ReaderKind.PERSON, is_active=True).exclude(pk__in=reading)
    context = {
        "project": project,
        "case": row,
        "lines": [(task, task.state in WRITABLE and task.occasion == FIRST) for task in tasks],
        "outcomes": [(titles.get(one.label, "Whether it can be read"), one) for one in row.outcomes.order_by("pk")],
        "others": list(others.order_by("pk")),
        "may_manage": may(request.actor, Action.ANNOTATION_MANAGE) and project.state != ProjectState.CLOSED,
    }
    return render(request, "annotation/case.html", context)


def _task(request: ActorRequest, slug: str, task: str) -> Task:
    project = queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)
    row = project.tasks.select_related("case").filter(key=task).first()
    if row is None:
        raise NotFoundError("There is no such read in this project.")
    return row


@require_POST
@door(Action.ANNOTATION_MANAGE)
def reassign(request: ActorRequest, slug: str, task: str) -> HttpResponse:
    """Give a read to somebody else, whom the form names or the lot."""
    row = _task(request, slug, task)
    try:
        made = assigning.reassign(task, to=request.POST.get("to", ""), actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The case is now on the list of {made.reader.pseudonym}.")
    return redirect("annotation:case", slug, row.case.key)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def ask_again(request: ActorRequest, slug: str, task: str) -> HttpResponse:
    """Send a submitted read back to its reader, who sees why."""
    row = _task(request, slug, task)
    try:
        assigning.return_task(task, reason=request.POST.get("reason", ""), actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The read is back on its reader's list, with your reason.")
    return redirect("annotation:case", slug, row.case.key)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def dismiss(request: ActorRequest, slug: str, pseudonym: str) -> HttpResponse:
    """End a reader's part in a project."""
    project = queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)
    reader = project.readers.filter(pseudonym=pseudonym, is_active=True, kind=ReaderKind.PERSON).first()
    if reader is None:
        raise NotFoundError("There is no such member of the project.")
    moved = assigning.dismiss(reader, actor=request.actor)
    messages.success(request, f"{pseudonym} is no member any more; {counted(moved, 'read')} went to others.")
    return redirect("annotation:project", slug)


urlpatterns = [
    path("annotation/projects/<slug:slug>/cases/<slug:case>/", case_page, name="case"),
    path("annotation/projects/<slug:slug>/tasks/<slug:task>/reassign/", reassign, name="reassign"),
    path("annotation/projects/<slug:slug>/tasks/<slug:task>/return/", ask_again, name="ask-again"),
    path("annotation/projects/<slug:slug>/members/<slug:pseudonym>/dismiss/", dismiss, name="dismiss"),
]
