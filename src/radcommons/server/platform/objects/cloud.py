"""Objects in an S3-compatible bucket through obstore; credentials from the usual variables.

What an object is called and where it lies are two things here: an instance is asked for by its digest, and lies below the
prefix of its series once that was published. Requests that fail are repeated with growing waits; a write is visible as a
whole or not at all, for a bucket shows an object only when its last byte was taken.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store, from_url

from radcommons.server.platform.errors import InvalidError, NotFoundError, UnavailableError
from radcommons.server.platform.objects.store import CHUNK_BYTES, Listed, Places, full, instance_key, place_key

PART_BYTES = 8 << 20
PARTS_AT_ONCE = 3
REMEMBERED_PLACES = 50_000
_OPTIONS = frozenset({"endpoint", "region"})
_INSTANCE = re.compile(r"instances/[0-9a-f]{2}/([0-9a-f]{64})\.dcm")
_STORE_FULL = ("StorageFull", "InsufficientStorage", "507", "QuotaExceeded", "no writable volumes", "No space left")
_RETRY: dict[str, Any] = {
    "max_retries": 4,
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=3), "base": 2},
    "retry_timeout": timedelta(seconds=30),
}
# No limit on a whole transfer, which may be long, but one on silence within it.
_CLIENT: dict[str, Any] = {"connect_timeout": "5s", "read_timeout": "20s", "timeout": "1day"}


class CloudObjects:
    """A store of objects in a bucket. See :class:`~radcommons.server.platform.objects.store.ObjectStore`.

    Parameters
    ----------
    url
        ``s3://bucket/prefix``, with ``?endpoint=…`` for a store that is not Amazon's and ``&region=…``.
    places
        Tells where published instances lie.
    retry, client
        How failing requests are repeated and how long is waited; obstore's ``RetryConfig`` and ``ClientConfig``.

    Raises
    ------
    InvalidError
        When the URL is none of a store.
    """

    def __init__(
        self,
        url: str,
        *,
        places: Places | None = None,
        retry: dict[str, Any] | None = None,
        client: dict[str, Any] | None = None,
    ) -> None:
        address, options = _taken_apart(url)
        is_open = options.get("endpoint", "").startswith("http://")
        given = {**_CLIENT, **({"allow_http": True} if is_open else {}), **(client or {})}
        try:
            self.store = from_url(  # type: ignore[call-overload]
                address, config=options or None, client_options=given, retry_config=retry or _RETRY
            )
        except (BaseError, ValueError) as error:
            raise InvalidError("platform.objects-url", "RADCOMMONS_OBJECTS_URL names no store of objects.") from error
        self._places = places
        self._known: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def put_path(self, key: str, path: Path, *, replaces: bool = False) -> None:
        """Upload a file, in parts when it is large."""
        if not replaces and self._size_or_none(key) == path.stat().st_size:
            return
        with _StoreErrors():
            kind = {"Content-Type": "application/dicom"} if key.endswith(".dcm") else None
            obstore.put(
                self.store,
                self._where(key),
                path,
                attributes=kind,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    def take_over(self, given: Sequence[tuple[str, Path]]) -> None:
        """Upload files."""
        for key, path in given:
            if path.exists() or not self.exists(key):
                self.put_path(key, path)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Upload bytes."""
        with _StoreErrors():
            obstore.put(self.store, key, data)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Fetch bytes."""
        return b"".join(self.stream(key, chunk_bytes=PART_BYTES, start=start, length=length))

    def read_at_once(self, *_: object, **__: object) -> memoryview | None:
        """Nothing: a bucket always answers later."""
        return None

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Fetch in pieces; a connection that breaks is taken up again where it broke."""
        end = None if length is None else start + length
        while end is None or start < end:
            before = start
            try:
                with _StoreErrors():
                    found = self._get(key, start, end)
                    start, end = found.range
                    for chunk in found.stream(min_chunk_size=chunk_bytes):
                        start += len(chunk)
                        yield bytes(chunk)
                    return
            except UnavailableError:
                # A request was repeated already; an answer that broke off is taken up as long as something more comes.
                if start == before:
                    raise

    def _get(self, key: str, start: int, end: int | None) -> "obstore.GetResult":
        options: dict[str, Any] = {"range": {"offset": start} if end is None else (start, end)} if start or end else {}
        try:
            return obstore.get(self.store, self._where(key), options=options)  # type: ignore[arg-type]
        except FileNotFoundError:
            if not self._learn(key):
                raise
            return obstore.get(self.store, self._where(key), options=options)  # type: ignore[arg-type]

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        return self._size_or_none(key) is not None

    def size(self, key: str) -> int:
        """The object's size in bytes."""
        return int(self._head(key)["size"])

    def version(self, key: str) -> str:
        """The tag of the object, or its time where the store has none."""
        found = self._head(key)
        return str(found["e_tag"] or found["last_modified"])

    def _head(self, key: str) -> "obstore.ObjectMeta":
        with _StoreErrors():
            try:
                return obstore.head(self.store, self._where(key))
            except FileNotFoundError:
                if not self._learn(key):
                    raise
                return obstore.head(self.store, self._where(key))

    def imprint(self, key: str) -> tuple[int, int, int] | None:  # noqa: ARG002 - to ask costs as much as to read
        """Nothing: see :meth:`version`."""
        return None

    def _size_or_none(self, key: str) -> int | None:
        try:
            return self.size(key)
        except NotFoundError:
            return None

    def copy(self, source: str, target: str) -> None:
        """Let the server copy."""
        self.size(source)
        with _StoreErrors():
            obstore.copy(self.store, self._where(source), target)

    def delete(self, key: str) -> None:
        """Remove the object, under the very key."""
        with _StoreErrors():
            try:
                obstore.delete(self.store, key)
            except FileNotFoundError:
                return

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects below a prefix."""
        with _StoreErrors():
            for page in obstore.list(self.store, prefix.rstrip("/") or None):
                for found in page:
                    yield Listed(str(found["path"]), int(found["size"]))

    def clean_up(self, *, older_than_s: float) -> int:  # noqa: ARG002 - the bucket's own rules do that
        """Nothing: parts of interrupted uploads are invisible and go by the bucket's lifecycle rule."""
        return 0

    def free_bytes(self) -> int | None:
        """Unknown."""
        return None

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - a bucket has no local files
        """Nothing: the object is elsewhere."""
        return None

    def signed_url(self, key: str, *, valid_s: int) -> str | None:
        """A presigned address; made here, without asking the store."""
        if not isinstance(self.store, S3Store):
            return None
        with _StoreErrors():
            return str(obstore.sign(self.store, "GET", self.where(key), expires_in=timedelta(seconds=valid_s)))

    def where(self, key: str) -> str:
        """The key below the series' prefix for an instance that was published, else the key itself."""
        self._learn(key)
        return self._where(key)

    def _where(self, key: str) -> str:
        with self._lock:
            place = self._known.get(key)
            if place is not None:
                self._known.move_to_end(key)
        return key if place is None else place

    def _learn(self, key: str) -> bool:
        """Ask where an instance was placed; whether that is elsewhere than thought."""
        found = _INSTANCE.fullmatch(key)
        if found is None or self._places is None or key != instance_key(found[1]):
            return False
        version = self._places(found[1])
        place = key if version is None else place_key(version, found[1])
        with self._lock:
            is_news = self._known.get(key, key) != place
            if place == key:
                self._known.pop(key, None)
            else:
                self._known[key] = place
                while len(self._known) > REMEMBERED_PLACES:
                    self._known.popitem(last=False)
        return is_news


def _taken_apart(url: str) -> tuple[str, dict[str, str]]:
    """The address without its query, and what the query says."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if set(options) - _OPTIONS:
        message = "RADCOMMONS_OBJECTS_URL knows the parameters endpoint and region only."
        raise InvalidError("platform.objects-url", message)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), options


class _StoreErrors:
    """Turns obstore's exceptions into the house's where they enter; their texts, which hold keys, go no further."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, FileNotFoundError):
            raise NotFoundError("The object is not in the store.") from error
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
            message = (
                "The object store refuses this centre's credentials. Check the AWS variables and the bucket's policy."
            )
            raise UnavailableError("platform.store-refuses", message) from error
        if isinstance(error, (BaseError, OSError)):
            if any(word in str(error) for word in _STORE_FULL):
                raise full() from error
            message = "The object store does not answer. Check RADCOMMONS_OBJECTS_URL and the store, then retry."
            raise UnavailableError("platform.store-unavailable", message) from error
