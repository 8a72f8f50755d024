"""A second look at de-identified objects, by rules and independent of how they were made.

The hospital looks before it puts a file in place, the centre looks again before it accepts one.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from radcommons.deid.byte_texts import LEAST_IN_CODESTREAM, text_in_codestream
from radcommons.deid.element_look import ElementLook, error, residues
from radcommons.deid.hidden_pixels import has_comments, tail_bytes
from radcommons.deid.identifiers import IdentifierPattern, pattern_of
from radcommons.deid.levels import Level
from radcommons.deid.look_memory import LookMemory
from radcommons.deid.profile import BASIC_PROFILE_CODE, DEFAULT_PROFILE, Profile, load_profile
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.deid.unused_bits import unused_bits_findings
from radcommons.dicom.elements import PIXEL_DATA, FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, map_file, parse_part10
from radcommons.dicom.text import first_text

_MAX_REPORTED = 50
_PREAMBLE_LENGTH = 128
META_TAGS = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
# Media Storage SOP Class and Instance UID say again what the data set says (PS3.10 7.1).
META_TWINS = MappingProxyType({0x00020002: 0x00080016, 0x00020003: 0x00080018})


def verify_deidentified(
    path: Path, *, profile: Profile | None = None, released_classes: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Check by rules that a file is de-identified.

    Parameters
    ----------
    path
        The file.
    profile
        What it should have been through; the packaged ``ricord`` when not given.
    released_classes
        SOP Classes a person released although objects of them can hold anything.

    Returns
    -------
    Findings of severity ``error`` for everything that must not be there; ``warning`` for text that looks suspicious.
    """
    try:
        buffer = map_file(Path(path))
        file = parse_part10(buffer)
    except FormatError as error:
        return (Finding(Severity.ERROR, error.code, error.where, error.message),)
    return verify_parsed(buffer, file, profile or load_profile(DEFAULT_PROFILE), released_classes=released_classes)


def verify_parsed(
    buffer: memoryview,
    file: Part10File,
    profile: Profile,
    *,
    released_classes: frozenset[str] = frozenset(),
    memory: LookMemory | None = None,
) -> tuple[Finding, ...]:
    """Check a file that is already parsed; ``buffer`` is the file itself. See :func:`verify_deidentified`.

    A ``memory`` makes looking at many files of the same kind faster.
    """
    header = file.header
    findings: dict[Finding, None] = {}
    sop_class_uid = header.text(0x00080016)
    for finding in (
        *refusal_of_class(sop_class_uid, released_classes),
        *_verify_envelope(buffer, file),
        *mark_findings(header, profile),
        *_looked_at(ElementLook(profile, sop_class_uid, header.text(0x00100020)), file, memory),
    ):
        # Warnings must not fill the list before an error is reached: only errors decide.
        if finding.is_error or len(findings) < _MAX_REPORTED:
            findings[finding] = None
        if len(findings) >= _MAX_REPORTED and any(each.is_error for each in findings):
            break
    return tuple(findings)


def _looked_at(look: ElementLook, file: Part10File, memory: LookMemory | None) -> Iterator[Finding]:
    if memory is not None:
        return memory.level_findings(look, file.elements)
    return look.level_findings(file.elements, Level())


def residual_scan(path: Path, identifiers: Iterable[str]) -> tuple[Finding, ...]:
    """Search the header of a file for identifiers that were harvested before.

    Parameters
    ----------
    path
        The written file.
    identifiers
        Values as they stood in the original headers; names with ``^`` between their components.

    Returns
    -------
    A finding ``deid.residual-identifier`` for each place; it names the attribute, never the value.
    """
    try:
        file = parse_part10(map_file(Path(path)))
    except FormatError as error:
        return (Finding(Severity.ERROR, error.code, error.where, error.message),)
    return tuple(residual_findings(file, frozenset(identifiers)))


def residual_findings(
    file: Part10File, identifiers: frozenset[str], *, kept: frozenset[int] = frozenset()
) -> list[Finding]:
    """Search a parsed file for identifiers; see :func:`residual_scan`.

    ``kept`` are the attributes that a profile keeps although they identify (:func:`.element_look.kept_identifiers`).
    """
    subject = file.header.text(0x00100020)
    # The code that now stands for the patient is no identifier, even where a centre chose it to look like one.
    pattern = pattern_of(frozenset(each for each in identifiers if each.strip() and each.strip("^") != subject))
    level = Level().holding(file.elements)
    places = dict.fromkeys(place for element in file.elements for place in residues(element, pattern, level, kept=kept))
    if _has_name_in_frames(file, pattern):
        places[tag_text(PIXEL_DATA)] = None
    return [residual_finding(place) for place in places]


def _has_name_in_frames(file: Part10File, pattern: IdentifierPattern) -> bool:
    """Whether a known identifier stands among compressed bytes: in a table, or where a decoder does not look."""
    pixels = file.pixel_element()
    if pixels is None or not pixels.is_encapsulated:
        return False
    text = text_in_codestream(pixels.value)
    return any(end - start >= LEAST_IN_CODESTREAM for start, end in pattern.spans(text, is_thorough=False))


def residual_finding(place: str) -> Finding:
    """That an identifier was found at an attribute."""
    message = "A name, number or address of the original study is still in this attribute."
    return error("deid.residual-identifier", place, message)


def _verify_envelope(buffer: memoryview, file: Part10File) -> Iterator[Finding]:
    if bytes(buffer[:_PREAMBLE_LENGTH]).strip(b"\0"):
        yield error("deid.preamble", "preamble", "The preamble is not empty.")
    for element in file.meta:
        if element.tag not in META_TAGS:
            yield error("deid.file-meta", tag_text(element.tag), "The meta information says more than it needs to.")
        twin = META_TWINS.get(element.tag)
        if twin is not None and first_text(element) != file.header.text(twin):
            yield error("deid.file-meta", tag_text(element.tag), "The meta information speaks of another object.")
    yield from unused_bits_findings(file)
    if tail_bytes(file):
        yield error("deid.trailing-bytes", "(7FE0,0010)", "Bytes follow the last frame.")
    if has_comments(file):
        yield error("deid.codestream-comments", "(7FE0,0010)", "Compressed frames hold more than a picture.")
    for finding in file.findings:
        if finding.code == "dicom.trailing-bytes":
            yield error("deid.trailing-bytes", "object", "Bytes follow the data set.")


def mark_findings(header: Header, profile: Profile) -> Iterator[Finding]:
    """What is missing of the marks that tell a de-identified object (PS3.3 C.12.1), by the profile it went through."""
    if header.text(0x00120062) != "YES":
        yield error("deid.not-marked", "(0012,0062)", "Patient Identity Removed is not YES.")
    codes = {Header(item, header.encoding).text(0x00080100) for item in header.items(0x00120064)}
    if BASIC_PROFILE_CODE[0] not in codes:
        yield error("deid.no-method", "(0012,0064)", "The Basic Profile is not among the method codes.")
    if header.text(0x00280303) not in ({"UNMODIFIED"} if profile.has_full_dates else {"MODIFIED", "REMOVED"}):
        message = "Longitudinal Temporal Information Modified does not say what the profile does to dates."
        yield error("deid.dates-not-marked", "(0028,0303)", message)
    if not header.text(0x00100020):
        yield error("deid.no-subject", "(0010,0020)", "The object has no subject.")
