"""Withdrawing a whole version: its page stays as a tombstone, its content is no longer served.

The studies themselves are not withdrawn by it: a corrected version may hold them again.
"""

from django.db import transaction
from django.utils import timezone

from radcommons.server.archive.services import unshelve
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.errors import InvalidReleaseError
from radcommons.server.releases.models import Release, ReleaseState
from radcommons.server.releases.queries import shelf_name


def withdraw(release_id: int, *, reason: str, actor: Actor) -> Release:
    """Withdraw a published version for a reason that everybody will read. Doing it again changes nothing.

    Raises
    ------
    InvalidReleaseError
        When no reason is given.
    ConflictError
        When the version was never published.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    if not reason.strip():
        raise InvalidReleaseError("Say why the version is withdrawn; the reason stays on its page for ever.")
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
        release.withdrawn_at, release.withdrawal_reason = timezone.now(), reason.strip()
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
