"""The staging folder: where uploads lie from the moment they are whole until they are stored or discarded.

A file appears under its digest only when all its bytes are on the disk and hash to it: after any crash what is there is
whole, and what is not there is sent again.
"""

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from radcommons.server.intake.errors import DigestMismatchError, DiskFullError, PartTooLargeError
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.settings import settings

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ASIDE_SUFFIX = ".part"
_SPOOLED_BYTES = 2**20


class Readable(Protocol):
    """What bytes are read from, as the body of a request."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or what is left of them."""


def folder_of(batch_id: str) -> Path:
    """The folder of one batch."""
    return settings().staging_dir / "batches" / batch_id


def path_of(batch_id: str, sha256: str) -> Path:
    """Where the whole bytes of a part lie, or will."""
    return folder_of(batch_id) / sha256


@contextmanager
def spooled(stream: Readable, maximum_bytes: int) -> Iterator[Path]:
    """A manifest from the wire as a file, for as long as it is looked at.

    Raises
    ------
    InvalidError
        ``intake.manifest-too-large``.
    """
    folder = settings().staging_dir / "manifests"
    with _disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=folder) as file:
            size_bytes = 0
            while chunk := stream.read(_SPOOLED_BYTES):
                size_bytes += len(chunk)
                if size_bytes > maximum_bytes:
                    message = "The manifest is too large: send the studies in several batches."
                    raise InvalidError("intake.manifest-too-large", message)
                file.write(chunk)
            file.flush()
            yield Path(file.name)


def has_part(batch_id: str, sha256: str, size_bytes: int) -> bool:
    """Whether a part lies there whole."""
    try:
        return path_of(batch_id, sha256).stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def looking_into(batch_id: str) -> Callable[[str, int], bool]:
    """The same as :func:`has_part`, for thousands of parts of one batch."""
    folder = f"{folder_of(batch_id)}/"

    def has(sha256: str, size_bytes: int) -> bool:
        try:
            return os.stat(folder + sha256).st_size == size_bytes  # noqa: PTH116 - asked for every part
        except FileNotFoundError:
            return False

    return has


def write_names(batch_id: str) -> None:
    """Have the names of a batch's parts on the disk: those that are found afterwards are there after any crash."""
    folder = folder_of(batch_id)
    if folder.is_dir():
        _sync_directory(folder)


def adopt(batch_id: str, files: Iterable[tuple[Path, str]]) -> Future[None]:
    """Make whole files, on the disk under other names, parts of a batch by their digests.

    Returns
    -------
    When it has its result, the new names are on the disk too.
    """
    folder = folder_of(batch_id)
    with _disk_errors():
        for path, sha256 in files:
            _adopt(path, f"{folder}/{sha256}")
        folder.mkdir(parents=True, exist_ok=True)
    return _writing.submit(_write_names, folder)


def _write_names(folder: Path) -> None:
    # Another request may have settled all that lay there and taken the folder away.
    with _disk_errors(), suppress(FileNotFoundError):
        _sync_directory(folder)


def _adopt(path: Path, target: str) -> None:
    try:
        os.rename(path, target)  # noqa: PTH104 - asked for every file
    except FileNotFoundError:
        # The folder is new, or another request has emptied it and taken it away; the file itself is ours alone.
        while path.exists():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                path.rename(target)


def remove_parts(batch_id: str, digests: Iterable[str]) -> None:
    """Remove parts that are stored or discarded; removing them again is no error."""
    folder = f"{folder_of(batch_id)}/"
    for sha256 in digests:
        with suppress(FileNotFoundError):
            os.unlink(folder + sha256)  # noqa: PTH108 - asked for every file


def remove_leftovers(batch_id: str) -> None:
    """Remove what uploads broken off left behind, and the folder itself once it is empty."""
    folder = folder_of(batch_id)
    if not folder.is_dir():
        return
    for aside in folder.glob(f".*{ASIDE_SUFFIX}"):
        aside.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


# Files that are written out at the same time share what the file system has to write for each; each thread takes a few,
# since waking one costs as much as a file.
_writing = ThreadPoolExecutor(8, thread_name_prefix="write-out")
_TOGETHER = 4
# After so many bytes the room on the disk is looked at again.
_MUCH_BYTES = 16 << 20


def demand_room(size_bytes: int) -> None:
    """Raise DiskFullError for what is announced to be larger than the room there is, before any of it is sent."""
    folder = settings().staging_dir
    with _disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        _demand_room(folder, size_bytes)


class Upload:
    """The files of one request, aside until all of them are there; whatever is not adopted goes with it.

    Raises
    ------
    DiskFullError
        From any call, when there is no room.
    """

    def __init__(self) -> None:
        self._waiting: list[FileIO] = []
        self._writes: list[Future[None]] = []
        self._count, self._unlooked_bytes = 0, _MUCH_BYTES
        with _disk_errors():
            self.folder = settings().staging_dir / "direct" / uuid.uuid4().hex
            self.folder.mkdir(parents=True)

    def new_file(self, *, maximum_bytes: int) -> "FileSink":
        """What takes the bytes of another file."""
        if self._unlooked_bytes >= _MUCH_BYTES:
            with _disk_errors():
                _demand_room(self.folder, 0)
            self._unlooked_bytes = 0
        self._count += 1
        return FileSink(self.folder / str(self._count), maximum_bytes=maximum_bytes)

    def keep(self, sink: "FileSink") -> None:
        """Have a file that is whole written to the disk."""
        self._unlooked_bytes += sink.size_bytes
        self._waiting.append(sink.file)
        if len(self._waiting) >= _TOGETHER:
            self._write_out()

    def wait(self) -> None:
        """Until all files that were kept are on the disk."""
        self._write_out()
        for write in self._writes:
            write.result()

    def close(self) -> None:
        """Leave nothing behind."""
        for file in self._waiting:
            file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_out(self) -> None:
        group, self._waiting = self._waiting, []
        self._writes.append(_writing.submit(_write_out_all, group))


def remove_old_uploads(*, older_than_s: float) -> None:
    """Remove what requests left behind whose process was killed."""
    before = time.time() - older_than_s
    for folder in (settings().staging_dir / "direct").glob("*"):
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)


class FileSink:
    """Takes the bytes of one uploaded file of unknown length, hashed while written.

    Raises
    ------
    DiskFullError, PartTooLargeError
        From any call, when there is no room or it grows beyond ``maximum_bytes``.
    """

    def __init__(self, path: Path, *, maximum_bytes: int) -> None:
        self.path = path
        self.size_bytes = 0
        self._maximum_bytes = maximum_bytes
        self._hash = hashlib.sha256()
        with _disk_errors():
            self.file: FileIO = path.open("xb", buffering=0)

    @property
    def sha256(self) -> str:
        """The digest of what was written so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._maximum_bytes:
            raise PartTooLargeError(self._maximum_bytes)
        self._hash.update(chunk)
        with _disk_errors():
            _write_all(self.file, chunk)

    def abort(self) -> None:
        """Stop; the bytes go with their folder."""
        with suppress(OSError):
            self.file.close()


def _write_all(file: FileIO, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


def _write_out_all(files: Iterable[FileIO]) -> None:
    with ExitStack() as opened:
        for file in files:
            opened.callback(file.close)
        for file in files:
            _write_out(file)


def _write_out(file: FileIO) -> None:
    with _disk_errors(), file:
        os.fsync(file.fileno())


class PartSink:
    """Takes the bytes of one part: hashed while written, kept only when they are what was announced.

    Parameters
    ----------
    batch_id, sha256
        The part; its digest names the file.
    size_bytes
        What the manifest announced; one byte more is refused.

    Raises
    ------
    DiskFullError
        From any call when the disk has no room.
    """

    def __init__(self, batch_id: str, sha256: str, *, size_bytes: int) -> None:
        self._target = path_of(batch_id, sha256)
        self._sha256 = sha256
        self._size_bytes = size_bytes
        self._written = 0
        self._hash = hashlib.sha256()
        self._aside = self._target.with_name(f".{sha256}.{uuid.uuid4().hex}{ASIDE_SUFFIX}")
        self._file: FileIO | None = None
        self.is_closed = False

    def write(self, *chunks: bytes | memoryview) -> None:
        """Take the next bytes, in pieces.

        Raises
        ------
        PartTooLargeError
            When there are more than announced.
        """
        for chunk in chunks:
            self._written += len(chunk)
            if self._written > self._size_bytes:
                raise PartTooLargeError(self._size_bytes)
            self._hash.update(chunk)
        with _disk_errors():
            for chunk in chunks:
                _write_all(self._open(), chunk)

    def _open(self) -> FileIO:
        if self._file is None:
            try:
                self._file = self._aside.open("xb", buffering=0)
            except FileNotFoundError:
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._aside.open("xb", buffering=0)
            _demand_room(self._target.parent, self._size_bytes)
        return self._file

    def keep(self) -> Future[None]:
        """Have the part put in its place; it is there, its bytes on the disk, when the answer is.

        Its name is there for good after :func:`write_names`.

        Raises
        ------
        DigestMismatchError
            When the bytes are not those of the digest.
        """
        if self._written != self._size_bytes or self._hash.hexdigest() != self._sha256:
            raise DigestMismatchError
        with _disk_errors():
            file = self._open()
        self.is_closed = True
        return _writing.submit(_keep, file, self._aside, self._target)

    def commit(self) -> None:
        """Put the part in its place and wait for the disk; see :meth:`keep`."""
        self.keep().result()

    def abort(self) -> None:
        """Leave nothing behind; after :meth:`keep` it changes nothing."""
        if self._file is not None and not self.is_closed:
            with suppress(OSError):
                self._file.close()
            self._aside.unlink(missing_ok=True)
        self.is_closed = True


def _keep(file: FileIO, aside: Path, target: Path) -> None:
    try:
        _write_out(file)
        with _disk_errors():
            aside.rename(target)
    except (OSError, DiskFullError):
        aside.unlink(missing_ok=True)
        raise


def _demand_room(folder: Path, size_bytes: int) -> None:
    if shutil.disk_usage(folder).free < size_bytes + settings().staging_free_bytes:
        raise DiskFullError


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn 'no space left' into the room's refusal; other failures of the disk stay what they are."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError from error
        raise


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
