"""Pages of the intake: batches for their site and the curators, the quarantine for the curators."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.intake import queries, rules, services
from radcommons.server.intake.models import BatchState, SigningKey
from radcommons.server.intake.pictures import picture_of
from radcommons.server.intake.queue import VERIFY_PARTS
from radcommons.server.intake.texts import doubtful_texts
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.failed_jobs import is_given_up
from radcommons.server.platform.paging import KeyPaginator
from radcommons.server.platform.policy import Action, holds, may

PAGE_SIZE = 50
MAXIMUM_FRAME = 1_000_000


@require_safe
@door(Action.INTAKE_READ_BATCH)
def batches(request: ActorRequest) -> HttpResponse:
    """The batches the actor may see, newest first."""
    page = KeyPaginator(queries.readable_batches(request.actor), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "lines": queries.lines(page), "may_send": holds(request.actor, Action.SITES_MANAGE_KEYS)}
    return render(request, "intake/batches.html", context)


@require_safe
@door(Action.INTAKE_READ_BATCH)
def batch(request: ActorRequest, batch_id: str) -> HttpResponse:
    """One batch: counts, findings, studies, what is held back."""
    row = queries.batch_for(batch_id, request.actor)
    held_back = KeyPaginator(queries.quarantined(batch=row), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "line": queries.line(row),
        "is_given_up": row.state == BatchState.SEALED and is_given_up(VERIFY_PARTS, batch_pk=row.pk),
        "findings": queries.findings_of(row),
        "studies": queries.studies_of(row),
        "released": queries.released_of(row),
        "page": held_back,
        "may_decide": may(request.actor, Action.INTAKE_DECIDE_QUARANTINE),
        "may_manage": may(request.actor, Action.SITES_MANAGE),
        "attributes": sorted(row.summary.get("attributes", {}).items()),
    }
    return render(request, "intake/batch.html", context)


@require_safe
@door(Action.INTAKE_DECIDE_QUARANTINE)
def quarantine(request: ActorRequest) -> HttpResponse:
    """Everything held back, waiting longest first."""
    code = request.GET.get("code", "")
    rows = queries.quarantined()
    if code:
        rows = rows.filter(findings__contains=[{"code": code}])
    page = KeyPaginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "code": code, "codes": queries.quarantine_codes()}
    return render(request, "intake/quarantine.html", context)


@require_safe
@door(Action.INTAKE_DECIDE_QUARANTINE)
def quarantined(request: ActorRequest, quarantined_id: int) -> HttpResponse:
    """One file held back: its picture, what was found, the decision."""
    row = queries.quarantined_by_id(quarantined_id)
    frame_number = min(max(1, _number(request.GET.get("frame"))), max(1, row.number_of_frames))
    codes, is_waiting = {finding["code"] for finding in row.findings}, row.decision == row.Decision.WAITING
    texts = doubtful_texts(row) if is_waiting else ()
    context = {
        "row": row,
        # What a person is asked, and of it what can be shown: nobody vouches for what was not there to be seen.
        "pixels": rules.PIXEL_TEXT if rules.PIXEL_TEXT in codes and row.number_of_frames else "",
        "has_no_picture": rules.PIXEL_TEXT in codes and not row.number_of_frames,
        "words": rules.SUSPICIOUS_TEXT if texts else "",
        "has_no_texts": rules.SUSPICIOUS_TEXT in codes and not texts,
        "texts": texts,
        "frame_number": frame_number,
        "previous_frame": frame_number - 1,
        "next_frame": frame_number + 1 if frame_number < row.number_of_frames else 0,
        "is_waiting": is_waiting,
        "waiting": queries.quarantined().count(),
        "following": queries.quarantined_after(row.pk),
    }
    return render(request, "intake/quarantined.html", context)


@never_cache
@require_safe
@door(Action.INTAKE_DECIDE_QUARANTINE)
def picture(request: ActorRequest, quarantined_id: int, frame_number: int) -> HttpResponse:
    """One frame of a file held back, as JPEG."""
    del request
    data = picture_of(queries.quarantined_by_id(quarantined_id), min(frame_number, MAXIMUM_FRAME) - 1)
    return HttpResponse(data, content_type="image/jpeg")


@require_POST
@door(Action.INTAKE_DECIDE_QUARANTINE)
def release(request: ActorRequest, quarantined_id: int) -> HttpResponse:
    """Have a file verified again; the curator vouches for what was ticked."""
    reason, vouched = request.POST.get("reason", ""), request.POST.getlist("vouched")
    try:
        services.release_quarantined(quarantined_id, reason=reason, vouched=vouched, actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect("intake:quarantined", quarantined_id)
    message = f"File no. {quarantined_id} is being verified again. If it breaks a rule it comes back here."
    messages.success(request, message)
    return _to_the_next(quarantined_id)


@require_POST
@door(Action.INTAKE_DECIDE_QUARANTINE)
def discard(request: ActorRequest, quarantined_id: int) -> HttpResponse:
    """Delete the bytes of a file held back."""
    try:
        services.discard_quarantined(quarantined_id, reason=request.POST.get("reason", ""), actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect("intake:quarantined", quarantined_id)
    messages.success(request, f"File no. {quarantined_id} was deleted. Its findings stay on record.")
    return _to_the_next(quarantined_id)


def _to_the_next(quarantined_id: int) -> HttpResponse:
    """To the next file that waits for a decision, or to the empty list."""
    following = queries.quarantined_after(quarantined_id)
    return redirect("intake:quarantine") if following is None else redirect("intake:quarantined", following.pk)


@require_POST
@door(Action.SITES_MANAGE)
def trust_key(request: ActorRequest, key_id: int) -> HttpResponse:
    """Take batches signed with a key."""
    return _decided(request, services.trust_signing_key, key_id, "Batches signed with this key are taken from now on.")


@require_POST
@door(Action.SITES_MANAGE)
def refuse_key(request: ActorRequest, key_id: int) -> HttpResponse:
    """Take no batch signed with a key."""
    return _decided(request, services.refuse_signing_key, key_id, "Batches signed with this key are refused.")


def _decided(request: ActorRequest, verb: Callable[..., SigningKey], key_id: int, done: str) -> HttpResponse:
    try:
        key = verb(key_id, reason=request.POST.get("reason", ""), actor=request.actor)
    except NotFoundError:
        raise
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect("journey:site", queries.signing_keys().get(pk=key_id).site.code)
    messages.success(request, done)
    return redirect("journey:site", key.site.code)


def _number(text: str | None) -> int:
    return min(int(text), MAXIMUM_FRAME) if text and text.isascii() and text.isdigit() and len(text) < 8 else 1  # noqa: PLR2004


urlpatterns = [
    path("batches/", batches, name="batches"),
    path("batches/<str:batch_id>/", batch, name="batch"),
    path("quarantine/", quarantine, name="quarantine"),
    path("quarantine/<int:quarantined_id>/", quarantined, name="quarantined"),
    path("quarantine/<int:quarantined_id>/pictures/<int:frame_number>/", picture, name="picture"),
    path("quarantine/<int:quarantined_id>/release/", release, name="release"),
    path("quarantine/<int:quarantined_id>/discard/", discard, name="discard"),
    path("signing-keys/<int:key_id>/trust/", trust_key, name="trust-key"),
    path("signing-keys/<int:key_id>/refuse/", refuse_key, name="refuse-key"),
]
