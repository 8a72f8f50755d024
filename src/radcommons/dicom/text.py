"""Text in DICOM values: character sets, several values in one, padding (PS3.5 6.1, 6.2)."""

import re
import warnings
from collections.abc import Iterable

from pydicom.charset import decode_bytes, encode_string, python_encoding

from radcommons.dicom.elements import Element

SPECIFIC_CHARACTER_SET = 0x00080005
CHARSET_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
SINGLE_VALUE_VRS = frozenset({"LT", "ST", "UR", "UT"})
STRING_VRS = CHARSET_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
DEFAULT_ENCODINGS = ("iso8859",)
# Plain numbers, one or several; six digits and more before the point may be the number of a person, and are read as a text.
# What was taken for a number is not taken apart again: blanks have two places in it, and many of them would take for ever.
_NUMBER = rb"(?> *[+\-]?[0-9]{0,5}(?:\.[0-9]*)?(?:[eE][+\-]?[0-9]{1,3})?[ \0]*)"
NUMERIC_FORM = re.compile(_NUMBER + rb"(?:\\" + _NUMBER + rb")*")
_ESCAPE = b"\x1b"
_TEXT_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C}
_PERSON_NAME_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, 0x5E, 0x3D}


def encodings_of(elements: Iterable[Element], inherited: tuple[str, ...] = DEFAULT_ENCODINGS) -> tuple[str, ...]:
    """The Python codecs of a data set's Specific Character Set; those of the enclosing one when it names none.

    Unknown terms count as Latin-1, which maps every byte to a character and back, so that nothing is lost.
    """
    answer = inherited
    for element in elements:
        if element.tag == SPECIFIC_CHARACTER_SET:
            # Of repeated ones the last counts, as of any attribute.
            terms = bytes(element.value).decode("latin-1").strip("\0 ").split("\\")
            answer = tuple(_codec(term.strip()) for term in terms) or inherited
    return answer


def _codec(term: str) -> str:
    normal = term.upper().replace("_", " ")
    for candidate in (term, normal, normal.replace("ISO IR", "ISO_IR"), normal.replace("ISO IR", "ISO 2022 IR")):
        if candidate in python_encoding:
            return python_encoding[candidate]
    return "iso8859"


def decode_text(value: bytes | memoryview, vr: str, encodings: tuple[str, ...] = DEFAULT_ENCODINGS) -> str:
    """The characters of a value, never failing: bytes that do not fit their character set become replacement characters."""
    raw = bytes(value)
    if vr not in CHARSET_VRS or (raw.isascii() and _ESCAPE not in raw):
        return raw.decode("iso8859")
    if _ESCAPE not in raw:
        return raw.decode(encodings[0], errors="replace")
    delimiters = _PERSON_NAME_DELIMITERS if vr == "PN" else _TEXT_DELIMITERS
    with warnings.catch_warnings():
        # The library warns with the offending value in its text; values belong in no log.
        warnings.simplefilter("ignore")
        try:
            return decode_bytes(raw, list(encodings), delimiters)
        except (UnicodeError, LookupError, ValueError):
            return raw.decode("iso8859")


def encode_text(text: str, vr: str, encodings: tuple[str, ...] = DEFAULT_ENCODINGS) -> bytes:
    """The bytes of a text in the character set of its data set; characters that it lacks become question marks."""
    if vr not in CHARSET_VRS or text.isascii():
        return text.encode("ascii", errors="replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Every part begins in the first character set again (PS3.5 6.1.2.5.3).
            parts = re.split(r"([\\^=])" if vr == "PN" else r"(\\)", text)
            return b"".join(encode_string(part, list(encodings)) for part in parts if part)
        except (UnicodeError, LookupError, ValueError):
            return text.encode("ascii", errors="replace")


def split_values(text: str, vr: str) -> list[str]:
    """The single values of a text, without padding; none for an empty one."""
    if not text.strip("\0 "):
        return []
    if vr in SINGLE_VALUE_VRS:
        return [text.rstrip("\0 ")]
    return [part.strip("\0 ") for part in text.split("\\")]


def texts_of(element: Element, encodings: tuple[str, ...] = DEFAULT_ENCODINGS) -> list[str]:
    """The single values of a text element."""
    return split_values(decode_text(element.value, element.vr, encodings), element.vr)


def first_text(element: Element | None, encodings: tuple[str, ...] = DEFAULT_ENCODINGS) -> str:
    """The first value of a text element; empty when there is none."""
    values = texts_of(element, encodings) if element is not None and element.items is None else []
    return values[0] if values else ""


def is_numeric(value: bytes | memoryview) -> bool:
    """Whether all values of a DS or IS are plain numbers, which need no cleaning."""
    return NUMERIC_FORM.fullmatch(bytes(value)) is not None
