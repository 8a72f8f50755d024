"""Background jobs that were given up; for administrators."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from radcommons.server.platform import failed_jobs
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action

PAGE_SIZE = 50


@require_safe
@door(Action.PLATFORM_TEND_JOBS)
def jobs(request: ActorRequest) -> HttpResponse:
    """Which jobs were given up, and what may be done about each."""
    page = Paginator(failed_jobs.failed_jobs(), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "portal/jobs.html", {"page": page})


def _changed(request: ActorRequest, job: int, change: Callable[..., None], *, told: str) -> HttpResponse:
    """Make a change, say what came of it, and go back to the list; somebody else may have been quicker."""
    try:
        change(job, actor=request.actor)
    except (ConflictError, NotFoundError) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, told)
    return redirect("portal:jobs")


@require_POST
@door(Action.PLATFORM_TEND_JOBS)
def retry(request: ActorRequest, job: int) -> HttpResponse:
    """Put a job back into the queue."""
    told = f"Job {job} is in the queue again. It comes back here when it fails again."
    return _changed(request, job, failed_jobs.retry_job, told=told)


@require_POST
@door(Action.PLATFORM_TEND_JOBS)
def dismiss(request: ActorRequest, job: int) -> HttpResponse:
    """Remove a job."""
    return _changed(request, job, failed_jobs.dismiss_job, told=f"Job {job} is removed; its work is not done.")
