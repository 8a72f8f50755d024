"""The lists of those who read and those who adjudicate: what is theirs, and the next step."""

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from radcommons.server.annotation.queries import adjudication, worklist
from radcommons.server.annotation.queries.statistics import own_figures
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action


@require_safe
@door(Action.ANNOTATION_READ)
def reads(request: ActorRequest) -> HttpResponse:
    """The projects somebody reads in, with what is done and the next case; reads that were opened, below."""
    context = {"projects": worklist.own_projects(request.actor), "tasks": worklist.own_tasks(request.actor)}
    response = render(request, "annotation/reads.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@door(Action.ANNOTATION_READ)
def figures(request: ActorRequest) -> HttpResponse:
    """A reader's own figures, project by project."""
    response = render(request, "annotation/figures.html", {"figures": own_figures(request.actor)})
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@door(Action.ANNOTATION_READ)
def next_read(request: ActorRequest, slug: str) -> HttpResponse:
    """Lead to the next case of a project, or back to the list when there is none now."""
    key = worklist.next_task(slug, request.actor)
    return HttpResponseRedirect(reverse("annotation:read", args=[key]) if key else reverse("annotation:reads"))


@require_safe
@door(Action.ANNOTATION_ADJUDICATE)
def queue(request: ActorRequest) -> HttpResponse:
    """The cases on which readers disagree, in one project; those that have any stand first, the latest before the others."""
    members = list(adjudication.memberships(request.actor).order_by("-project__made_at"))
    waiting = {one.pk: adjudication.waiting(one.project, request.actor) for one in members}
    counts = {key: rows.count() for key, rows in waiting.items()}
    members.sort(key=lambda one: not counts[one.pk])
    wanted = (one for one in members if one.project.slug == request.GET.get("project"))
    chosen = next(wanted, members[0] if members else None)
    context: dict[str, object] = {
        "projects": [{"project": one.project, "waiting": counts[one.pk]} for one in members],
        "chosen": chosen.project if chosen else None,
    }
    if chosen is not None:
        page = Paginator(waiting[chosen.pk], adjudication.PAGE_SIZE).get_page(request.GET.get("page", 1))
        first = page.start_index() if page.paginator.count else 1
        context |= {
            "page": page,
            "lines": adjudication.queue_lines(list(page.object_list), first_number=first),
        }
    return render(request, "annotation/queue.html", context)


urlpatterns = [
    path("annotation/reads/", reads, name="reads"),
    path("annotation/reads/figures/", figures, name="figures"),
    path("annotation/reads/<slug:slug>/next/", next_read, name="next"),
    path("annotation/adjudication/", queue, name="queue"),
]
