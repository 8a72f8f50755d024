"""Who may read which version: the one gate. Every door takes from here the versions of which it serves more than the page.

``tests/house/test_one_gate.py`` finds whoever takes versions, or what is in them, from anywhere else.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from radcommons.server.platform.errors import UnauthenticatedError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.errors import RestrictedReleaseError, WithdrawnReleaseError
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseReader, ReleaseState
from radcommons.server.releases.queries import LATEST, OUT, may_see_drafts, public_release, versions_out


def known_to(actor: Actor) -> QuerySet[Release]:
    """The versions that came out and of which an actor may know what is, or was, in them."""
    out = Release.objects.filter(state__in=OUT)
    if may_see_drafts(actor):
        return out
    is_open = Q(access=ReleaseAccess.OPEN)
    if actor.user_id is None:
        return out.filter(is_open)
    granted = standing_grants().filter(
        user_id=actor.user_id, slug=OuterRef("slug"), terms_sha256=OuterRef("terms_sha256")
    )
    return out.filter(is_open | Exists(granted))


def readable_by(actor: Actor) -> QuerySet[Release]:
    """The versions that an actor may read now."""
    return known_to(actor).filter(state=ReleaseState.PUBLISHED)


def standing_grants() -> QuerySet[ReleaseReader]:
    """Grants that are neither revoked nor over."""
    return ReleaseReader.objects.filter(revoked_at=None, until__gte=timezone.localdate())


def may_read(release: Release, actor: Actor) -> bool:
    """Whether an actor may read a version now."""
    return readable_by(actor).filter(pk=release.pk).exists()


def readable_release(slug: str, version: str, actor: Actor) -> Release:
    """A version whose content is served to an actor; ``latest`` means the newest published one.

    Nothing below the version is looked up before, so that a refusal tells nothing of what is in it.

    Raises
    ------
    NotFoundError
        When there is none.
    WithdrawnReleaseError
        When only its tombstone is left.
    UnauthenticatedError
        When it is restricted and nobody is signed in.
    RestrictedReleaseError
        When it is restricted and the actor was not granted access.
    """
    if version != LATEST:
        found = readable_by(actor).filter(slug=slug, version=version).first()
        if found is not None:
            return found
    release = public_release(slug, version)
    name = f"{release.slug}@{release.version}"
    if release.state == ReleaseState.WITHDRAWN and release.withdrawn_at is not None:
        raise WithdrawnReleaseError(name, release.withdrawal_reason, release.withdrawn_at.date().isoformat())
    if may_read(release, actor):
        return release
    if actor.is_authenticated:
        raise RestrictedReleaseError(name)
    raise UnauthenticatedError(
        f"{name} is restricted. Sign in, or send a token of an account that was granted access; its page says how to ask."
    )


def restricted_members() -> QuerySet[ReleaseInstance]:
    """What restricted versions hold, or held until they were withdrawn, and no open one does."""
    is_open = ReleaseInstance.objects.filter(release__in=readable_by(Actor.anonymous()), instance=OuterRef("instance"))
    restricted = ReleaseInstance.objects.filter(release__state__in=OUT, release__access=ReleaseAccess.RESTRICTED)
    return restricted.exclude(Exists(is_open))


def hidden_from(actor: Actor) -> QuerySet[ReleaseInstance]:
    """Those of them that no version holds which an actor may read."""
    if may_see_drafts(actor):
        return ReleaseInstance.objects.none()
    readable = ReleaseInstance.objects.filter(release__in=readable_by(actor), instance=OuterRef("instance"))
    return restricted_members().exclude(Exists(readable))


def readers_of(release: Release) -> QuerySet[ReleaseReader]:
    """The standing grants under which a restricted version is read."""
    return standing_grants().filter(slug=release.slug, terms_sha256=release.terms_sha256).select_related("user")


def equally_open(release: Release) -> QuerySet[Release]:
    """The published versions of a data set that everybody may read who may read this one."""
    same = Q(access=ReleaseAccess.RESTRICTED, terms_sha256=release.terms_sha256) & ~Q(terms_sha256="")
    kin = versions_out(release.slug).filter(state=ReleaseState.PUBLISHED)
    return kin.filter(Q(access=ReleaseAccess.OPEN) | same | Q(pk=release.pk))
