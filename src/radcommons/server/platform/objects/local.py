"""Objects as files below one folder; every write is fsynced, then renamed into place."""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np

from radcommons.server.platform.errors import InvalidError, NotFoundError, UnavailableError
from radcommons.server.platform.objects.store import CHUNK_BYTES, Listed, full

# Linux alone can be asked for what is in memory already (preadv2 with RWF_NOWAIT).
_CAN_READ_AT_ONCE = hasattr(os, "RWF_NOWAIT")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CANNOT_LINK = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP})
_PART = ".part"
_AT_ONCE = 4
_writing = ThreadPoolExecutor(8, thread_name_prefix="write-out")


class LocalObjects:
    """A store of objects in a folder. See :class:`~radcommons.server.platform.objects.store.ObjectStore`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{root}/"

    def _path(self, key: str) -> Path:
        path = self.root / key
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise InvalidError("platform.object-key", "An object key must stay below the store's root.")
        return path

    def _name(self, key: str) -> str:
        """The same as text, for what is done thousands of times a second."""
        if key.startswith("/") or ".." in key:
            return str(self._path(key))
        return f"{self._prefix}{key}"

    def put_path(self, key: str, path: Path, *, replaces: bool = False) -> None:
        """Copy a file in."""
        target = self._path(key)
        with _DiskErrors(is_writing=True), path.open("rb") as source:
            if not replaces and target.exists() and target.stat().st_size == os.fstat(source.fileno()).st_size:
                return
            self._write(target, iter(lambda: source.read(CHUNK_BYTES), b""))

    def take_over(self, given: Sequence[tuple[str, Path]]) -> None:
        """Give files a second name where the disk is the same, and wait for the disk once for all of them."""
        changed: set[str] = set()
        with _DiskErrors():
            for key, path in given:
                self._take_over(key, path, changed)
            # At once: what the file system has to write for one is mostly what it has to write for all. Each thread takes
            # several, since waking one costs as much as a directory.
            folders = list(changed)
            list(_writing.map(_sync_directories, [folders[first::_AT_ONCE] for first in range(_AT_ONCE)]))

    def _take_over(self, key: str, path: Path, changed: set[str]) -> None:
        name = self._name(key)
        folder = name.rpartition("/")[0]
        try:
            try:
                os.link(path, name)
            except FileNotFoundError:
                if not path.exists() and self._path(key).is_file():
                    return
                changed.update(map(str, _make_folder(self._path(key).parent)))
                os.link(path, name)
        except OSError as error:
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                # Neither is an object that somebody asked for and that is not there.
                raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
            if not isinstance(error, FileExistsError) and error.errno not in _CANNOT_LINK:
                raise
            self.put_path(key, path)
        changed.add(folder)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write bytes."""
        self._write(self._path(key), iter((data,)))

    def _write(self, target: Path, chunks: Iterator[bytes]) -> None:
        aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}{_PART}")
        with _DiskErrors(is_writing=True):
            try:
                grown = _make_folder(target.parent)
                with aside.open("xb") as sink:
                    for chunk in chunks:
                        sink.write(chunk)
                    sink.flush()
                    os.fsync(sink.fileno())
                aside.rename(target)
            except OSError:
                aside.unlink(missing_ok=True)
                raise
            _sync_directories([*grown, target.parent])

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Read bytes."""
        with _DiskErrors(), self._path(key).open("rb") as source:
            source.seek(start)
            return source.read(-1 if length is None else length)

    def read_at_once(
        self, key: str, *, start: int, length: int, before: bytes = b"", after: bytes = b""
    ) -> memoryview | None:
        """Bytes that the kernel holds in memory."""
        if not _CAN_READ_AT_ONCE:
            return None
        # Every byte is written below: to clear the memory first would cost as much as reading into it.
        view = np.empty(len(before) + length + len(after), np.uint8).data.cast("B")
        view[: len(before)], view[len(before) + length :] = before, after
        try:
            descriptor = os.open(self._name(key), os.O_RDONLY)
        except OSError:
            return None
        try:
            count = os.preadv(descriptor, [view[len(before) : len(before) + length]], start, os.RWF_NOWAIT)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return view if count == length else None

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Read in pieces."""
        with _DiskErrors(), self._path(key).open("rb") as source:
            left = os.fstat(source.fileno()).st_size - start if length is None else length
            source.seek(start)
            while left > 0 and (chunk := source.read(min(chunk_bytes, left))):
                left -= len(chunk)
                yield chunk

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """The file's size in bytes."""
        with _DiskErrors():
            return self._path(key).stat().st_size

    def imprint(self, key: str) -> tuple[int, int, int] | None:
        """Inode, size and time of the file."""
        with _DiskErrors():
            found = os.stat(self._name(key))  # noqa: PTH116 - asked for every image that is sent
        return found.st_ino, found.st_size, found.st_mtime_ns

    def version(self, key: str) -> str:
        """The imprint, as text."""
        return str(self.imprint(key))

    def copy(self, source: str, target: str) -> None:
        """A second name for the same file; a symbolic link where the file system knows no hard ones."""
        original, second = self._path(source), self._path(target)
        aside = second.with_name(f".{second.name}.{uuid.uuid4().hex}{_PART}")
        with _DiskErrors():
            grown = _make_folder(second.parent)
            original.stat()
            try:
                os.link(original, aside)
            except OSError as error:
                if error.errno not in _CANNOT_LINK:
                    raise
                aside.symlink_to(os.path.relpath(original, second.parent))
            # Renaming one of two names of the same file onto the other does nothing and leaves both.
            aside.rename(second)
            aside.unlink(missing_ok=True)
            _sync_directories([*grown, second.parent])

    def delete(self, key: str) -> None:
        """Remove the file."""
        with _DiskErrors():
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[Listed]:
        """The files below a folder."""
        for current, folders, names in os.walk(self._path(prefix)):
            folders.sort()
            for name in sorted(names):
                path = Path(current, name)
                if not (name.startswith(".") and name.endswith(_PART)):
                    yield Listed(path.relative_to(self.root).as_posix(), path.stat().st_size)

    def clean_up(self, *, older_than_s: float) -> int:
        """Remove the files aside that a killed process left."""
        before, removed = time.time() - older_than_s, 0
        for path in self.root.rglob(f".*{_PART}"):
            if path.lstat().st_mtime < before:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def free_bytes(self) -> int | None:
        """What is free on the folder's disk."""
        folder = next(path for path in (self.root, *self.root.parents) if path.exists())
        return shutil.disk_usage(folder).free

    def local_path(self, key: str) -> Path | None:
        """The file itself."""
        path = self._path(key)
        return path if path.is_file() else None

    def signed_url(self, key: str, *, valid_s: int) -> str | None:  # noqa: ARG002 - files have no addresses
        """Nothing."""
        return None

    def where(self, key: str) -> str:
        """The key itself: a second name on a disk needs no other."""
        return key


class _DiskErrors:
    """Turns the operating system's errors into the house's where they enter."""

    def __init__(self, *, is_writing: bool = False) -> None:
        self._is_writing = is_writing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_absent = isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError))
        if is_absent and not self._is_writing:
            raise NotFoundError("The object is not in the store.") from error
        if isinstance(error, OSError):
            if error.errno in _FULL:
                raise full() from error
            message = f"The object store cannot be used ({error.strerror}). Check the disk, then retry."
            raise UnavailableError("platform.store-unavailable", message) from error


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; the folders that hold a new one, whose entries are to be made durable too."""
    if folder.is_dir():
        return []
    above = _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    return [*above, folder.parent]


def _sync_directories(paths: Iterable[Path | str]) -> None:
    for path in paths:
        _sync_directory(path)


def _sync_directory(path: Path | str) -> None:
    """Make a rename durable: the directory's entry is data too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
