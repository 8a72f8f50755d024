"""Record numbers among the values of private attributes that should be measurements."""

import struct
from collections.abc import Iterator

from radcommons.deid.declared_vr import NUMBER_TEXT_VRS
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.dicom.elements import Element
from radcommons.dicom.text import texts_of

_FORMATS = {"SL": "i", "UL": "I", "SV": "q", "UV": "Q", "FL": "f", "FD": "d"}
_MOST_VALUES = 64


def has_known_number(element: Element, pattern: IdentifierPattern) -> bool:
    """Whether a value, written or binary, is a number of the patient.

    The byte order of a value is not known here; both are tried, since numbers of five digits and more do not meet by chance.
    """
    if element.vr in NUMBER_TEXT_VRS:
        return any(map(pattern.is_short_number, texts_of(element)))
    return any(map(pattern.is_number, _numbers(element)))


def _numbers(element: Element) -> Iterator[int]:
    code = _FORMATS.get(element.vr)
    if code is None:
        return
    count = min(len(element.value) // struct.calcsize(f"<{code}"), _MOST_VALUES)
    for order in "<>":
        for value in struct.unpack_from(f"{order}{count}{code}", element.value):
            if value == value and abs(value) < 2**63 and value == int(value):  # noqa: PLR0124  no number equals itself not
                yield abs(int(value))
