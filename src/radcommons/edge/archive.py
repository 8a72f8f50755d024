"""Zip archives, read member by member: never extracted by the names inside them, and never further than the limits."""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.finding import Finding, Severity

MAXIMUM_MEMBERS = 200_000
MAXIMUM_MEMBER_BYTES = 8 * 2**30
MAXIMUM_ARCHIVE_BYTES = 1024 * 2**30
MAXIMUM_RATIO = 200
"""Uncompressed to compressed size beyond which a large archive or member is taken for a bomb."""
RATIO_FREE_BYTES = 64 * 2**20
"""Below this size a high ratio is ordinary: an empty radiograph compresses a thousandfold."""

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK_BYTES = 2**20
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, named by its ordinal; ``name`` is for people only."""

    ordinal: int
    name: str
    size_bytes: int


def is_archive(path: Path) -> bool:
    """Whether the file begins as a zip archive does."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) in _MAGIC
    except OSError:
        return False


def list_members(path: Path) -> tuple[tuple[Member, ...], tuple[Finding, ...]]:
    """The members of an archive that may be read, and a Finding for the others; runs in a limited process."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except _BROKEN:
        return (), (_finding("edge.archive-damaged", "", "The zip archive is damaged; repair or unpack it."),)
    if len(entries) > MAXIMUM_MEMBERS:
        return (), (_finding("edge.archive-too-large", "", f"More than {MAXIMUM_MEMBERS} members."),)
    if _is_bomb(sum(each.file_size for each in entries), sum(each.compress_size for each in entries)):
        return (), (_finding("edge.archive-bomb", "", "The archive would grow beyond all measure; it is not read."),)
    members: list[Member] = []
    findings: list[Finding] = []
    for ordinal, entry in enumerate(entries):
        if entry.is_dir():
            continue
        refusal = _refusal(entry)
        if refusal is None:
            members.append(Member(ordinal, entry.filename, entry.file_size))
        else:
            findings.append(refusal)
    return tuple(members), tuple(findings)


@contextmanager
def member_file(path: Path, ordinal: int, *, scratch: Path) -> Iterator[Path]:
    """One member as a temporary file with a name of ours, removed at the end.

    Raises
    ------
    OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError
        When the member is damaged or longer than it says.
    """
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="member-") as stream:
        with zipfile.ZipFile(path) as archive:
            entry = archive.infolist()[ordinal]
            written = 0
            with archive.open(entry) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    written += len(chunk)
                    if written > min(entry.file_size, MAXIMUM_MEMBER_BYTES):
                        raise zipfile.BadZipFile("longer than it says")
                    stream.write(chunk)
        stream.flush()
        yield Path(stream.name)


def _is_bomb(size_bytes: int, compressed_bytes: int) -> bool:
    if size_bytes > MAXIMUM_ARCHIVE_BYTES:
        return True
    return size_bytes > RATIO_FREE_BYTES and size_bytes > MAXIMUM_RATIO * max(1, compressed_bytes)


def _refusal(entry: zipfile.ZipInfo) -> Finding | None:
    if entry.flag_bits & _ENCRYPTED:
        return _finding("edge.archive-encrypted", entry.filename, "The member is encrypted; unpack the archive first.")
    if entry.file_size > MAXIMUM_MEMBER_BYTES:
        return _finding("edge.archive-too-large", entry.filename, "The member is larger than 8 GiB.")
    if entry.filename.lower().endswith(".zip"):
        return _finding("edge.archive-nested", entry.filename, "Archives inside archives are not opened; unpack them.")
    return None


def _finding(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, where, message)
