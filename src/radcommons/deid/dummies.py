"""Values that stand in for others and say nothing: consistent with their value representation (PS3.15 Table E.1-1a, D)."""

from radcommons.deid.coding_schemes import CODING_SCHEME_DESIGNATOR
from radcommons.deid.dates import shift_value
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.elements import Element
from radcommons.dicom.text import STRING_VRS, decode_text

REMOVED = "REMOVED"
DUMMY_SCHEME = "99RADCOMMONS"
DUMMY_VALUES = {
    "AS": b"000Y",
    "CS": b"REMOVED ",
    "DA": b"19000101",
    "DS": b"0 ",
    "DT": b"19000101",
    "IS": b"0 ",
    "TM": b"000000",
    "UR": b"urn:removed ",
}
DUMMY_CODE = (
    Element(0x00080100, "SH", b"REMOVED "),
    Element(0x00080102, "SH", DUMMY_SCHEME.encode("ascii")),
    Element(0x00080104, "LO", b"REMOVED "),
)
_TOKEN_VRS = frozenset({"LO", "SH", "UC"})
_EIGHT_BYTE_VRS = frozenset({"FD", "SV", "UV", "OV", "OD"})


def dummy_value(
    element: Element, encodings: tuple[str, ...], *, key: PseudonymKey, date_shift_days: int | None
) -> bytes:
    """What stands for a value.

    Parameters
    ----------
    element
        The original, with a value.
    encodings
        What its text is written in.
    key
        One original text gives one code, so that devices, containers and the like can still be told apart.
    date_shift_days
        By how many days a date moves; ``None`` where a dummy must not tell the interval either.
    """
    vr = element.vr
    if vr in {"DA", "DT", "TM"} and date_shift_days is not None:
        value = _first(element, encodings)
        kept = value if vr == "TM" else shift_value(value, vr, date_shift_days)
        return padded(kept.encode("ascii", "replace")) if kept and value.isascii() else DUMMY_VALUES[vr]
    if vr in _TOKEN_VRS:
        label = f"{element.tag:08X}:{_first(element, encodings).casefold()}"
        return padded(f"RC{key.token(label)}".encode("ascii"))
    if vr == "UI":
        return padded(key.map_uid(_first(element, encodings)).encode("ascii"), b"\0")
    if vr in STRING_VRS:
        return DUMMY_VALUES.get(vr, padded(REMOVED.encode("ascii")))
    return b"\0" * (8 if vr in _EIGHT_BYTE_VRS else 4)


def dummy_text(element: Element) -> Element:
    """What stands for a text of which only the form may stay; a code becomes one of this software's own scheme."""
    dummy = DUMMY_SCHEME if element.tag == CODING_SCHEME_DESIGNATOR else REMOVED
    return Element(element.tag, element.vr, padded(dummy.encode("ascii")))


def padded(value: bytes, padding: bytes = b" ") -> bytes:
    """The value at an even length (PS3.5 7.1.1)."""
    return value + padding if len(value) & 1 else value


def _first(element: Element, encodings: tuple[str, ...]) -> str:
    return decode_text(element.value, element.vr, encodings).split("\\")[0].strip("\0 ")
