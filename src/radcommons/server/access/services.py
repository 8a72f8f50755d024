"""The verbs of the access room."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from radcommons.server.access.models import AccessRequest, DownloadDay, RequestState
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseState
from radcommons.server.releases.reading import may_read
from radcommons.server.releases.services import admit_reader


@dataclass(frozen=True, slots=True)
class Served:
    """How much was sent."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AccessWish:
    """What somebody writes who asks to read a restricted version.

    Parameters
    ----------
    terms_sha256
        The digest of the terms that the person agreed to, as the page showed them.
    """

    full_name: str
    institution: str
    purpose: str
    terms_sha256: str


def ask_for_access(release: Release, wish: AccessWish, *, actor: Actor) -> AccessRequest:
    """Ask to read a restricted version.

    Raises
    ------
    InvalidError
        When something is missing, or other terms were agreed to than those of the version.
    ConflictError
        When it is open, a request for the data set under these terms is waiting already, or there is nothing to ask for.
    """
    authorise(actor, Action.ACCESS_ASK)
    user = User.objects.filter(pk=actor.user_id or 0).first()
    if user is None:
        raise ForbiddenError
    texts = {
        "full_name": _line(wish.full_name),
        "institution": _line(wish.institution),
        "purpose": wish.purpose.strip(),
    }
    if not all(texts.values()):
        raise InvalidError(
            "access.request-incomplete", "Say who you are, where you work, and what you want the data for."
        )
    if release.state != ReleaseState.PUBLISHED or release.access != ReleaseAccess.RESTRICTED:
        raise ConflictError("access.nothing-to-ask", "This version is not restricted.")
    if wish.terms_sha256 != release.terms_sha256:
        raise InvalidError("access.other-terms", "Read the terms of this version and agree to them.")
    if may_read(release, actor):
        raise ConflictError("access.granted-already", "You may read this version already.")
    same = {"release__slug": release.slug, "terms_sha256": release.terms_sha256}
    if AccessRequest.objects.filter(user=user, state=RequestState.WAITING, **same).exists():
        raise ConflictError("access.asked-already", "Your request is waiting for a decision.")
    try:
        with transaction.atomic():
            request = AccessRequest.objects.create(
                release=release, user=user, terms_sha256=release.terms_sha256, **texts
            )
            facts = {"release": f"{release.slug}@{release.version}", "terms_sha256": release.terms_sha256}
            audit.record(actor, "access.asked", object_kind="access-request", object_id=request.pk, facts=facts)
    except IntegrityError as error:
        raise ConflictError("access.asked-already", "Your request is waiting for a decision.") from error
    return request


def _line(text: str) -> str:
    """Text on one line without what a terminal would obey, or would turn a line round: it is listed there, and beside others."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def approve_request(request_id: int, *, until: date, actor: Actor) -> AccessRequest:
    """Grant what somebody asked for, until a day.

    Raises
    ------
    InvalidReleaseError
        When the day is over, or too far away.
    ConflictError
        When the request is decided, it is the actor's own, or there is nothing to grant any more.
    """
    authorise(actor, Action.ACCESS_DECIDE)
    with transaction.atomic():
        request = _waiting(request_id)
        if request.user_id == actor.user_id:
            # A role ends; a grant that its holder gave himself would outlive it.
            raise ConflictError("access.own-request", "This is your own request. Somebody else decides about it.")
        grant = admit_reader(request.release, request.user, until=until, actor=actor)
        request.state, request.grant = RequestState.APPROVED, grant
        _decide(request, actor, {"grant": grant.pk, "until": until.isoformat()})
    return request


def refuse_request(request_id: int, *, reason: str, actor: Actor) -> AccessRequest:
    """Refuse what somebody asked for; the person reads the reason and may ask again.

    Raises
    ------
    InvalidError
        When no reason is given.
    ConflictError
        When the request is decided.
    """
    authorise(actor, Action.ACCESS_DECIDE)
    if not reason.strip():
        raise InvalidError("access.no-reason", "Say why it is refused; the person reads it.")
    with transaction.atomic():
        request = _waiting(request_id)
        request.state, request.refusal_reason = RequestState.REFUSED, reason.strip()
        _decide(request, actor, {})
    return request


def _waiting(request_id: int) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(no_key=True, of=("self",)).select_related("release", "user")
    request = rows.filter(pk=request_id).first()
    if request is None:
        raise NotFoundError
    if request.state != RequestState.WAITING:
        raise ConflictError("access.decided-already", "This request is decided already.")
    return request


def _decide(request: AccessRequest, actor: Actor, facts: Mapping[str, object]) -> None:
    request.decided_at, request.decided_by = timezone.now(), actor.name
    request.save(update_fields=["state", "grant", "refusal_reason", "decided_at", "decided_by"])
    name = f"{request.release.slug}@{request.release.version}"
    audit.record(
        actor,
        f"access.{request.state}",
        object_kind="access-request",
        object_id=request.pk,
        facts={"release": name, **facts},
    )


def count_downloads(served: Mapping[tuple[int, int], Served]) -> None:
    """Add what was sent to today's counts; by (release number, account number or 0). Unknown releases are left out.

    Statistics of reading, not a change of state, so the audit log has no row for it.
    """
    today = timezone.localdate()
    with transaction.atomic():
        known = set(Release.objects.filter(pk__in={key for key, _ in served}).values_list("pk", flat=True))
        for (release_id, user_id), amount in sorted(served.items()):
            if release_id not in known:
                continue
            row, _ = DownloadDay.objects.get_or_create(release_id=release_id, day=today, user_id=user_id)
            DownloadDay.objects.filter(pk=row.pk).update(
                files=F("files") + amount.files, size_bytes=F("size_bytes") + amount.size_bytes
            )
