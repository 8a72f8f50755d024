"""What one DICOM file is: identifiers, description, frames, DICOM JSON; safe on bytes of strangers."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from radcommons.dicom import uids
from radcommons.dicom.dicom_json import JsonMemory, data_set_json
from radcommons.dicom.elements import Element, FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.frames import FrameIndex, PixelShape, index_frames
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, map_file, parse_part10

_REQUIRED_UIDS = {
    "SOPClassUID": 0x00080016,
    "SOPInstanceUID": 0x00080018,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
}
_EXTENDED_OFFSET_TABLE = 0x7FE00001
_HASH_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceDescription:
    """One instance as its file describes it.

    Texts are the first value of their attribute, decoded and without padding, empty when absent; numbers are ``None``
    when absent or impossible. ``frames`` holds offset and length of each frame in the file; where a frame consists of
    several fragments ``fragments`` holds the runs of each frame (see :class:`~radcommons.dicom.frames.FrameIndex`).
    ``pixel_offset`` and ``pixel_length`` bound the pixel data value in the file, -1 and 0 when there is none to point at.
    ``dicom_json`` is the data set in the DICOM JSON model (PS3.18 F), empty when it was not asked for.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    patient_id: str
    patient_sex: str
    patient_age: str
    patient_birth_date: str
    accession_number: str
    study_date: str
    study_time: str
    study_description: str
    series_description: str
    protocol_name: str
    modality: str
    body_part_examined: str
    manufacturer: str
    manufacturer_model_name: str
    image_type: tuple[str, ...]
    conversion_type: str
    burned_in_annotation: str
    patient_identity_removed: str
    slice_thickness_mm: float | None
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    number_of_frames: int
    series_number: int | None
    instance_number: int | None
    is_image: bool
    pixel_offset: int
    pixel_length: int
    frames: tuple[tuple[int, int], ...]
    fragments: tuple[tuple[tuple[int, int], ...], ...]
    dicom_json: bytes
    size_bytes: int
    sha256: str


def describe_file(path: Path, *, with_json: bool = True) -> tuple[InstanceDescription | None, tuple[Finding, ...]]:
    """Describe a file, whatever it holds.

    Parameters
    ----------
    path
        The file.
    with_json
        Whether to make the DICOM JSON as well.

    Returns
    -------
    The description and what was odd; without a description the findings of severity ``error`` say why.
    """
    try:
        buffer = map_file(Path(path))
        file = parse_part10(buffer)
    except FormatError as error:
        return None, (Finding(Severity.ERROR, error.code, error.where, error.message),)
    return describe_parsed(file, buffer, with_json=with_json)


def describe_parsed(
    file: Part10File,
    buffer: memoryview,
    *,
    with_json: bool = True,
    with_digest: bool = True,
    memory: JsonMemory | None = None,
) -> tuple[InstanceDescription | None, tuple[Finding, ...]]:
    """Describe a file that is already parsed; ``buffer`` is the file itself. See :func:`describe_file`.

    Without its digest nothing but the header is read; ``sha256`` is then empty. A ``memory`` makes describing many files of
    the same kind faster.
    """
    findings = [*file.findings, *identity_findings(file)]
    if any(finding.is_error for finding in findings):
        return None, tuple(findings)
    index = frame_index_of(file)
    description = _describe(file, index, len(buffer))
    if with_json:
        description = replace(description, dicom_json=data_set_json(file.elements, file.encoding, memory))
    if with_digest:
        description = replace(description, sha256=sha256_of(buffer))
    return description, (*findings, *index.findings)


def identity_findings(file: Part10File) -> list[Finding]:
    """What is wrong with the identifiers an instance must have; of severity ``error`` when it cannot be handled at all."""
    header = file.header
    if header.text(_REQUIRED_UIDS["SOPClassUID"]) == uids.MEDIA_STORAGE_DIRECTORY or header.has(0x00041220):
        return [
            Finding(
                Severity.ERROR, "dicom.is-dicomdir", "object", "The file is a directory of a medium, not an instance."
            )
        ]
    findings = []
    for keyword, tag in _REQUIRED_UIDS.items():
        value = header.text(tag)
        if not value:
            findings.append(Finding(Severity.ERROR, "dicom.missing-uid", tag_text(tag), f"{keyword} is missing."))
        elif not uids.is_harmless_uid(value):
            findings.append(Finding(Severity.ERROR, "dicom.invalid-uid", tag_text(tag), f"{keyword} is no UID."))
        elif not uids.is_valid_uid(value):
            message = f"{keyword} breaks the rules for UIDs, though it is made of digits and dots."
            findings.append(Finding(Severity.WARNING, "dicom.irregular-uid", tag_text(tag), message))
    return findings


def pixel_shape(header: Header) -> PixelShape:
    """What the header says of the size of a frame; zero where it says nothing usable."""
    return PixelShape(
        rows=header.integer(0x00280010) or 0,
        columns=header.integer(0x00280011) or 0,
        samples_per_pixel=header.integer(0x00280002) or 1,
        bits_allocated=header.integer(0x00280100) or 0,
        photometric_interpretation=header.text(0x00280004),
        number_of_frames=1 if header.integer(0x00280008) is None else header.integer(0x00280008) or 0,
    )


def frame_index_of(file: Part10File) -> FrameIndex:
    """Where the frames of a file lie; empty for objects without pixels and for deflated files."""
    pixels = file.pixel_element()
    if pixels is None:
        return FrameIndex()
    if file.is_inflated:
        return FrameIndex()
    header = file.header
    table = file.element(_EXTENDED_OFFSET_TABLE)
    return index_frames(
        pixels,
        pixel_shape(header),
        transfer_syntax_uid=file.transfer_syntax_uid,
        extended_offsets=bytes(table.value) if table is not None else None,
    )


def _describe(file: Part10File, index: FrameIndex, size_bytes: int) -> InstanceDescription:
    header = file.header
    pixels: Element | None = file.pixel_element()
    frames = header.integer(0x00280008)
    has_position = pixels is not None and not file.is_inflated
    return InstanceDescription(
        study_instance_uid=header.text(0x0020000D),
        series_instance_uid=header.text(0x0020000E),
        sop_instance_uid=header.text(0x00080018),
        sop_class_uid=header.text(0x00080016),
        transfer_syntax_uid=file.transfer_syntax_uid,
        patient_id=header.text(0x00100020),
        patient_sex=header.text(0x00100040),
        patient_age=header.text(0x00101010),
        patient_birth_date=header.text(0x00100030),
        accession_number=header.text(0x00080050),
        study_date=header.text(0x00080020),
        study_time=header.text(0x00080030),
        study_description=header.text(0x00081030),
        series_description=header.text(0x0008103E),
        protocol_name=header.text(0x00181030),
        modality=header.text(0x00080060),
        body_part_examined=header.text(0x00180015),
        manufacturer=header.text(0x00080070),
        manufacturer_model_name=header.text(0x00081090),
        image_type=header.texts(0x00080008),
        conversion_type=header.text(0x00080064),
        burned_in_annotation=header.text(0x00280301),
        patient_identity_removed=header.text(0x00120062),
        slice_thickness_mm=header.number(0x00180050),
        rows=header.integer(0x00280010),
        columns=header.integer(0x00280011),
        bits_allocated=header.integer(0x00280100),
        number_of_frames=1 if frames is None else frames,
        series_number=header.integer(0x00200011),
        instance_number=header.integer(0x00200013),
        is_image=pixels is not None,
        pixel_offset=pixels.offset if pixels is not None and has_position else -1,
        pixel_length=len(pixels.value) if pixels is not None and has_position else 0,
        frames=index.frames,
        fragments=index.fragments,
        dicom_json=b"",
        size_bytes=size_bytes,
        sha256="",
    )


def sha256_of(buffer: memoryview) -> str:
    """SHA-256 of a buffer as hexadecimal digits, taken in pieces."""
    digest = hashlib.sha256()
    for start in range(0, len(buffer), _HASH_CHUNK_BYTES):
        digest.update(buffer[start : start + _HASH_CHUNK_BYTES])
    return digest.hexdigest()
