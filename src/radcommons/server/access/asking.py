"""Reads of requests and grants: what waits for a decision, who may read what, and how far somebody's own asking has come."""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.utils import timezone

from radcommons.server.access.models import AccessRequest, RequestState
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.rules.states import ProjectState
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.models import Release, ReleaseAccess
from radcommons.server.releases.reading import standing_grants


@dataclass(frozen=True, slots=True)
class Standing:
    """How far somebody's asking has come.

    Parameters
    ----------
    state
        ``waiting``, ``granted``, ``refused``, ``revoked`` or ``expired``; ``open`` once everybody may read the version.
    reason
        Why it was refused or revoked.
    """

    request: AccessRequest
    state: str
    until: date | None = None
    reason: str = ""


def own_requests(actor: Actor) -> list[Standing]:
    """Everything that somebody ever asked for, the newest first."""
    rows = AccessRequest.objects.filter(user_id=actor.user_id or 0).select_related("release", "grant")
    return [standing(row) for row in rows]


def standing_of(release: Release, actor: Actor) -> Standing | None:
    """How far somebody's last request for a data set under these terms has come; None when there is none."""
    rows = AccessRequest.objects.filter(
        user_id=actor.user_id or 0, release__slug=release.slug, terms_sha256=release.terms_sha256
    )
    last = rows.select_related("release", "grant").order_by("-asked_at").first()
    return standing(last) if last else None


def standing(request: AccessRequest) -> Standing:
    """How far a request has come."""
    grant = request.grant
    if request.state == RequestState.REFUSED:
        return Standing(request, "refused", reason=request.refusal_reason)
    if grant is not None and grant.revoked_at is not None:
        return Standing(request, "revoked", grant.until, grant.revocation_reason)
    if request.release.access == ReleaseAccess.OPEN:
        return Standing(request, "open")
    if grant is None:
        return Standing(request, "waiting")
    is_over = grant.until < timezone.localdate()
    return Standing(request, "expired" if is_over else "granted", grant.until)


def waiting_requests() -> QuerySet[AccessRequest]:
    """What waits for a decision, the oldest first."""
    rows = AccessRequest.objects.filter(state=RequestState.WAITING).select_related("release", "user")
    return rows.order_by("asked_at")


def decided_requests() -> QuerySet[AccessRequest]:
    """What was decided, the newest first."""
    rows = AccessRequest.objects.exclude(state=RequestState.WAITING).select_related("release", "user", "grant")
    return rows.order_by("-decided_at")


def granted_requests() -> QuerySet[AccessRequest]:
    """The requests under which somebody may read now, by data set and person."""
    rows = AccessRequest.objects.filter(grant__in=standing_grants()).select_related("release", "user", "grant")
    return rows.order_by("release__slug", "user__username")


def request_by_id(request_id: int) -> AccessRequest:
    """One request.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    found = AccessRequest.objects.select_related("release", "user", "grant").filter(pk=request_id).first()
    if found is None:
        raise NotFoundError
    return found


def projects_made_of(asked: AccessRequest) -> list[ReadingProject]:
    """The reading projects that somebody made of restricted images of the data set and that are not closed.

    A grant that ends does not end them (docs/decisions/0018): whoever decides about access must see that they go on.
    """
    made = ReadingProject.objects.filter(made_by=actor_of_user(asked.user).name).exclude(state=ProjectState.CLOSED)
    return [one for one in made if asked.release.slug in _data_sets(one.source.get("restricted", ""))]


def _data_sets(names: str) -> set[str]:
    return {name.partition("@")[0] for name in names.split(", ")}
