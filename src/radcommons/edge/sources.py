"""One source of an instance, a file or a member of an archive, opened and described in a limited process."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.identifiers import harvest_identifiers
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header as Attributes
from radcommons.dicom.instance import describe_file
from radcommons.dicom.part10 import open_part10
from radcommons.edge.archive import member_file
from radcommons.edge.crosswalk import patient_key_of
from radcommons.edge.header import Header, header_of
from radcommons.edge.persons import person_of

NOT_A_MEMBER = -1
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
    """What a scan learned of one source; without a header it holds no instance, and the findings say why."""

    header: Header | None
    findings: tuple[Finding, ...]
    patient_key: str = ""
    person: str = ""
    sha256: str = ""
    identifiers: tuple[str, ...] = ()


def describe_source(source: Source) -> Described:
    """Describe the instance in a source; total on hostile bytes, meant for a limited process."""
    try:
        with source.opened() as path:
            return _described(path)
    except UNREADABLE:
        damaged = Finding(Severity.WARNING, "edge.unreadable", "object", "The file or archive member cannot be read.")
        return Described(None, (damaged,))


def _described(path: Path) -> Described:
    description, findings = describe_file(path, with_json=False)
    if description is None:
        return Described(None, findings)
    file = open_part10(path)
    patient_key = patient_key_of(description.patient_id, description.study_instance_uid)
    if patient_key.startswith("study:"):
        findings = (*findings, _NO_PATIENT_ID)
    identifiers = tuple(sorted(harvest_identifiers(file.elements)))[:_MOST_IDENTIFIERS]
    return Described(
        header_of(description, file),
        findings,
        patient_key,
        person_of(Attributes(file.elements, file.encoding)).to_text(),
        description.sha256,
        identifiers,
    )


_NO_PATIENT_ID = Finding(
    Severity.INFO,
    "edge.no-patient-id",
    "PatientID",
    "There is no patient identifier; every such study becomes a subject of its own.",
)
