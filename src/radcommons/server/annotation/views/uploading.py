"""Pages on which managers send documents with reads of the past and results of algorithms, see what would come in, and confirm."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.models import ReadingProject, Upload
from radcommons.server.annotation.queries import projects as queries
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.uploads import seen_upload, unfinished_uploads
from radcommons.server.annotation.queue import WORK_ON_UPLOAD
from radcommons.server.annotation.rules.uploads import UNDER_WAY, UploadState
from radcommons.server.annotation.services import uploading
from radcommons.server.annotation.upload_forms import (
    DocumentForm,
    DocumentWishForm,
    ResultsForm,
    ResultsWishForm,
)
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.failed_jobs import is_given_up
from radcommons.server.platform.policy import Action


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ANNOTATION_MANAGE)
def new_document(request: ActorRequest) -> HttpResponse:
    """Send a document with reads of the past."""
    return _new(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ANNOTATION_MANAGE)
def new_results(request: ActorRequest, slug: str) -> HttpResponse:
    """Send results of an algorithm for a project."""
    return _new(request, queries.seen_project(slug, request.actor, action=Action.ANNOTATION_MANAGE))


def _new(request: ActorRequest, project: ReadingProject | None) -> HttpResponse:
    is_sent = request.method == "POST"
    kind = DocumentForm if project is None else ResultsForm
    form = kind(request.POST, request.FILES) if is_sent else kind()
    if is_sent and form.is_valid():
        try:
            files = [(str(file.name), file.read()) for file in form.cleaned_data["sent"]]
            upload = uploading.begin_upload(project, form.wish(), files, actor=request.actor)
        except RadCommonsError as error:
            form.add_error(None, error.message)
        else:
            return redirect("annotation:upload", upload.key)
    context = {"form": form, "project": project, "uploads": unfinished_uploads(project)}
    return render(request, "annotation/new_upload.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.ANNOTATION_MANAGE)
def upload(request: ActorRequest, key: str) -> HttpResponse:
    """What an upload holds, as it would come in; other wishes have it looked at again."""
    row = seen_upload(key, request.actor)
    kind = DocumentWishForm if "slug" in row.wish else ResultsWishForm
    form = kind(request.POST) if request.method == "POST" else kind(initial=_initial(row))
    if request.method == "POST" and form.is_valid():
        try:
            uploading.wish_again(row, form.wish(), actor=request.actor)
        except RadCommonsError as error:
            messages.error(request, error.message)
        return redirect("annotation:upload", key)
    is_comparing = row.state == UploadState.IMPORTED and row.account.get("is_compared") is False
    is_under_way = row.state in UNDER_WAY or is_comparing
    context = {
        "upload": row,
        "form": form if row.state in {UploadState.READY, UploadState.REFUSED} else None,
        "is_document": "slug" in row.wish,
        "is_under_way": is_under_way,
        "is_comparing": is_comparing,
        "is_given_up": is_under_way and is_given_up(WORK_ON_UPLOAD, upload_id=row.pk),
        "given_up_work": "Comparing the reads" if is_comparing else "Looking at the files and taking them in",
        "files": row.files.count(),
        "by_label": _by_label(row),
    }
    return render(request, "annotation/upload.html", context)


def _initial(row: Upload) -> dict[str, object]:
    return {**row.wish, "labels": "\n".join(row.wish.get("labels", ()))}


def _by_label(row: Upload) -> list[tuple[str, int]]:
    if row.project is None or "by_label" not in row.account:
        return []
    schema = schema_value(row.project.schema)
    titles = {label.id: schema.title_of(label) for label in schema.labels}
    return [(titles.get(name, name), count) for name, count in row.account["by_label"]]


@require_POST
@door(Action.ANNOTATION_MANAGE)
def confirm(request: ActorRequest, key: str) -> HttpResponse:
    """Take in what was shown."""
    row = seen_upload(key, request.actor)
    try:
        uploading.confirm_upload(row, actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
    return redirect("annotation:upload", key)


@require_POST
@door(Action.ANNOTATION_MANAGE)
def discard(request: ActorRequest, key: str) -> HttpResponse:
    """Forget an upload."""
    row = seen_upload(key, request.actor)
    uploading.discard_upload(row, actor=request.actor)
    messages.success(request, "The upload is forgotten; nothing of it was kept.")
    return redirect("annotation:project", row.project.slug) if row.project else redirect("annotation:projects")


urlpatterns = [
    path("annotation/uploads/new/", new_document, name="new-document"),
    path("annotation/uploads/<slug:key>/", upload, name="upload"),
    path("annotation/uploads/<slug:key>/confirm/", confirm, name="confirm-upload"),
    path("annotation/uploads/<slug:key>/discard/", discard, name="discard-upload"),
    path("annotation/projects/<slug:slug>/results/", new_results, name="new-results"),
]
