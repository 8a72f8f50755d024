"""The scopes ``batches/<batch_id>`` and ``intake/<site>/<project>``: what a site may look at of what it sent."""

import re

from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.scopes import Scope
from radcommons.server.intake.models import Batch, BatchPart, PartState
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit, sites_for

_PATH = re.compile(r"batches/([0-9a-f]{64})")
_SITE_PATH = re.compile(r"intake/([A-Za-z0-9_-]{1,64})/([a-z0-9_-]{1,64})")


def batch_scope(path: str, actor: Actor) -> Scope:
    """The accepted instances of one batch, for its site, the curators and the administrators.

    Raises
    ------
    NotFoundError
        When there is no such batch, or it is another site's.
    UnauthenticatedError, ForbiddenError
        When the actor has nothing to do with batches at all.
    """
    admit(actor, Action.INTAKE_READ_BATCH)
    match = _PATH.fullmatch(path)
    rows = Batch.objects.filter(batch_id=match[1]) if match else Batch.objects.none()
    allowed = sites_for(actor, Action.INTAKE_READ_BATCH)
    if allowed is not None:
        rows = rows.filter(site__code__in=allowed)
    batch = rows.first()
    if batch is None:
        raise NotFoundError
    accepted = BatchPart.objects.filter(batch=batch, state__in=(PartState.STORED, PartState.DUPLICATE))
    stored = Instance.objects.filter(state=InstanceState.STORED, series__study__subject__site_id=batch.site_id)
    return Scope(path, stored.filter(sop_instance_uid__in=accepted.values("sop_instance_uid")), is_watched=True)


def site_scope(path: str, actor: Actor) -> Scope:
    """The accepted instances of a site for a project, whatever door they came by; for whom batches are.

    Raises
    ------
    NotFoundError
        When the address is none, or the site is another one.
    UnauthenticatedError, ForbiddenError
        When the actor has nothing to do with batches at all.
    """
    admit(actor, Action.INTAKE_READ_BATCH)
    match = _SITE_PATH.fullmatch(path)
    allowed = sites_for(actor, Action.INTAKE_READ_BATCH)
    if match is None or (allowed is not None and match[1] not in allowed):
        raise NotFoundError
    place = {"series__study__subject__site__code": match[1], "series__study__subject__project": match[2]}
    return Scope(path, Instance.objects.filter(state=InstanceState.STORED, **place), is_watched=True)
