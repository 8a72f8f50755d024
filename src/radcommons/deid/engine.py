"""De-identifying one file: read within limits, apply the profile, write anew, look again, and only then put in place.

Pixel data are copied byte for byte, in the transfer syntax they came in; encapsulated fragments stay as they are. The same
input, key, profile and patient always give the same bytes.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons import __version__
from radcommons.deid.cleaning import Cleaning
from radcommons.deid.hidden_pixels import overlay_findings, without_tail
from radcommons.deid.identifiers import harvest_identifiers, pattern_of
from radcommons.deid.pixel_text import PixelText, may_carry_pixel_text
from radcommons.deid.pixels.redaction import redact
from radcommons.deid.profile import (
    BASIC_PROFILE_CODE,
    CLEAN_PIXEL_DATA_CODE,
    CLEAN_STRUCTURED_CONTENT_CODE,
    OPTION_CODES,
    Profile,
)
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping, ReportLine, Rewriter
from radcommons.deid.verify import refusal_of_class, residual_findings, verify_parsed
from radcommons.dicom import uids
from radcommons.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_TAGS,
    UNDEFINED_LENGTH,
    Element,
    Encoding,
    FormatError,
    element_head,
    write_elements,
)
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import InstanceDescription, describe_parsed, identity_findings
from radcommons.dicom.part10 import Part10File, map_file, open_part10, parse_part10
from radcommons.dicom.text import encode_text

__all__ = ["Outcome", "PatientMapping", "ReportLine", "deidentify_file", "harvest_file"]

# A UUID of this project as a UID (PS3.5 B.2): the same in every release, since the files say their version themselves.
IMPLEMENTATION_CLASS_UID = "2.25.281693518021466240957461230893317125377"
IMPLEMENTATION_VERSION_NAME = "RADCOMMONS_1"
_PREAMBLE = bytes(128) + b"DICM"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_PATIENT_ID = 0x00100020
_PATIENT_NAME = 0x00100010
_COPY_CHUNK_BYTES = 2**22
_NOTHING_DECIDED = Cleaning()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Parameters
    ----------
    description
        The new object; ``None`` when none was written, and the findings say why.
    report
        What happened to which attribute, without values.
    findings
        What was odd or refused.
    pixel_text
        Whether writing in the pixels has to be looked for.
    kept_texts
        Every distinct text that was kept, as (attribute keyword, value), for a person to review.
    redactions
        How many texts were cleaned.
    """

    description: InstanceDescription | None
    report: tuple[ReportLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    pixel_text: PixelText = PixelText.NOT_APPLICABLE
    kept_texts: tuple[tuple[str, str], ...] = ()
    redactions: int = 0

    @property
    def is_written(self) -> bool:
        """Whether the destination exists."""
        return self.description is not None


def harvest_file(path: Path) -> tuple[str, ...]:
    """The identifiers a file carries in its own attributes, for the other files of the same patient; none when unreadable."""
    try:
        file = open_part10(path)
    except FormatError:
        return ()
    return tuple(sorted(harvest_identifiers(file.elements)))


def deidentify_file(
    source: Path,
    destination: Path,
    *,
    profile: Profile,
    key: PseudonymKey,
    patient: PatientMapping,
    cleaning: Cleaning = _NOTHING_DECIDED,
) -> Outcome:
    """De-identify one file by PS3.15 annex E.

    Parameters
    ----------
    source
        Any file of a stranger.
    destination
        Where the new file goes; its folder exists. It appears whole or not at all.
    profile, key, patient
        What to do, with which secret, for whom.
    cleaning
        What was found and decided about this object beyond the profile.

    Returns
    -------
    The outcome. Odd data is never raised: a file that cannot be de-identified is refused with findings of severity
    ``error``, and nothing is written.
    """
    source, destination = Path(source), Path(destination)
    try:
        file = open_part10(source)
    except FormatError as error:
        return Outcome(None, findings=(Finding(Severity.ERROR, error.code, error.where, error.message),))
    file, cut = without_tail(file)
    findings = [*file.findings, *cut, *identity_findings(file), *overlay_findings(file.elements)]
    sop_class_uid = Header(file.elements, file.encoding).text(0x00080016)
    if not any(finding.is_error for finding in findings):
        findings.extend(refusal_of_class(sop_class_uid, cleaning.released_classes))
    if not any(finding.is_error for finding in findings) and cleaning.boxes:
        redaction = redact(file, cleaning.boxes, scratch=destination.parent)
        file = redaction.file
        findings.extend(redaction.findings)
    if any(finding.is_error for finding in findings):
        return Outcome(None, findings=tuple(findings))
    identifiers = _identifiers(file, patient)
    rewriter = Rewriter(profile, key, patient, sop_class_uid, pattern_of(identifiers), cleaning.text_decisions)
    has_seen_pixels = cleaning.boxes is not None and file.pixel_element() is not None
    elements = _finish(rewriter.rewrite(file.elements), rewriter, has_seen_pixels=has_seen_pixels)
    partial = destination.with_name(destination.name + ".part")
    try:
        _write(partial, file, elements)
        checked = _check(partial, file, identifiers, findings, profile=profile, cleaning=cleaning)
        if checked is None:
            return Outcome(None, tuple(rewriter.report), tuple(findings))
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return Outcome(
        checked,
        tuple(rewriter.report),
        tuple(findings),
        _pixel_text(checked, cleaning),
        tuple(rewriter.kept_texts),
        rewriter.redactions,
    )


def _pixel_text(description: InstanceDescription, cleaning: Cleaning) -> PixelText:
    if cleaning.boxes is not None and description.is_image:
        return PixelText.REDACTED if cleaning.boxes else PixelText.CLEAN
    return PixelText.NOT_CHECKED if may_carry_pixel_text(description) else PixelText.NOT_APPLICABLE


def _identifiers(file: Part10File, patient: PatientMapping) -> frozenset[str]:
    found = harvest_identifiers(file.elements) | {*patient.known_identifiers, patient.original_patient_id}
    return frozenset(identifier for identifier in found if identifier.strip() and identifier != patient.subject_id)


def _finish(elements: tuple[Element, ...], rewriter: Rewriter, *, has_seen_pixels: bool) -> tuple[Element, ...]:
    """Add what says that and how the object was de-identified (PS3.3 C.7.1.1, C.12.1), and the patient if he was missing."""
    subject = rewriter.patient.subject_id.encode("ascii", "replace")
    by_tag = {
        _PATIENT_NAME: Element(_PATIENT_NAME, "PN", subject),
        _PATIENT_ID: Element(_PATIENT_ID, "LO", subject),
        0x00100030: Element(0x00100030, "DA"),
        0x00100040: Element(0x00100040, "CS"),
        **{element.tag: element for element in elements},
        0x00120062: Element(0x00120062, "CS", b"YES"),
        0x00120063: Element(0x00120063, "LO", _method(rewriter.profile)),
        0x00120064: Element(0x00120064, "SQ", items=tuple(_method_codes(rewriter, has_seen_pixels=has_seen_pixels))),
        0x00280303: Element(0x00280303, "CS", b"MODIFIED"),
    }
    if has_seen_pixels:
        by_tag[0x00280301] = Element(0x00280301, "CS", b"NO")
    return tuple(by_tag[tag] for tag in sorted(by_tag))


def _method(profile: Profile) -> bytes:
    texts = (f"RadCommons {__version__}"[:64], f"Profile {profile.name} {profile.version}"[:64], profile.digest)
    return encode_text("\\".join(texts), "LO")


def _method_codes(rewriter: Rewriter, *, has_seen_pixels: bool) -> Iterator[tuple[Element, ...]]:
    codes = [BASIC_PROFILE_CODE, *(OPTION_CODES[option] for option in rewriter.profile.options)]
    if rewriter.has_cleaned_content and CLEAN_STRUCTURED_CONTENT_CODE not in codes:
        codes.append(CLEAN_STRUCTURED_CONTENT_CODE)
    if has_seen_pixels and CLEAN_PIXEL_DATA_CODE not in codes:
        codes.append(CLEAN_PIXEL_DATA_CODE)
    for value, meaning in sorted(codes):
        yield (
            Element(0x00080100, "SH", value.encode("ascii")),
            Element(0x00080102, "SH", b"DCM"),
            Element(0x00080104, "LO", meaning.encode("ascii")),
        )


def _write(path: Path, file: Part10File, elements: tuple[Element, ...]) -> None:
    syntax = file.transfer_syntax_uid
    encoding = _encoding_of(syntax)
    pieces = _data_set_pieces(elements, encoding)
    with path.open("wb") as stream:
        stream.write(_PREAMBLE)
        stream.write(_meta(elements, syntax))
        if syntax == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            pieces = _deflated(pieces)
        for piece in pieces:
            stream.write(piece)


def _encoding_of(syntax: str) -> Encoding:
    return {uids.IMPLICIT_VR_LITTLE_ENDIAN: IMPLICIT_LITTLE, uids.EXPLICIT_VR_BIG_ENDIAN: EXPLICIT_BIG}.get(
        syntax, EXPLICIT_LITTLE
    )


def _meta(elements: tuple[Element, ...], syntax: str) -> bytes:
    header = Header(elements, EXPLICIT_LITTLE)
    body = write_elements(
        (
            Element(0x00020001, "OB", b"\0\1"),
            Element(0x00020002, "UI", header.text(0x00080016).encode("ascii")),
            Element(0x00020003, "UI", header.text(0x00080018).encode("ascii")),
            Element(0x00020010, "UI", syntax.encode("ascii")),
            Element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
            Element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        ),
        EXPLICIT_LITTLE,
    )
    return element_head(0x00020000, "UL", 4, EXPLICIT_LITTLE) + struct.pack("<I", len(body)) + body


def _data_set_pieces(elements: tuple[Element, ...], encoding: Encoding) -> Iterator[bytes | memoryview]:
    yield write_elements((each for each in elements if each.tag not in PIXEL_TAGS), encoding)
    for element in elements:
        if element.tag not in PIXEL_TAGS:
            continue
        padding = len(element.value) & 1
        length = UNDEFINED_LENGTH if element.is_encapsulated else len(element.value) + padding
        yield element_head(element.tag, element.vr, length, encoding)
        value = memoryview(element.value)
        for start in range(0, len(value), _COPY_CHUNK_BYTES):
            yield value[start : start + _COPY_CHUNK_BYTES]
        yield _SEQUENCE_END if element.is_encapsulated else b"\0" * padding


def _deflated(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    for piece in pieces:
        packed = machine.compress(piece)
        size += len(packed)
        yield packed
    last = machine.flush()
    yield last + b"\0" * ((size + len(last)) & 1)


def _check(
    path: Path,
    source: Part10File,
    identifiers: frozenset[str],
    findings: list[Finding],
    *,
    profile: Profile,
    cleaning: Cleaning,
) -> InstanceDescription | None:
    """Look at the written file as a stranger would; anything that should not be there keeps it out."""
    buffer = map_file(path)
    try:
        written = parse_part10(buffer)
    except FormatError as error:
        findings.append(
            Finding(Severity.ERROR, "deid.unwritable", error.where, "What was written cannot be read again.")
        )
        return None
    refusals = verify_parsed(buffer, written, profile, released_classes=cleaning.released_classes)
    found = [*refusals, *residual_findings(written, identifiers)]
    found.extend(_kept_uids(source, written))
    if not _has_same_pixels(source, written):
        found.append(
            Finding(Severity.ERROR, "deid.pixels-changed", "(7FE0,0010)", "The pixel data are not the original ones.")
        )
    description, odd = describe_parsed(written, buffer, with_json=False)
    findings.extend(found)
    findings.extend(finding for finding in odd if finding not in findings)
    return None if any(finding.is_error for finding in findings) else description


def _kept_uids(source: Part10File, written: Part10File) -> Iterator[Finding]:
    header = Header(source.elements, source.encoding)
    originals = {header.text(tag) for tag in (0x00080018, 0x0020000D, 0x0020000E, 0x00200052)} - {""}
    new = Header(written.elements, written.encoding)
    for tag in (0x00080018, 0x0020000D, 0x0020000E, 0x00200052):
        value = new.text(tag)
        if value in originals and not uids.is_listed_uid(value):
            yield Finding(Severity.ERROR, "deid.uid-kept", f"{tag:08X}", "An original UID is still there.")


def _has_same_pixels(source: Part10File, written: Part10File) -> bool:
    before, after = source.pixel_element(), written.pixel_element()
    if before is None or after is None:
        return before is after
    return memoryview(after.value)[: len(before.value)] == memoryview(before.value)
