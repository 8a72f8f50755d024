"""The files of a manifest, read strictly and one at a time where its bytes lie.

A batch of a hundred thousand files is some forty megabytes of JSON, and five times that as objects: neither end needs
them all at once. What stays in memory is 40 bytes a file.
"""

import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq
from pathlib import Path
from typing import overload

from radcommons.deid.pixel_text import PixelText
from radcommons.transfer.manifest.stamps import LEAVING, BatchFile, ReleaseReason, ReleaseStamp
from radcommons.transfer.shape import mapping, text, unknown_keys, whole_number

MAXIMUM_FILES = 1_000_000
# The files come first: no other key of a manifest sorts before theirs.
OPENING = b'{"files":['
NOT_CANONICAL = "its bytes are not canonical JSON (sorted keys, no spaces, UTF-8)"
Read = Callable[[int, int], bytes]
"""Gives so many bytes from an offset on, or fewer where the end comes first."""

_BLOCK_BYTES = 2**18
# Longer than a well-formed file's line can be; a malformed one is named all the same.
_LONGEST_FILE = 2**13
FILES_A_PIECE = 512
_DIGEST_BYTES = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_SOP_CLASS = re.compile(r"[0-9.]{1,64}")
_ROLE = re.compile(r"[a-z][a-z-]{0,31}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")
_parse = json.JSONDecoder().raw_decode


class LaidFiles(Sequence[BatchFile]):
    """The files of canonical bytes that lie somewhere, ascending by digest; equal to any sequence of the same files.

    Parameters
    ----------
    read
        Where the bytes of the manifest come from, from now on.
    """

    __slots__ = ("_digests", "_ends", "_read")

    def __init__(self, read: Read) -> None:
        self._read = read
        self._digests = bytearray()
        self._ends = array("Q", (len(OPENING),))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> BatchFile: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[BatchFile, ...]: ...

    def __getitem__(self, index: int | slice) -> BatchFile | tuple[BatchFile, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        at = range(len(self))[index]
        return file_of(json.loads(self.span(at, at + 1)))

    def __iter__(self) -> Iterator[BatchFile]:
        for start in range(0, len(self), FILES_A_PIECE):
            stop = min(start + FILES_A_PIECE, len(self))
            yield from map(file_of, json.loads(b"[" + self.span(start, stop) + b"]"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def span(self, start: int, stop: int) -> bytes:
        """The canonical bytes of some files, with commas between them."""
        first = self._ends[start] + (start > 0)
        return self._read(first, self._ends[stop] - first)

    def place_of(self, sha256: str) -> int:
        """Where the file with this digest is, or would be."""
        return bisect_left(range(len(self)), bytes.fromhex(sha256), key=self._digest)

    def _digest(self, at: int) -> bytes:
        return bytes(self._digests[at * _DIGEST_BYTES : (at + 1) * _DIGEST_BYTES])

    def append(self, file: BatchFile, end: int) -> None:
        """Learn where the next file ends.

        Raises
        ------
        ValueError
            When its digest does not ascend, or there are too many.
        """
        digest = bytes.fromhex(file.sha256)
        if len(self) and self._digest(len(self) - 1) >= digest:
            raise ValueError("files are not ascending by sha256, each once")
        if len(self) == MAXIMUM_FILES:
            raise ValueError(f"files has more than {MAXIMUM_FILES} entries")
        self._digests += digest
        self._ends.append(end)


def bytes_reader(data: bytes) -> Read:
    """Read from memory."""
    return lambda at, size_bytes: data[at : at + size_bytes]


def file_reader(path: Path) -> Read:
    """Read from a file that stays as it is; safe from several threads."""

    def read(at: int, size_bytes: int) -> bytes:
        with path.open("rb") as stream:
            stream.seek(at)
            return stream.read(size_bytes)

    return read


def read_files(read: Read) -> tuple[LaidFiles, int]:
    """The files of a manifest from a stranger, and where the bytes after them begin.

    Raises
    ------
    ValueError
        Says what is wrong with the first file that is malformed, repeated, out of order or not canonical.
    """
    files, end = LaidFiles(read), len(OPENING)
    instances: set[str] = set()
    for value, line, end in _values(read):
        file = file_of(value)
        if canonical_json(file.to_json()) != line:
            raise ValueError(NOT_CANONICAL)
        files.append(file, end)
        if file.sop_instance_uid in instances:
            raise ValueError("a sop_instance_uid appears twice")
        instances.add(file.sop_instance_uid)
    return files, end


def _values(read: Read) -> Iterator[tuple[object, bytes, int]]:
    """Each value of the list, its bytes and where they end; stops where no comma follows."""
    at = begin = len(OPENING)
    block = read(begin, _BLOCK_BYTES)
    if block.startswith(b"]"):
        return
    while True:
        if len(block) == _BLOCK_BYTES and begin + len(block) - at < _LONGEST_FILE:
            begin, block = at, read(at, _BLOCK_BYTES)
        start = at - begin
        try:
            # A byte a character, so that places in the one are places in the other; no file's line has others.
            value, length = _parse(block[start : start + _LONGEST_FILE].decode("latin-1"))
        except (ValueError, RecursionError) as error:
            raise ValueError(NOT_CANONICAL) from error
        yield value, block[start : start + length], at + length
        if block[start + length : start + length + 1] != b",":
            return
        at += length + 1


def canonical_json(value: Mapping[str, object]) -> bytes:
    """JSON with sorted keys, without spaces, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def canonical_span(files: Sequence[BatchFile], start: int, stop: int) -> bytes:
    """The canonical bytes of some files, with commas between them."""
    if isinstance(files, LaidFiles):
        return files.span(start, stop)
    return b",".join(canonical_json(each.to_json()) for each in files[start:stop])


def find_file(files: Sequence[BatchFile], sha256: str) -> BatchFile:
    """The file with this digest among files that ascend by it.

    Raises
    ------
    KeyError
        When there is none.
    """
    if isinstance(files, LaidFiles):
        at = files.place_of(sha256)
    else:
        at = bisect_left(files, sha256, key=lambda file: file.sha256)
    if at == len(files) or (found := files[at]).sha256 != sha256:
        raise KeyError(sha256)
    return found


def file_of(value: object) -> BatchFile:
    """One file's line, read strictly.

    Raises
    ------
    ValueError
        Says what is wrong with it.
    """
    part = mapping(value, "a file")
    uids = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")
    required = {"sha256", "size_bytes", "pixel_text", "sop_class_uid", *uids}
    unknown_keys(part, "a file", required=required, optional={"release"})
    study, series, sop = (text(part, name, pattern=_UID) for name in uids)
    return BatchFile(
        sha256=text(part, "sha256", pattern=_DIGEST),
        size_bytes=whole_number(part, "size_bytes"),
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=sop,
        sop_class_uid=text(part, "sop_class_uid", pattern=_SOP_CLASS),
        pixel_text=_pixel_text(part),
        release=_release(part["release"]) if "release" in part else None,
    )


def _release(value: object) -> ReleaseStamp:
    part = mapping(value, "a release")
    unknown_keys(part, "a release", required={"at", "role", "why"})
    at, role = text(part, "at", pattern=_MOMENT), text(part, "role", pattern=_ROLE)
    return ReleaseStamp(role, at, ReleaseReason(text(part, "why")))


def _pixel_text(part: Mapping[str, object]) -> PixelText:
    verdict = PixelText(text(part, "pixel_text"))
    if verdict not in LEAVING:
        raise ValueError(f"an instance whose pixel_text is {verdict.value} must not leave its hospital")
    return verdict
