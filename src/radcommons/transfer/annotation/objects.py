"""What the DICOM objects of readings have in common: who wrote them, which images they are about, and nothing by chance.

Every UID, date and time is given or derived from what is given, so that the same reading gives the same bytes.
"""

import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmwrite

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.codes import OWN_SCHEME, OWN_SCHEME_NAME, Code
from radcommons.transfer.annotation.record import Method
from radcommons.transfer.annotation.schema import Label

# Attributes of the patient and study that every object repeats; empty where the image lost them (type 2, PS3.3 C.7).
_REPEATED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "ReferringPhysicianName", "StudyID",
)  # fmt: skip
# That an object is de-identified and what was done to it (PS3.3 C.7.1.1, C.12.1): true of what is made from it as well.
_MARKS = (
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
)  # fmt: skip
# How far slices may be from one plane orientation, and pixels from one size, before they are no stack.
_TOLERANCE = 1e-3
_IMPLEMENTATION = "RADCOMMONS"
_UID_ROOT = "2.25."

# It says the identifiers of every image it copies from.
logging.getLogger("highdicom").setLevel(logging.WARNING)


class AnnotationObjectError(RadCommonsError):
    """A DICOM object that cannot be made or read; kind unsupported, codes ``annotation.…``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(Kind.UNSUPPORTED, code, message)


def derived_uid(*parts: str) -> str:
    """A UID below 2.25 that follows from its parts alone (PS3.5 B.2): equal parts, equal UID."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]
    # Version 8 and the variant bits of RFC 9562, for a UUID made from other data.
    number = int.from_bytes(digest) & ~(0xF << 76) & ~(0x3 << 62) | (0x8 << 76) | (0x2 << 62)
    return f"{_UID_ROOT}{number}"


@dataclass(frozen=True, slots=True)
class DocumentReference:
    """A report that was written before, within its study."""

    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class ObjectIdentity:
    """What an object says about itself.

    Parameters
    ----------
    series_instance_uid, sop_instance_uid
        Its own, new ones.
    written_at
        When its content was finished.
    software_version
        Of this program.
    series_number, instance_number
        As shown in viewers.
    series_description
        As shown in viewers; at most 64 characters.
    manufacturer, model_name, serial_number
        Of the equipment module; the program by default.
    predecessor
        The report of the same study that this one takes the place of.
    """

    series_instance_uid: str
    sop_instance_uid: str
    written_at: datetime
    software_version: str
    series_number: int = 9000
    instance_number: int = 1
    series_description: str = ""
    manufacturer: str = "RadCommons"
    model_name: str = "RadCommons annotation"
    serial_number: str = "0"
    predecessor: DocumentReference | None = None


def prepared(header: Dataset) -> Dataset:
    """A copy of an image's header with the type 2 attributes of patient and study that de-identification took away."""
    # A shallow copy of a data set shares its elements' table with the original.
    made = Dataset()
    for element in header:
        made.add(element)
    for keyword in _REPEATED:
        if keyword not in made:
            setattr(made, keyword, None if keyword in {"StudyDate", "StudyTime", "PatientBirthDate"} else "")
    return made


def carry_marks(made: Dataset, source: Dataset) -> None:
    """Let an object say of its de-identification what its image says."""
    for keyword in _MARKS:
        if keyword in source:
            setattr(made, keyword, source[keyword].value)


@dataclass(frozen=True, slots=True)
class SourceStack:
    """Parallel slices of one series, by their position along the normal, from the lowest on.

    Parameters
    ----------
    headers
        Copies with one frame of reference.
    positions
        Image Position (Patient) of each, in millimetres; shape (slices, 3).
    orientation
        Direction of a row and of a column, unit vectors; shape (2, 3) (PS3.3 C.7.6.2.1.1).
    spacing_mm
        Distance of rows, of columns.
    findings
        What was put right: slices with different frames of reference share that of the lowest one.
    """

    headers: tuple[Dataset, ...]
    positions: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing_mm: tuple[float, float]
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return int(self.headers[0].Rows)

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return int(self.headers[0].Columns)

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs in order."""
        return tuple(str(header.SOPInstanceUID) for header in self.headers)

    @property
    def normal(self) -> NDArray[np.float64]:
        """The direction in which slices are ordered."""
        return np.cross(self.orientation[0], self.orientation[1])


def source_stack(headers: Sequence[Dataset]) -> SourceStack:
    """Order the headers of single-frame images of one series.

    Frames of reference that differ from slice to slice, as some de-identifiers leave them, are taken for one when
    orientation, size and spacing agree: the objects then name that of the lowest slice, and a finding says so.

    Raises
    ------
    AnnotationObjectError
        When they are no stack: of several series, without position, not parallel, of several sizes, or two at one place.
    """
    if not headers or len({str(header.get("SeriesInstanceUID")) for header in headers}) != 1:
        raise AnnotationObjectError("annotation.no-stack", "The images are not of one series.")
    try:
        geometry = [
            (header.Rows, header.Columns, *header.PixelSpacing, *header.ImageOrientationPatient) for header in headers
        ]
        table = np.array(geometry, dtype=np.float64)
        positions = np.array([header.ImagePositionPatient for header in headers], dtype=np.float64)
    except (AttributeError, TypeError, ValueError):
        raise AnnotationObjectError(
            "annotation.no-stack", "An image lacks size, spacing, orientation or position."
        ) from None
    if np.abs(table - table[0]).max() > _TOLERANCE:
        raise AnnotationObjectError("annotation.no-stack", "The images differ in size, spacing or orientation.")
    orientation = table[0, 4:].reshape(2, 3)
    height = positions @ np.cross(orientation[0], orientation[1])
    order = np.argsort(height, kind="stable")
    if len(order) > 1 and np.diff(height[order]).min() < _TOLERANCE:
        raise AnnotationObjectError("annotation.no-stack", "Two images are at the same position.")
    reference, findings = _frame_of_reference([headers[index] for index in order])
    copies = [prepared(headers[index]) for index in order]
    for made in copies:
        # As a new element: assigning would change the one that the copy shares with the original.
        made.add_new("FrameOfReferenceUID", "UI", reference)
    return SourceStack(
        tuple(copies), positions[order], orientation, (float(table[0, 2]), float(table[0, 3])), tuple(findings)
    )


def single_image(header: Dataset) -> SourceStack:
    """A radiograph, which lies at no place of the patient, as a stack of one.

    Raises
    ------
    AnnotationObjectError
        When it does not say how large it is.
    """
    if not (header.get("Rows") and header.get("Columns")):
        raise AnnotationObjectError("annotation.no-stack", "An image does not say how large it is.")
    nowhere = np.zeros((1, 3)), np.eye(3)[:2]
    return SourceStack((prepared(header),), *nowhere, (1.0, 1.0), ())


def _frame_of_reference(headers: Sequence[Dataset]) -> tuple[str, list[Finding]]:
    """The one frame of reference of the slices, lowest first, and what was odd about it."""
    found = [str(header.get("FrameOfReferenceUID") or "") for header in headers]
    lowest = found[0] or derived_uid(str(headers[0].SeriesInstanceUID), "frame of reference")
    if set(found) == {lowest}:
        return lowest, []
    message = "The slices name different frames of reference or none; the object names that of the lowest slice."
    return lowest, [Finding(Severity.WARNING, "annotation.frame-of-reference", "FrameOfReferenceUID", message)]


def concept_of(label: Label) -> Code:
    """What a label means: its first code, or one of the house's own scheme."""
    return label.codes[0] if label.codes else Code(OWN_SCHEME, label.id, label.name[:64])


def algorithm_type(method: Method, *, is_consensus: bool) -> str:
    """The defined term of Segment Algorithm Type (PS3.3 C.8.20.2)."""
    if method is Method.RETROSPECTIVE_AUTO:
        return "AUTOMATIC"
    return "SEMIAUTOMATIC" if is_consensus else "MANUAL"


def settled_bytes(dataset: Dataset, identity: ObjectIdentity) -> bytes:
    """The file of an object, with its dates, times and coding scheme set; nothing in it is the clock's or chance's."""
    date, time = identity.written_at.strftime("%Y%m%d"), identity.written_at.strftime("%H%M%S.%f")
    for stem in ("InstanceCreation", "Content", "Series", "StructureSet"):
        if f"{stem}Date" in dataset or stem in {"InstanceCreation", "Series"}:
            setattr(dataset, f"{stem}Date", date)
            setattr(dataset, f"{stem}Time", time)
    for equipment in dataset.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{date}{time}"
    if identity.series_description:
        dataset.SeriesDescription = identity.series_description[:64]
    dataset.SpecificCharacterSet = "ISO_IR 192"
    scheme = Dataset()
    scheme.CodingSchemeDesignator = OWN_SCHEME
    scheme.CodingSchemeName = OWN_SCHEME_NAME
    dataset.CodingSchemeIdentificationSequence = [scheme]
    dataset.file_meta.ImplementationVersionName = _IMPLEMENTATION
    stream = io.BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()
