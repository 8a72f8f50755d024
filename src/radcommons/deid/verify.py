"""A second look at de-identified objects, by rules and independent of how they were made.

The hospital looks before it puts a file in place, the centre looks again before it accepts one.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from radcommons.deid.attribute_types import AttributeType, attribute_type
from radcommons.deid.declared_vr import judged
from radcommons.deid.descriptors import clean_descriptor
from radcommons.deid.hidden_pixels import tail_bytes
from radcommons.deid.identifiers import IdentifierPattern, pattern_of
from radcommons.deid.profile import BASIC_PROFILE_CODE, KEPT_UID_TAGS, Action, Profile, load_profile
from radcommons.dicom import uids
from radcommons.dicom.elements import PIXEL_TAGS, Element, FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import Part10File, map_file, parse_part10
from radcommons.dicom.text import DEFAULT_ENCODINGS, STRING_VRS, encodings_of, first_text, is_numeric, texts_of

DEFAULT_PROFILE = "ricord"
_MAX_REPORTED = 50
_PREAMBLE_LENGTH = 128
_META_TAGS = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
# Media Storage SOP Class and Instance UID say again what the data set says (PS3.10 7.1).
_META_TWINS = {0x00020002: 0x00080016, 0x00020003: 0x00080018}
_PATIENT_IDENTITY = frozenset({0x00100010, 0x00100020})
_METHOD_TAGS = frozenset({0x00120063, 0x00120064})
_CONTENT_SEQUENCE = 0x0040A730
_ALLOWED_NAMES = frozenset({"", "REMOVED"})
_AGE_IN_YEARS = re.compile(r"(\d{3})Y")
# Their values are numbers, dates or UIDs: an identifier of digits may equal one of them by chance.
_UNSEARCHED_VRS = frozenset({"AS", "DA", "DT", "TM", "UI"})
_SEARCHED_BINARY_VRS = frozenset({"OB", "UN"})
_MAX_SEARCHED_BYTES = 2**20

_REFUSED_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.104.1": "an encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.104.2": "an encapsulated CDA document",
    "1.2.840.10008.5.1.4.1.1.104.3": "an encapsulated STL model",
    "1.2.840.10008.5.1.4.1.1.104.4": "an encapsulated OBJ model",
    "1.2.840.10008.5.1.4.1.1.104.5": "an encapsulated MTL file",
    "1.2.840.10008.5.1.4.1.1.66": "raw data of a device",
    "1.2.840.10008.1.3.10": "a directory of a medium",
}


def refusal_of_class(sop_class_uid: str, released_classes: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Why objects of a class cannot be de-identified; empty when they can, or when a person released the class.

    Documents inside objects, raw data and objects of private or unknown classes may hold anything anywhere.
    """
    if sop_class_uid in released_classes and sop_class_uid != uids.MEDIA_STORAGE_DIRECTORY:
        return ()
    what = _REFUSED_CLASSES.get(sop_class_uid)
    if what is not None:
        return (
            _error("deid.unsupported-object", "(0008,0016)", f"The object is {what}, which cannot be de-identified."),
        )
    if not uids.is_registered_uid(sop_class_uid):
        return (
            _error("deid.private-object", "(0008,0016)", "The object is of a private class and may hold anything."),
        )
    if not uids.is_storage_sop_class(sop_class_uid):
        return (_error("deid.unknown-object", "(0008,0016)", "The object is of a class this software does not know."),)
    return ()


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
    buffer: memoryview, file: Part10File, profile: Profile, *, released_classes: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Check a file that is already parsed; ``buffer`` is the file itself. See :func:`verify_deidentified`."""
    header = Header(file.elements, file.encoding)
    findings: dict[Finding, None] = {}
    sop_class_uid = header.text(0x00080016)
    for finding in (
        *refusal_of_class(sop_class_uid, released_classes),
        *_verify_envelope(buffer, file),
        *_verify_marks(header),
        *_verify_level(file.elements, profile, sop_class_uid, header.text(0x00100020)),
    ):
        # Warnings must not fill the list before an error is reached: only errors decide.
        if finding.is_error or len(findings) < _MAX_REPORTED:
            findings[finding] = None
        if len(findings) >= _MAX_REPORTED and any(each.is_error for each in findings):
            break
    return tuple(findings)


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


def residual_findings(file: Part10File, identifiers: frozenset[str]) -> list[Finding]:
    """Search a parsed file for identifiers; see :func:`residual_scan`."""
    subject = Header(file.elements, file.encoding).text(0x00100020)
    # The code that now stands for the patient is no identifier, even where a centre chose it to look like one.
    pattern = pattern_of(frozenset(each for each in identifiers if each.strip() and each.strip("^") != subject))
    places = dict.fromkeys(_residues(file.elements, pattern, DEFAULT_ENCODINGS, ""))
    message = "A name, number or address of the original study is still in this attribute."
    return [_error("deid.residual-identifier", place, message) for place in places]


def _residues(
    elements: tuple[Element, ...], pattern: IdentifierPattern, inherited: tuple[str, ...], path: str
) -> Iterator[str]:
    encodings = encodings_of(elements, inherited)
    for element in elements:
        where = path + tag_text(element.tag)
        if element.tag in PIXEL_TAGS or element.tag in _METHOD_TAGS or (element.tag in _PATIENT_IDENTITY and not path):
            continue
        if element.items is not None:
            for item in element.items:
                yield from _residues(item, pattern, encodings, where + "/")
        elif any(pattern.spans(text, is_thorough=False) for text in _searched_texts(element, encodings)):
            yield where


def _searched_texts(element: Element, encodings: tuple[str, ...]) -> list[str]:
    if element.vr in {"DS", "IS"} and is_numeric(element.value):
        return []
    if element.vr in STRING_VRS and element.vr not in _UNSEARCHED_VRS:
        return texts_of(element, encodings)
    if element.vr in _SEARCHED_BINARY_VRS and len(element.value) <= _MAX_SEARCHED_BYTES:
        return [bytes(element.value).decode("latin-1")]
    return []


def _error(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.ERROR, code, where, message)


def _verify_envelope(buffer: memoryview, file: Part10File) -> Iterator[Finding]:
    if bytes(buffer[:_PREAMBLE_LENGTH]).strip(b"\0"):
        yield _error("deid.preamble", "preamble", "The preamble is not empty.")
    header = Header(file.elements, file.encoding)
    for element in file.meta:
        if element.tag not in _META_TAGS:
            yield _error("deid.file-meta", tag_text(element.tag), "The meta information says more than it needs to.")
        twin = _META_TWINS.get(element.tag)
        if twin is not None and first_text(element) != header.text(twin):
            yield _error("deid.file-meta", tag_text(element.tag), "The meta information speaks of another object.")
    if tail_bytes(file):
        yield _error("deid.trailing-bytes", "(7FE0,0010)", "Bytes follow the last frame.")
    for finding in file.findings:
        if finding.code == "dicom.trailing-bytes":
            yield _error("deid.trailing-bytes", "object", "Bytes follow the data set.")


def _verify_marks(header: Header) -> Iterator[Finding]:
    if header.text(0x00120062) != "YES":
        yield _error("deid.not-marked", "(0012,0062)", "Patient Identity Removed is not YES.")
    codes = {Header(item, header.encoding).text(0x00080100) for item in header.items(0x00120064)}
    if BASIC_PROFILE_CODE[0] not in codes:
        yield _error("deid.no-method", "(0012,0064)", "The Basic Profile is not among the method codes.")
    if header.text(0x00280303) not in {"MODIFIED", "REMOVED"}:
        yield _error(
            "deid.dates-not-marked", "(0028,0303)", "Longitudinal Temporal Information is not marked as modified."
        )
    if not header.text(0x00100020):
        yield _error("deid.no-subject", "(0010,0020)", "The object has no subject.")


def _verify_level(
    elements: tuple[Element, ...],
    profile: Profile,
    sop_class_uid: str,
    subject_id: str,
    *,
    parents: tuple[int, ...] = (),
    inherited: tuple[str, ...] = DEFAULT_ENCODINGS,
) -> Iterator[Finding]:
    encodings = encodings_of(elements, inherited)
    for element in map(judged, elements):
        where = "/".join(tag_text(tag) for tag in (*parents, element.tag))
        if element.is_private:
            yield _error("deid.private-attribute", where, "A private attribute is there.")
            continue
        yield from _verify_action(element, profile, sop_class_uid, parents, where)
        if element.items is not None:
            for item in element.items:
                inner = (*parents, element.tag)
                yield from _verify_level(item, profile, sop_class_uid, subject_id, parents=inner, inherited=encodings)
        elif element.vr in STRING_VRS:
            yield from _verify_text(element, profile, subject_id, encodings, where)


def _verify_action(
    element: Element, profile: Profile, sop_class_uid: str, parents: tuple[int, ...], where: str
) -> Iterator[Finding]:
    kind = attribute_type(element.tag, sop_class_uid, parents)
    action = profile.action_for(element.tag, element.vr, attribute_type=kind)
    if element.tag == _CONTENT_SEQUENCE and profile.clean_reports:
        return
    has_value = bool(len(element.value) or element.items)
    is_subject = element.tag in _PATIENT_IDENTITY and not parents
    if action is Action.REMOVE and (has_value or kind is AttributeType.OPTIONAL):
        yield _error("deid.forbidden-attribute", where, "The profile removes this attribute, and it is there.")
    elif action is Action.EMPTY and has_value and not is_subject:
        yield _error("deid.forbidden-value", where, "The profile empties this attribute, and it has a value.")


def _verify_text(
    element: Element, profile: Profile, subject_id: str, encodings: tuple[str, ...], where: str
) -> Iterator[Finding]:
    values = [value.strip() for value in texts_of(element, encodings)]
    if element.vr == "PN":
        if any(value not in _ALLOWED_NAMES and value != subject_id for value in values):
            yield _error("deid.person-name", where, "A person's name is there.")
    elif element.vr == "UI":
        may_stay = uids.is_harmless_uid if element.tag in KEPT_UID_TAGS else _is_new_uid
        if not all(may_stay(value) for value in values if value):
            yield _error("deid.uid", where, "A UID is neither of the standard nor a replacement under 2.25.")
    elif element.vr == "AS":
        if any(_is_too_old(value, profile) for value in values):
            yield _error("deid.age", where, "An age above the highest category is there.")
    elif profile.is_descriptor(element.tag, element.vr):
        nothing = pattern_of(frozenset())
        if any(clean_descriptor(value, nothing).is_changed for value in values):
            message = "The text looks as if it held a date, a number, a name or an address."
            yield Finding(Severity.WARNING, "deid.suspicious-text", where, message)


def _is_new_uid(value: str) -> bool:
    return uids.is_listed_uid(value) or (value.startswith("2.25.") and uids.is_valid_uid(value))


def _is_too_old(value: str, profile: Profile) -> bool:
    match = _AGE_IN_YEARS.fullmatch(value)
    limit = profile.maximum_age_years
    return match is not None and limit is not None and int(match[1]) > limit + 1
