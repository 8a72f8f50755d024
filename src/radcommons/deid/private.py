"""Private attributes that may stay: which they are, whose block they lie in, and whether a value is what it should be.

A private attribute is known by its group, the creator that reserved its block and the last two digits of its element
(PS3.5 7.8.1), never by its whole number: another vendor may use the same. Even then its value stays only when it has the
value representation and the shape that the table gives; a safe decimal string that holds words is not safe.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from radcommons.deid.tables import rows_of
from radcommons.dicom.elements import Element
from radcommons.dicom.text import STRING_VRS, decode_text

PrivateKey = tuple[int, str, int]
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SHAPES: Mapping[str, re.Pattern[str]] = {
    vr: re.compile(expression)
    for vr, expression in {
        "AS": r"\d{3}[DWMY]",
        "CS": r"[A-Z0-9 _]{1,16}",
        "DA": r"\d{8}",
        "DS": rf"(?=.{{1,16}}$){_NUMBER}",
        "DT": r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?",
        "IS": r"[+-]?\d{1,12}",
        "LO": r"[^\x00-\x1f]{1,64}",
        "SH": r"[^\x00-\x1f]{1,16}",
        "TM": r"\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?",
        "UI": r"[0-9.]{1,64}",
    }.items()
}
_WIDTHS = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
_BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
_SINGLE_TEXT_VRS = frozenset({"LT", "ST", "UR", "UT"})
# What the table leaves open can only be a number; anything else would have to be named.
_OPEN_VRS = frozenset({*_WIDTHS, "DS", "IS"}) - {"AT"}
_COUNT = re.compile(r"(\d+)(?:-(\d+|\d*n))?")


@dataclass(frozen=True, slots=True)
class PrivateAttribute:
    """A private attribute that is known to hold nothing identifying.

    Parameters
    ----------
    creator, group, element
        Whose it is, its group, and the last two hexadecimal digits of its element number.
    vr
        Its value representation, ``OW/OB`` where either is right; empty where the source leaves it open.
    vm
        How many values it has, as PS3.6 writes it: ``1``, ``3-4``, ``1-n``, ``2-2n``.
    meaning
        What it holds.
    source
        Who says that it is safe: the table of the standard or a profile, with its reason.
    """

    creator: str
    group: int
    element: int
    vr: str
    vm: str
    meaning: str
    source: str

    @property
    def key(self) -> PrivateKey:
        """What it is known by."""
        return self.group, self.creator, self.element

    @property
    def vrs(self) -> frozenset[str]:
        """The value representations it may have."""
        return frozenset(self.vr.split("/")) if self.vr else _OPEN_VRS

    def text(self) -> str:
        """How it is printed: ``(7053,xx09) Philips PET Private Group``."""
        return f"({self.group:04X},xx{self.element:02X}) {self.creator}"


@lru_cache(maxsize=1)
def standard_private_attributes() -> Mapping[PrivateKey, PrivateAttribute]:
    """The private attributes of PS3.15 Table E.3.10-1."""
    found = (
        PrivateAttribute(
            creator=str(row["creator"]),
            group=int(str(row["group"]), 16),
            element=int(str(row["element"]), 16),
            vr=str(row["vr"]),
            vm=str(row["vm"]),
            meaning=str(row["meaning"]),
            source="PS3.15 Table E.3.10-1",
        )
        for row in rows_of("ps3_15_e3_10_1")
    )
    return {attribute.key: attribute for attribute in found}


def fitting(attribute: PrivateAttribute, element: Element) -> Element | None:
    """The element with the value representation it must have; ``None`` when its value is not what it should be.

    Where the transfer syntax names no value representations, or a writer wrote ``UN``, the one of the table is taken.
    """
    vr = element.vr
    if vr == "UN":
        vr = attribute.vr.split("/")[0]
        if not vr:
            return None
    if vr not in attribute.vrs or (vr == "SQ") != (element.items is not None):
        return None
    if vr != "SQ" and len(element.value) and not _has_shape(bytes(element.value), vr, attribute.vm):
        return None
    return element if vr == element.vr else replace(element, vr=vr)


def _has_shape(value: bytes, vr: str, vm: str) -> bool:
    if vr in _BULK_VRS:
        return True
    if vr in _WIDTHS:
        count, rest = divmod(len(value), _WIDTHS[vr])
        return not rest and _is_count(count, vm)
    if vr not in STRING_VRS | {"UC"}:
        return False
    text = decode_text(value, vr).rstrip("\0 ")
    if vr in _SINGLE_TEXT_VRS:
        return True
    values = [part.strip("\0 ") for part in text.split("\\")] if text else []
    pattern = _SHAPES.get(vr)
    return _is_count(len(values), vm) and all(not part or pattern is None or pattern.fullmatch(part) for part in values)


def _is_count(count: int, vm: str) -> bool:
    match = _COUNT.fullmatch(vm)
    if match is None or not count:
        return True
    least, most = int(match[1]), match[2]
    if most is None:
        return count == least
    if most.endswith("n"):
        step = int(most[:-1] or 1)
        return count >= least and count % step == 0
    return least <= count <= int(most)
