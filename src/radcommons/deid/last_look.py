"""The last look before a file is put in place: read again from the disk, as a stranger would, whole.

Anything that should not be there keeps the file out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.element_look import kept_identifiers
from radcommons.deid.outcome import WrittenInstance
from radcommons.deid.pixel_text import PixelText, may_carry_pixel_text
from radcommons.deid.profile import Profile
from radcommons.deid.verify import residual_findings, verify_parsed
from radcommons.deid.writing import COPY_CHUNK_BYTES
from radcommons.dicom import uids
from radcommons.dicom.elements import FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import InstanceDescription, describe_parsed
from radcommons.dicom.part10 import Part10File, leave, map_file, parse_part10

ORIGINAL_UID_TAGS = (0x00080018, 0x0020000D, 0x0020000E, 0x00200052)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: the new object, ``None`` when it must not be put in place, and what was found."""

    description: WrittenInstance | None
    findings: tuple[Finding, ...]
    pixel_text: PixelText = PixelText.NOT_APPLICABLE


def look_again(
    path: Path, source: Part10File, identifiers: frozenset[str], *, profile: Profile, cleaning: Cleaning
) -> Look:
    """Look at a written file.

    Parameters
    ----------
    path
        The file.
    source
        What it was made from, with the pixels it should have.
    identifiers
        What must not remain.
    profile, cleaning
        What it should have been through.
    """
    buffer = map_file(path)
    try:
        written = parse_part10(buffer)
    except FormatError as error:
        unreadable = "What was written cannot be read again."
        return Look(None, (Finding(Severity.ERROR, "deid.unwritable", error.where, unreadable),))
    found = [*verify_parsed(buffer, written, profile, released_classes=cleaning.released_classes)]
    found.extend(residual_findings(written, identifiers, kept=kept_identifiers(profile)))
    if not profile.keeps_uids:
        found.extend(_kept_uids(source, written))
    if not _has_same_pixels(source, written):
        message = "The pixel data are not the original ones."
        found.append(Finding(Severity.ERROR, "deid.pixels-changed", "(7FE0,0010)", message))
    description, odd = describe_parsed(written, buffer, with_json=False, with_digest=False)
    found.extend(odd)
    if description is None or any(finding.is_error for finding in found):
        return Look(None, tuple(found))
    return Look(instance_of(description), tuple(found), pixel_text_of(description, cleaning))


def instance_of(description: InstanceDescription) -> WrittenInstance:
    """What an outcome tells of a new object."""
    return WrittenInstance(
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid,
        patient_id=description.patient_id,
        modality=description.modality,
        instance_number=description.instance_number,
        number_of_frames=description.number_of_frames,
        is_image=description.is_image,
        size_bytes=description.size_bytes,
    )


def pixel_text_of(description: InstanceDescription, cleaning: Cleaning) -> PixelText:
    """What is known of writing in the pixels of a new object."""
    if cleaning.boxes is not None and description.is_image:
        return PixelText.REDACTED if cleaning.boxes else PixelText.CLEAN
    return PixelText.NOT_CHECKED if may_carry_pixel_text(description) else PixelText.NOT_APPLICABLE


def _kept_uids(source: Part10File, written: Part10File) -> Iterator[Finding]:
    header = Header(source.elements, source.encoding)
    originals = {header.text(tag) for tag in ORIGINAL_UID_TAGS} - {""}
    new = Header(written.elements, written.encoding)
    for tag in ORIGINAL_UID_TAGS:
        value = new.text(tag)
        if value in originals and not uids.is_listed_uid(value):
            yield Finding(Severity.ERROR, "deid.uid-kept", tag_text(tag), "An original UID is still there.")


def _has_same_pixels(source: Part10File, written: Part10File) -> bool:
    before, after = source.pixel_element(), written.pixel_element()
    if before is None or after is None:
        return before is after
    old, new = memoryview(before.value), memoryview(after.value)
    if len(new) - len(old) not in {0, len(old) & 1}:
        return False
    for start in range(0, len(old), COPY_CHUNK_BYTES):
        stop = min(start + COPY_CHUNK_BYTES, len(old))
        if bytes(new[start:stop]) != bytes(old[start:stop]):
            return False
        leave(old)
        leave(new)
    return True
