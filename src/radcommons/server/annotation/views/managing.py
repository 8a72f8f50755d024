"""Pages of those who manage reading projects: the list, one project, its cases, its agreement."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.forms import LAYOUTS, AbsenceForm, AmendForm, MemberForm, ProjectForm
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries import agreement as agreement_queries
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.final import training_answers
from radcommons.server.annotation.queries.readings import begun, unfinished
from radcommons.server.annotation.queue import COMPUTE_AGREEMENT
from radcommons.server.annotation.rules.hanging import Layout
from radcommons.server.annotation.rules.states import PROJECT_MOVES, CaseState, Duty, ProjectState, ProjectVerb
from radcommons.server.annotation.services import assigning, projects
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.sources import resolve_source
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.failed_jobs import is_given_up
from radcommons.server.platform.policy import Action, may
from radcommons.transfer.annotation.record import Method

PAGE_SIZE = 50
VERB_TEXTS = {
    ProjectVerb.START_PILOT: ("Start the pilot", "Training and pilot cases open to the readers."),
    ProjectVerb.START_READING: ("Start reading", "All cases open to the readers."),
    ProjectVerb.PAUSE: ("Pause", "Nobody can read until you start again."),
    ProjectVerb.CLOSE: ("Close", "Reading ends for good; readers may then see the results."),
}


@require_safe
@door(Action.ANNOTATION_SEE)
def project_list(request: ActorRequest) -> HttpResponse:
    """All reading projects."""
    context = {
        "lines": queries.projects(request.actor),
        "may_manage": may(request.actor, Action.ANNOTATION_MANAGE),
    }
    return render(request, "annotation/projects.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ANNOTATION_MANAGE)
def new_project(request: ActorRequest) -> HttpResponse:
    """Make a project; what is wrong with it stands beside the form."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = projects.create_project(form.wish(training=_training(form, request)), actor=request.actor)
        except RadCommonsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "The project is made. Name its readers, then start.")
            return redirect("annotation:project", project.slug)
    return render(request, "annotation/new_project.html", {"form": form})


def _training(form: ProjectForm, request: ActorRequest) -> dict[str, object]:
    """Training cases of a new project with their answers, taken from a closed one; none when none is named."""
    given = form.cleaned_data
    if not given["training_from"]:
        return {}
    source = resolve_source(given["source_kind"], given["source_name"], request.actor)
    past = queries.seen_project(given["training_from"].slug, request.actor)
    return training_answers(past, given["schema"], source.instances, given["training_cases"])


@require_safe
@door(Action.ANNOTATION_SEE)
def project_page(request: ActorRequest, slug: str) -> HttpResponse:
    """One project: how far it is, by reader and by case, and the next step."""
    project = queries.seen_project(slug, request.actor)
    far, lines = queries.progress(project), queries.reader_lines(project)
    state = request.GET.get("state", "")
    page = Paginator(queries.cases_of(project, state=state), PAGE_SIZE).get_page(request.GET.get("page", 1))
    may_manage = may(request.actor, Action.ANNOTATION_MANAGE)
    moves = [verb for verb in ProjectVerb if (ProjectState(project.state), verb) in PROJECT_MOVES]
    context = {
        "project": project,
        "far": far,
        "lines": lines,
        "next_step": queries.next_step(project, far, lines),
        "page": page,
        "cases": queries.case_lines(list(page.object_list)),
        "states": [(one.value, far.by_state[one]) for one in CaseState],
        "state": state,
        "idle": list(queries.idle_tasks(project)[:PAGE_SIZE]),
        "begun": list(begun(project)[:PAGE_SIZE]) if may_manage else [],
        "unfinished": list(unfinished(project)[:PAGE_SIZE]),
        "moves": [(verb.value, *VERB_TEXTS[verb]) for verb in moves] if may_manage else [],
        "members": MemberForm(project) if may_manage else None,
        "absence": AbsenceForm(project) if may_manage and project.state != ProjectState.CLOSED else None,
        "amendment": AmendForm(initial={"instructions": project.instructions, "deadline": project.deadline})
        if may_manage and project.state != ProjectState.CLOSED
        else None,
        "absences": queries.absences(project),
        "may_manage": may_manage and project.state != ProjectState.CLOSED,
        "layout_words": LAYOUTS[Layout(project.hanging.get("layout", Layout.ONE))],
    }
    return render(request, "annotation/project.html", context)


def _managed(request: ActorRequest, slug: str) -> ReadingProject:
    return queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def move(request: ActorRequest, slug: str, verb: str) -> HttpResponse:
    """Start, pause or close."""
    project = _managed(request, slug)
    if verb not in set(ProjectVerb):
        raise NotFoundError
    try:
        moved = projects.move_project(project, ProjectVerb(verb), actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The project is now {moved.state}.")
    return redirect("annotation:project", slug)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def add_member(request: ActorRequest, slug: str) -> HttpResponse:
    """Let an account read or adjudicate."""
    project = _managed(request, slug)
    form = MemberForm(project, request.POST)
    if not form.is_valid():
        messages.error(request, "Choose an account, what it does, and as what.")
        return redirect("annotation:project", slug)
    given = form.cleaned_data
    try:
        reader = projects.add_member(
            project, given["username"], Duty(given["duty"]), method=Method(given["method"]), actor=request.actor
        )
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{given['username']} is {reader.pseudonym} in this project.")
    return redirect("annotation:project", slug)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def note_absence(request: ActorRequest, slug: str) -> HttpResponse:
    """Note that a reader is away."""
    project = _managed(request, slug)
    form = AbsenceForm(project, request.POST)
    if not form.is_valid():
        messages.error(request, "Name a reader, the first and the last day.")
        return redirect("annotation:project", slug)
    given = form.cleaned_data
    try:
        assigning.note_absence(given["reader"], given["first_day"], given["last_day"], actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Noted: nothing is reassigned to that reader on these days.")
    return redirect("annotation:project", slug)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def amend(request: ActorRequest, slug: str) -> HttpResponse:
    """Change what may change while a project is read: its instructions and its deadline."""
    project = _managed(request, slug)
    form = AmendForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The deadline is a day, or nothing.")
        return redirect("annotation:project", slug)
    try:
        projects.amend_project(project, **form.cleaned_data, actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "Changed. Readers see it when they open their next case.")
    return redirect("annotation:project", slug)


@require_safe
@door(Action.ANNOTATION_SEE)
def agreement(request: ActorRequest, slug: str) -> HttpResponse:
    """How well the readers agree, question by question."""
    project = queries.seen_project(slug, request.actor)
    found = agreement_queries.latest_report(project)
    is_current = found is not None and found.is_current
    context = {
        "project": project,
        "report": found.body if found else None,
        "is_current": is_current,
        "is_given_up": not is_current and is_given_up(COMPUTE_AGREEMENT, project_id=project.pk),
        # Reads of the past have no time of their own.
        "has_pace": found is not None and any(one["reads_per_hour"] for one in found.body["pace"]),
        "questions": agreement_queries.question_pages(found.body) if found else (),
    }
    return render(request, "annotation/agreement.html", context)


@require_POST
@door(Action.ANNOTATION_SEE)
def compute(request: ActorRequest, slug: str) -> HttpResponse:
    """Compute the agreement of the reads as they are."""
    compute_agreement(queries.seen_project(slug, request.actor).pk)
    return redirect("annotation:agreement", slug)


urlpatterns = [
    path("annotation/projects/", project_list, name="projects"),
    path("annotation/projects/new/", new_project, name="new-project"),
    path("annotation/projects/<slug:slug>/", project_page, name="project"),
    path("annotation/projects/<slug:slug>/moves/<slug:verb>/", move, name="move"),
    path("annotation/projects/<slug:slug>/members/", add_member, name="add-member"),
    path("annotation/projects/<slug:slug>/absences/", note_absence, name="note-absence"),
    path("annotation/projects/<slug:slug>/amend/", amend, name="amend"),
    path("annotation/projects/<slug:slug>/agreement/", agreement, name="agreement"),
    path("annotation/projects/<slug:slug>/agreement/compute/", compute, name="compute-agreement"),
]
