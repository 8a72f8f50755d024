"""Where bytes are kept: a local folder by default, any S3-compatible store by URL.

Objects are immutable and named by their content, so writing one twice is harmless and a name never changes its meaning.
"""

import os
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from radcommons.server.platform.errors import InvalidError, NotFoundError, UnavailableError
from radcommons.server.platform.settings import settings

CHUNK_BYTES = 1 << 20
# Linux alone can be asked for what is in memory already (preadv2 with RWF_NOWAIT).
_CAN_READ_AT_ONCE = hasattr(os, "RWF_NOWAIT")


class ObjectStore(Protocol):
    """What the house asks of a store of objects."""

    def put_path(self, key: str, path: Path) -> None:
        """Store a file's bytes; when this returns they are durable. Storing a key again changes nothing."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes under a key, replacing what stood there."""

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from ``start``, all of the rest or ``length`` of them."""

    def read_at_once(self, key: str, *, start: int, length: int) -> memoryview | None:
        """The same when it can be had without waiting for a disk or a network; None otherwise."""

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """The same in pieces, with constant memory."""

    def exists(self, key: str) -> bool:
        """Whether an object is there."""

    def size(self, key: str) -> int:
        """Its size in bytes."""

    def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""

    def local_path(self, key: str) -> Path | None:
        """The object as a local file for reading, when the store has one."""


class LocalObjects:
    """Objects as files below one folder; every write is fsynced, then renamed into place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        path = self.root / key
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise InvalidError("platform.object-key", "An object key must stay below the store's root.")
        return path

    def put_path(self, key: str, path: Path) -> None:
        """Copy a file in. See :class:`ObjectStore`."""
        target = self._path(key)
        if target.exists():
            return
        with path.open("rb") as source:
            self._write(target, iter(lambda: source.read(CHUNK_BYTES), b""))

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write bytes. See :class:`ObjectStore`."""
        self._write(self._path(key), iter((data,)))

    def _write(self, target: Path, chunks: Iterator[bytes]) -> None:
        aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with aside.open("xb") as sink:
                for chunk in chunks:
                    sink.write(chunk)
                sink.flush()
                os.fsync(sink.fileno())
            aside.rename(target)
        except OSError as error:
            aside.unlink(missing_ok=True)
            message = (
                f"The object store cannot be written ({error.strerror}). Free space or check the disk, then retry."
            )
            raise UnavailableError("platform.store-unavailable", message) from error
        _sync_directory(target.parent)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes. See :class:`ObjectStore`."""
        try:
            with self._path(key).open("rb") as source:
                source.seek(start)
                return source.read(-1 if length is None else length)
        except FileNotFoundError as error:
            raise NotFoundError("The object is not in the store.") from error

    def read_at_once(self, key: str, *, start: int, length: int) -> memoryview | None:
        """Bytes that the kernel holds in memory. See :class:`ObjectStore`."""
        if not _CAN_READ_AT_ONCE:
            return None
        buffer = bytearray(length)
        try:
            descriptor = os.open(self._path(key), os.O_RDONLY)
        except OSError:
            return None
        try:
            count = os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return memoryview(buffer) if count == length else None

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Read in pieces. See :class:`ObjectStore`."""
        left = self.size(key) - start if length is None else length
        with self._path(key).open("rb") as source:
            source.seek(start)
            while left > 0 and (chunk := source.read(min(chunk_bytes, left))):
                left -= len(chunk)
                yield chunk

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """The file's size in bytes."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError as error:
            raise NotFoundError("The object is not in the store.") from error

    def delete(self, key: str) -> None:
        """Remove the file."""
        self._path(key).unlink(missing_ok=True)

    def local_path(self, key: str) -> Path | None:
        """The file itself."""
        path = self._path(key)
        return path if path.is_file() else None


def _sync_directory(path: Path) -> None:
    """Make a rename durable: the directory's entry is data too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class CloudObjects:
    """Objects in an S3-compatible bucket through obstore; credentials from the usual variables."""

    def __init__(self, url: str) -> None:
        self.store = from_url(url)

    def put_path(self, key: str, path: Path) -> None:
        """Upload a file. See :class:`ObjectStore`."""
        if not self.exists(key):
            with self._guard():
                obstore.put(self.store, key, path)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Upload bytes. See :class:`ObjectStore`."""
        with self._guard():
            obstore.put(self.store, key, data)

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Fetch bytes. See :class:`ObjectStore`."""
        length = self.size(key) - start if length is None else length
        if length <= 0:
            return b""
        with self._guard():
            return bytes(obstore.get_range(self.store, key, start=start, length=length))

    def read_at_once(self, key: str, *, start: int, length: int) -> memoryview | None:  # noqa: ARG002
        """Nothing: a bucket always answers later."""
        return None

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Fetch in pieces. See :class:`ObjectStore`."""
        end = self.size(key) if length is None else start + length
        while start < end:
            chunk = self.read(key, start=start, length=min(chunk_bytes, end - start))
            start += len(chunk)
            yield chunk

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        try:
            with self._guard():
                obstore.head(self.store, key)
        except NotFoundError:
            return False
        return True

    def size(self, key: str) -> int:
        """The object's size in bytes."""
        with self._guard():
            return int(obstore.head(self.store, key)["size"])

    def delete(self, key: str) -> None:
        """Remove the object."""
        if self.exists(key):
            with self._guard():
                obstore.delete(self.store, key)

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 - a bucket has no local files
        """Nothing: the object is elsewhere."""
        return None

    @staticmethod
    def _guard() -> "_StoreErrors":
        return _StoreErrors()


class _StoreErrors:
    """Turns obstore's exceptions into the house's where they enter."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise NotFoundError("The object is not in the store.") from error
        if isinstance(error, (BaseError, OSError)):
            message = "The object store does not answer. Check RADCOMMONS_OBJECTS_URL and the store, then retry."
            raise UnavailableError("platform.store-unavailable", message) from error


@cache
def _store_for(url: str, data_dir: Path) -> ObjectStore:
    return CloudObjects(url) if url else LocalObjects(data_dir / "objects")


def object_store() -> ObjectStore:
    """The store this centre is configured with."""
    current = settings()
    return _store_for(current.objects_url, current.data_dir)


def instance_key(sha256: str) -> str:
    """The key of an instance's bytes."""
    return f"instances/{sha256[:2]}/{sha256}.dcm"
