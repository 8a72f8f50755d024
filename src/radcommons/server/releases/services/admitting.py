"""Letting somebody read the restricted versions of a data set, ending it, and opening a version to everybody."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from radcommons.server.archive.services import place
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.models import User
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.errors import InvalidReleaseError
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseReader, ReleaseState
from radcommons.server.releases.queries import instances_of
from radcommons.server.releases.services.publishing import objects_held_still

# Terms, institutions and people change; whoever needs longer asks again.
LONGEST = timedelta(days=3 * 366)


def admit_reader(release: Release, user: User, *, until: date, actor: Actor) -> ReleaseReader:
    """Let an account read a restricted version, and every version of its data set under the same terms, until a day.

    Raises
    ------
    InvalidReleaseError
        When the day is over, or too far away.
    ConflictError
        When the version is not restricted, or the account is closed.
    """
    authorise(actor, Action.ACCESS_DECIDE)
    today = timezone.localdate()
    if not today <= until <= today + LONGEST:
        raise InvalidReleaseError("The last day of access must be from today on, and within three years.")
    if release.access != ReleaseAccess.RESTRICTED or release.state != ReleaseState.PUBLISHED:
        raise ConflictError("releases.not-restricted", "Only a published, restricted version has readers.")
    if not user.is_active:
        raise ConflictError("releases.closed-account", "The account is closed.")
    with transaction.atomic():
        reader = ReleaseReader.objects.create(
            slug=release.slug, terms_sha256=release.terms_sha256, user=user, until=until, granted_by=actor.name
        )
        facts = {"data_set": release.slug, "terms_sha256": release.terms_sha256, "until": until.isoformat()}
        audit.record(actor, "releases.reader-admitted", object_kind="reader", object_id=reader.pk, facts=facts)
    return reader


def dismiss_reader(reader_id: int, *, reason: str, actor: Actor) -> ReleaseReader:
    """Revoke a grant, at once and for good, with every other one under which its owner reads the same. Doing it again changes nothing.

    Raises
    ------
    InvalidReleaseError
        When no reason is given; the person reads it.
    """
    authorise(actor, Action.ACCESS_DECIDE)
    if not reason.strip():
        raise InvalidReleaseError("Say why access ends; the person reads it.")
    with transaction.atomic():
        rows = ReleaseReader.objects.select_for_update(no_key=True)
        reader = rows.filter(pk=reader_id).first()
        if reader is None:
            raise NotFoundError
        if reader.revoked_at is not None:
            return reader
        # Who asked for two versions under the same terms has two grants, and must lose both to lose one.
        same = rows.filter(slug=reader.slug, terms_sha256=reader.terms_sha256, user_id=reader.user_id, revoked_at=None)
        for each in same.order_by("pk"):
            _revoke(each, reason.strip(), actor)
        reader.refresh_from_db()
    return reader


def _revoke(reader: ReleaseReader, reason: str, actor: Actor) -> None:
    reader.revoked_at, reader.revoked_by, reader.revocation_reason = timezone.now(), actor.name, reason
    reader.save(update_fields=["revoked_at", "revoked_by", "revocation_reason"])
    facts = {"data_set": reader.slug, "terms_sha256": reader.terms_sha256}
    audit.record(actor, "releases.reader-dismissed", object_kind="reader", object_id=reader.pk, facts=facts)


def open_version(release_id: int, *, reason: str, actor: Actor) -> Release:
    """Open a restricted version to everybody, for good. Doing it again changes nothing.

    Raises
    ------
    InvalidReleaseError
        When no reason is given.
    ConflictError
        When it is not published.
    BusyReleaseError
        When another version is being withdrawn at this moment.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    if not reason.strip():
        raise InvalidReleaseError("Say why the version is opened; the reason stays in the record.")
    with objects_held_still():
        release = _opened(release_id, reason.strip(), actor)
        # A crash here leaves an open version below no prefix of its own, which is served all the same; opening it again places it.
        place(instances_of(release))
    return release


def _opened(release_id: int, reason: str, actor: Actor) -> Release:
    with transaction.atomic():
        release = Release.objects.select_for_update(no_key=True).filter(pk=release_id).first()
        if release is None:
            raise NotFoundError
        if release.state != ReleaseState.PUBLISHED:
            raise ConflictError("releases.not-published", "Only a published version can be opened.")
        if release.access == ReleaseAccess.OPEN:
            return release
        release.access = ReleaseAccess.OPEN
        release.opened_at, release.opened_by, release.opening_reason = timezone.now(), actor.name, reason
        release.save(update_fields=["access", "opened_at", "opened_by", "opening_reason"])
        facts = {"name": f"{release.slug}@{release.version}", "reason": release.opening_reason}
        audit.record(actor, "releases.opened", object_kind="release", object_id=release_id, facts=facts)
    return release
