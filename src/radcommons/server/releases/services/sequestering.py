"""Holding subjects back for good."""

from django.db import transaction

from radcommons.server.archive.models import Subject
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.errors import InvalidReleaseError
from radcommons.server.releases.models import ReleaseInstance, ReleaseState, SequesteredSubject


def sequester(subject: Subject, *, reason: str, actor: Actor) -> SequesteredSubject:
    """Assign a subject to the sequestered ones. Doing it again keeps the first assignment; there is no way back.

    Raises
    ------
    InvalidReleaseError
        When no reason is given.
    ConflictError
        When images of the subject are in a published version, because then they are known to the world.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    if not reason.strip():
        raise InvalidReleaseError("Say why the subject is sequestered.")
    with transaction.atomic():
        Subject.objects.select_for_update(no_key=True).get(pk=subject.pk)
        known = SequesteredSubject.objects.filter(subject=subject).first()
        if known is not None:
            return known
        is_out = ReleaseInstance.objects.filter(
            instance__series__study__subject=subject, release__state=ReleaseState.PUBLISHED
        ).exists()
        if is_out:
            raise ConflictError("releases.already-released", "The subject is in a published version.")
        row = SequesteredSubject.objects.create(subject=subject, reason=reason.strip(), assigned_by=actor.name)
        audit.record(actor, "releases.sequestered", object_kind="subject", object_id=subject.pk)
    return row
