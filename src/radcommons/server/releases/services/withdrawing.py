"""Withdrawing a whole version: its page stays as a tombstone, its content is no longer served.

The studies themselves are not withdrawn by it: a corrected version may hold them again. Nothing of an open version stays below a
prefix that an operator may have opened to the world: whoever remembers a key, or has an address that was signed, gets nothing by it.
"""

from django.db import transaction
from django.utils import timezone

from radcommons.server.archive.services import unshelve
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.errors import InvalidReleaseError
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseState
from radcommons.server.releases.queries import shelf_name
from radcommons.server.releases.services.leaving import take_back_series
from radcommons.server.releases.services.publishing import objects_held_still

RELEASES, WITHDRAWN = "releases/", "withdrawn/"


def withdraw(release_id: int, *, reason: str, actor: Actor) -> Release:
    """Withdraw a published version for a reason that everybody will read.

    Doing it again changes nothing but what was interrupted: objects that are still where the public may read them leave.

    Raises
    ------
    InvalidReleaseError
        When no reason is given.
    ConflictError
        When the version was never published.
    BusyReleaseError
        When it is withdrawn, but another version is being published, which may need its objects where they are.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    if not reason.strip():
        raise InvalidReleaseError("Say why the version is withdrawn; the reason stays on its page for ever.")
    release = _withdrawn(release_id, reason.strip(), actor)
    if release.access == ReleaseAccess.OPEN:
        with objects_held_still(is_moving=True):
            take_back_series(release)
            _take_back_files(release)
    return release


def _take_back_files(release: Release) -> None:
    """Keep the signed files, which the tombstone stands for, where the house alone reads."""
    store, folder = object_store(), f"{RELEASES}{release.slug}/{release.version}/"
    for file in release.files.filter(object_key__startswith=folder):
        key = WITHDRAWN + file.object_key.removeprefix(RELEASES)
        store.copy(file.object_key, key)
        release.files.filter(pk=file.pk).update(object_key=key)
    for left in store.list(folder):
        store.delete(left.key)


def _withdrawn(release_id: int, reason: str, actor: Actor) -> Release:
    with transaction.atomic():
        release = Release.objects.select_for_update(no_key=True).filter(pk=release_id).first()
        if release is None:
            raise NotFoundError
        if release.state == ReleaseState.WITHDRAWN:
            return release
        if release.state != ReleaseState.PUBLISHED:
            raise ConflictError(
                "releases.not-published", "Only a published version can be withdrawn; discard the draft."
            )
        name = f"{release.slug}@{release.version}"
        release.state = ReleaseState.WITHDRAWN
        release.withdrawn_at, release.withdrawal_reason = timezone.now(), reason
        release.save(update_fields=["state", "withdrawn_at", "withdrawal_reason"])
        unshelve(shelf_name(release))
        audit.record(
            actor,
            "releases.withdrawn",
            object_kind="release",
            object_id=release_id,
            facts={"name": name, "reason": release.withdrawal_reason},
        )
    return release
