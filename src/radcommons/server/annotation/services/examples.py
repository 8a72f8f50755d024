"""The verb of example pictures: keep one, written anew."""

import hashlib
import threading

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.isolation import LimitedPool
from radcommons.server.annotation.errors import ExampleInvalidError
from radcommons.server.annotation.example_pictures import written_anew
from radcommons.server.annotation.models import ExamplePicture
from radcommons.server.platform import audit
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.settings import settings

LARGEST_BYTES = 8 * 2**20
_PATIENCE_S = 20
_AT_ONCE = threading.BoundedSemaphore(2)


def add_example(content: bytes, *, actor: Actor) -> ExamplePicture:
    """Keep a picture for schemas to name by its digest; the same picture again is kept once.

    Raises
    ------
    ExampleInvalidError
        When it is too large, or no PNG, JPEG or WebP.
    UnavailableError
        When too many pictures are being looked at.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if len(content) > LARGEST_BYTES:
        raise ExampleInvalidError
    found = _in_child(content)
    if found is None:
        raise ExampleInvalidError
    media_type, body = found
    digest = hashlib.sha256(body).hexdigest()
    with transaction.atomic():
        values = {"media_type": media_type, "body": body, "added_by": actor.name, "added_at": timezone.now()}
        row, is_new = ExamplePicture.objects.get_or_create(sha256=digest, defaults=values)
        if is_new:
            facts = {"size_bytes": len(body)}
            audit.record(actor, "annotation.example-added", object_kind="example", object_id=digest, facts=facts)
    return row


def _in_child(content: bytes) -> tuple[str, bytes] | None:
    """The picture written anew by a process with limits (DESIGN, invariant 6)."""
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise UnavailableError(
            "annotation.pictures-busy", "Too many pictures are being looked at. Try again in a moment."
        )
    try:
        limits = settings()
        with LimitedPool(
            written_anew, processes=1, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.parse_timeout_s
        ) as pool:
            _, result = next(iter(list(pool.run([content]))))
    finally:
        _AT_ONCE.release()
    return result if isinstance(result, tuple) else None
