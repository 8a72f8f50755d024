"""Proving that every stored byte is still what was received: all of them, or a sample that moves on from look to look.

A look remembers how far it came, so one that was interrupted goes on. What is found damaged is taken out of service; what was, and
lies whole in the store again, is served again.
"""

import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.finding import Finding
from radcommons.server.archive import companions, storage
from radcommons.server.archive.models import Instance, InstanceState, VerificationRun
from radcommons.server.archive.services.mending import names_of, serve_again, take_out
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import ObjectStore, instance_key, object_store
from radcommons.server.platform.policy import Actor

READING_THREADS = 4
LOOK_AHEAD = 16
REMEMBER_EVERY = 200
_LOOKED_AT = (InstanceState.STORED, InstanceState.DAMAGED)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification saw; no finding means that every object is intact.

    Parameters
    ----------
    mended
        Objects that were damaged, were put back into the store, and are served again.
    is_resumed
        Whether an earlier look was interrupted and this one went on; the numbers are those of both.
    """

    checked: int
    size_bytes: int
    findings: tuple[Finding, ...]
    mended: int = 0
    is_resumed: bool = False

    def to_json(self) -> dict[str, object]:
        """The verification as ``--json`` shows it."""
        findings = [finding.to_json() for finding in self.findings]
        return {
            "checked": self.checked,
            "size_bytes": self.size_bytes,
            "mended": self.mended,
            "resumed": self.is_resumed,
            "findings": findings,
        }


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is looked at, and how fast.

    Parameters
    ----------
    fraction
        The part of the objects that is looked at; each look takes another part. The files of releases are always read.
    bytes_per_s
        Most bytes read in a second; None for as fast as the store gives them.
    is_new
        Whether an interrupted look is given up instead of being continued.
    """

    fraction: float = 1.0
    bytes_per_s: float | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class _Object:
    """What is looked at; ``keys`` are the names under which it is looked for, and one of them must hold it."""

    keys: tuple[str, ...]
    sha256: str
    size_bytes: int
    is_instance: bool = True
    was_damaged: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of an object: the name under which it is whole, or what is wrong with it."""

    key: str
    finding: Finding | None


def verify_objects(
    *, actor: Actor, pace: Pace | None = None, progress: Callable[[int, int], None] | None = None
) -> Verification:
    """Read stored objects again and compare their SHA-256 with the one under which they were stored.

    Parameters
    ----------
    progress
        Called with the numbers of objects and bytes checked so far.

    Raises
    ------
    UnavailableError
        When the store stops answering; the same call goes on later where this one was.
    """
    pace = pace or Pace()
    run, is_resumed = _run(pace)
    findings: list[Finding] = []
    mended, since, began = 0, 0, time.monotonic()
    try:
        for number, (each, seen) in enumerate(_looked_at(object_store(), _objects(run)), start=1):
            _draw_conclusions(each, seen, actor)
            if seen.finding is not None:
                findings.append(seen.finding)
            run.checked, run.size_bytes = run.checked + 1, run.size_bytes + each.size_bytes
            run.findings += seen.finding is not None
            mended += each.was_damaged and seen.finding is None
            run.cursor = each.sha256 if each.is_instance else run.cursor
            if number % REMEMBER_EVERY == 0:
                run.save()
            if progress is not None:
                progress(run.checked, run.size_bytes)
            since += each.size_bytes
            if pace.bytes_per_s:
                time.sleep(max(0.0, since / pace.bytes_per_s - (time.monotonic() - began)))
    finally:
        run.save()
    facts = {"checked": run.checked, "findings": run.findings, "fraction": run.fraction}
    with transaction.atomic():
        run.finished_at = timezone.now()
        run.save()
        audit.record(actor, "archive.verify", object_kind="archive", object_id="objects", facts=facts)
    return Verification(run.checked, run.size_bytes, tuple(findings), mended, is_resumed)


def _draw_conclusions(each: _Object, seen: _Seen, actor: Actor) -> None:
    """Take an instance out of service, or serve it again."""
    if seen.finding is None:
        if each.was_damaged:
            serve_again(each.sha256, seen.key, each.keys, actor=actor)
    elif each.is_instance and not each.was_damaged:
        take_out(each.sha256, is_missing=seen.finding.code == "archive.object-missing", actor=actor)


def examine(sha256: str, size_bytes: int, *, actor: Actor) -> Finding | None:
    """Read one object again because a door found it wrong; it is taken out of service when it is.

    Returns
    -------
    What is wrong with it; None when it is intact, whatever the door saw.
    """
    finding = _look(object_store(), _Object((instance_key(sha256),), sha256, size_bytes)).finding
    if finding is not None:
        take_out(sha256, is_missing=finding.code == "archive.object-missing", actor=actor)
    return finding


def _run(pace: Pace) -> tuple[VerificationRun, bool]:
    under_way = VerificationRun.objects.filter(fraction=pace.fraction, finished_at=None)
    if pace.is_new:
        under_way.delete()
    known = under_way.first()
    if known is not None:
        return known, True
    first = "" if pace.fraction >= 1 else secrets.token_hex(8)
    return VerificationRun.objects.create(first=first, fraction=pace.fraction), False


def _objects(run: VerificationRun) -> Iterator[_Object]:
    """What is still to be looked at: the files of releases first, then the instances from the cursor on."""
    if not run.cursor:
        for each in companions.companions():
            yield _Object((each.object_key,), each.sha256, each.size_bytes, is_instance=False)
    rows = Instance.objects.filter(state__in=_LOOKED_AT).order_by("sha256")
    parts = storage.windows(run.first, run.fraction)
    done = next((number for number, (low, high) in enumerate(parts) if run.cursor and low <= run.cursor < high), 0)
    for number, (low, high) in enumerate(parts[done:]):
        part = rows.filter(sha256__gte=low, sha256__lt=high)
        part = part.filter(sha256__gt=run.cursor) if number == 0 and run.cursor else part
        columns = part.values_list("sha256", "size_bytes", "state", "series_id")
        for sha256, size_bytes, state, series_id in columns.distinct().iterator(chunk_size=1000):
            was_damaged = state == InstanceState.DAMAGED
            # Who restores a backup puts back what the backup has, under whichever name.
            keys = names_of(sha256, series_id) if was_damaged else [instance_key(sha256)]
            yield _Object(tuple(keys), sha256, size_bytes, was_damaged=was_damaged)


def _looked_at(store: ObjectStore, objects: Iterator[_Object]) -> Iterator[tuple[_Object, _Seen]]:
    """Each object with what was seen of it, in order; a few are read at once."""
    waiting: deque[tuple[_Object, Future[_Seen]]] = deque()
    with ThreadPoolExecutor(READING_THREADS) as pool:
        try:
            for each in objects:
                waiting.append((each, pool.submit(_look, store, each)))
                if len(waiting) >= LOOK_AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            for first, future in islice(waiting, len(waiting)):
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _look(store: ObjectStore, each: _Object) -> _Seen:
    """What is seen of an object; read twice before it is said to be damaged, for a wire may err as well as a disk."""
    for key in each.keys:
        finding = storage.verdict(each.sha256, each.size_bytes, _read(store, key))
        if finding is not None:
            finding = storage.verdict(each.sha256, each.size_bytes, _read(store, key))
        if finding is None:
            return _Seen(key, None)
    finding = storage.still_damaged(each.sha256) if each.was_damaged else finding
    return _Seen(key, finding and replace(finding, where=key))


def _read(store: ObjectStore, key: str) -> tuple[str, int] | None:
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for chunk in store.stream(key):
            digest.update(chunk)
            size_bytes += len(chunk)
    except NotFoundError:
        return None
    return digest.hexdigest(), size_bytes
