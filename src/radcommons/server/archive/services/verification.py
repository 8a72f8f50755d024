"""Proving that every stored byte is still what was received."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from radcommons.dicom.finding import Finding, Severity
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification saw; no finding means that every object is intact."""

    checked: int
    size_bytes: int
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, object]:
        """The verification as ``--json`` shows it."""
        findings = [finding.to_json() for finding in self.findings]
        return {"checked": self.checked, "size_bytes": self.size_bytes, "findings": findings}


def verify_objects(*, actor: Actor, progress: Callable[[int], None] | None = None) -> Verification:
    """Read every stored object again and compare its SHA-256 with the one under which it was stored.

    Parameters
    ----------
    progress
        Called with the number of objects checked so far.
    """
    store = object_store()
    findings: list[Finding] = []
    checked = size_bytes = 0
    rows = Instance.objects.filter(state=InstanceState.STORED).order_by("sha256").values_list("sha256", "size_bytes")
    for sha256, expected in rows.distinct().iterator(chunk_size=1000):
        finding = _check(store, sha256, expected)
        findings += [finding] if finding else []
        checked, size_bytes = checked + 1, size_bytes + expected
        if progress is not None:
            progress(checked)
    facts = {"checked": checked, "findings": len(findings)}
    with transaction.atomic():
        audit.record(actor, "archive.verify", object_kind="archive", object_id="objects", facts=facts)
    return Verification(checked, size_bytes, tuple(findings))


def _check(store: ObjectStore, sha256: str, expected: int) -> Finding | None:
    key = instance_key(sha256)
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for chunk in store.stream(key):
            digest.update(chunk)
            size_bytes += len(chunk)
    except NotFoundError:
        message = "The object is missing from the store. Restore it from a backup or a release."
        return Finding(Severity.ERROR, "archive.object-missing", key, message)
    if size_bytes != expected or digest.hexdigest() != sha256:
        message = "The object's bytes are not those that were stored. Restore it from a backup or a release."
        return Finding(Severity.ERROR, "archive.object-damaged", key, message)
    return None
