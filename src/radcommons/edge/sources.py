"""One source of an instance, a file or a member of an archive, opened and described in a limited process."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.identifiers import harvest_identifiers
from radcommons.deid.pixel_text import may_carry_pixel_text
from radcommons.dicom.elements import FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header as Attributes
from radcommons.dicom.instance import InstanceDescription, describe_parsed, sha256_of
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.edge.archive import member_file
from radcommons.edge.crosswalk import patient_key_of
from radcommons.edge.header import Header, header_of
from radcommons.edge.persons import person_of

NOT_A_MEMBER = -1
PARTLY_READ = "part:"
"""Begins the identity of a source that was not read to the end."""

_READ_WHOLE_BYTES = 2**18
_EDGE_BYTES = 2**16
_MOST_IDENTIFIERS = 400
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of one instance lie: a path, and the ordinal of a member when it is an archive."""

    source_id: int
    path: str
    member: int
    scratch: str

    @contextmanager
    def opened(self) -> Iterator[Path]:
        """A readable file with the bytes.

        Raises
        ------
        OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError
            When an archive or its member is damaged (:data:`UNREADABLE`).
        """
        if self.member == NOT_A_MEMBER:
            yield Path(self.path)
            return
        with member_file(Path(self.path), self.member, scratch=Path(self.scratch)) as path:
            yield path


@dataclass(frozen=True, slots=True)
class Described:
    """What a scan learned of one source; without a header it holds no instance, and the findings say why.

    ``sha256`` is the digest of its bytes, or begins with :data:`PARTLY_READ` when they were not all read.
    """

    header: Header | None
    findings: tuple[Finding, ...]
    patient_key: str = ""
    person: str = ""
    sha256: str = ""
    identifiers: tuple[str, ...] = ()


def describe_source(source: Source) -> Described:
    """Describe the instance in a source; total on hostile bytes, meant for a limited process."""
    try:
        modified_ns = Path(source.path).stat().st_mtime_ns
        with source.opened() as path:
            return _described(path, modified_ns=modified_ns)
    except UNREADABLE:
        damaged = Finding(Severity.WARNING, "edge.unreadable", "object", "The file or archive member cannot be read.")
        return Described(None, (damaged,))


def _described(path: Path, *, modified_ns: int) -> Described:
    try:
        buffer = map_file(path)
        file = parse_part10(buffer)
    except FormatError as error:
        return Described(None, (Finding(Severity.ERROR, error.code, error.where, error.message),))
    description, findings = describe_parsed(file, buffer, with_json=False, with_digest=False)
    if description is None:
        return Described(None, findings)
    patient_key = patient_key_of(description.patient_id, description.study_instance_uid)
    if patient_key.startswith("study:"):
        findings = (*findings, _NO_PATIENT_ID)
    identifiers = tuple(sorted(harvest_identifiers(file.elements)))[:_MOST_IDENTIFIERS]
    return Described(
        header_of(description, file),
        findings,
        patient_key,
        person_of(Attributes(file.elements, file.encoding)).to_text(),
        _identity(buffer, description, modified_ns=modified_ns),
        identifiers,
    )


def digest_source(source: Source) -> str:
    """SHA-256 of all bytes of a source; empty when it cannot be read."""
    try:
        with source.opened() as path:
            return sha256_of(map_file(path))
    except (*UNREADABLE, FormatError):
        return ""


def _identity(buffer: memoryview, description: InstanceDescription, *, modified_ns: int) -> str:
    """What tells the bytes of a source from others.

    For all that a person decides about in pictures, and for small files, the digest of all bytes. Reconstructed images
    are the bulk of a hospital's data and written once: of a large one the header, the ends of the pixel data, the size and
    the time of change are enough to know it again, and scanning reads a tenth of it.
    """
    if len(buffer) <= _READ_WHOLE_BYTES or may_carry_pixel_text(description):
        return sha256_of(buffer)
    header_bytes = max(description.pixel_offset, 0)
    digest = hashlib.sha256(f"{len(buffer)}/{modified_ns}/{header_bytes}/".encode())
    digest.update(buffer[: header_bytes + _EDGE_BYTES])
    digest.update(buffer[-_EDGE_BYTES:])
    return PARTLY_READ + digest.hexdigest()


_NO_PATIENT_ID = Finding(
    Severity.INFO,
    "edge.no-patient-id",
    "PatientID",
    "There is no patient identifier; every such study becomes a subject of its own.",
)
