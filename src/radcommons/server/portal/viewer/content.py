"""A structured report as people read it: its content tree from DICOM JSON (PS3.3 C.17.3). Pure.

Nothing here raises over what a stranger wrote: an item that breaks its rules is shown as far as it can be understood.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Attributes = Mapping[str, Any]
# Deeper than any template of PS3.16; what lies below is counted, not shown.
MAX_DEPTH = 24
MAX_ITEMS = 20_000
# Longer than the number of any frame (PS3.5 6.2, IS).
_DIGITS = 12
_TEXT_TAGS = {
    "TEXT": "0040A160",
    "UIDREF": "0040A124",
    "PNAME": "0040A123",
    "DATE": "0040A121",
    "TIME": "0040A122",
    "DATETIME": "0040A120",
}
# Codes of UCUM that no reader would write so.
_UNITS = {"[hnsf'U]": "HU", "mm2": "mm²", "cm2": "cm²", "mm3": "mm³", "cm3": "cm³", "um": "µm", "ml": "mL", "Cel": "°C"}
_REFERENCES = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (PS3.3 8.8): what it means to people, and its name in a coding scheme."""

    meaning: str
    value: str = ""
    scheme: str = ""

    @property
    def name(self) -> str:
        """Scheme and value, for those who know them; empty without."""
        return f"{self.scheme} {self.value}".strip()


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that another one refers to, with frames from 1 where only some are meant."""

    sop_instance_uid: str
    frame_numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a content tree.

    Parameters
    ----------
    relationship
        How it belongs to the item above, in words; empty where that goes without saying.
    value
        What it says; empty for containers.
    unit
        The unit of a measurement, as UCUM writes it, or its meaning.
    code
        The coded value's or unit's name in its scheme.
    hidden
        How many items below were left out because they lie too deep.
    """

    name: Code
    relationship: str = ""
    value: str = ""
    unit: str = ""
    code: str = ""
    references: tuple[Reference, ...] = ()
    items: tuple["Item", ...] = ()
    is_container: bool = False
    hidden: int = 0


_RELATIONSHIPS = {
    "HAS CONCEPT MOD": "modified by",
    "INFERRED FROM": "inferred from",
    "SELECTED FROM": "selected from",
    "HAS ACQ CONTEXT": "acquired with",
    "HAS OBS CONTEXT": "context",
}


def content_of(attributes: Attributes) -> Item:
    """The content tree of a report."""
    return _item(attributes, depth=0, left=[MAX_ITEMS])


def items(attributes: Attributes, tag: str) -> list[Attributes]:
    """The items of a sequence; nothing when it is absent or no sequence."""
    values = attributes.get(tag, {}).get("Value") or ()
    return [value for value in values if isinstance(value, dict)]


def texts(attributes: Attributes, tag: str) -> list[str]:
    """All values of an attribute as text; names of persons in their alphabetic form, numbers without an empty fraction."""
    values = attributes.get(tag, {}).get("Value") or ()
    shown = (value.get("Alphabetic", "") if isinstance(value, dict) else value for value in values)
    return [
        str(value).removesuffix(".0") if isinstance(value, float) else str(value)
        for value in shown
        if value is not None
    ]


def text(attributes: Attributes, tag: str) -> str:
    """The first value of an attribute as text; empty when there is none."""
    return next(iter(texts(attributes, tag)), "")


def code_in(attributes: Attributes, tag: str) -> Code | None:
    """The first code of a code sequence; a meaning that is missing is stood in for by the value."""
    for code in items(attributes, tag):
        value = text(code, "00080100") or text(code, "00080119") or text(code, "00080120")
        return Code(text(code, "00080104") or value, value, text(code, "00080102"))
    return None


def references_in(attributes: Attributes) -> tuple[Reference, ...]:
    """Every object that an object names anywhere in its sequences, each once, in the order found."""
    found: dict[str, Reference] = {}
    for item in _all_items(attributes, depth=0):
        uid = text(item, "00081155")
        if uid and uid not in found:
            found[uid] = Reference(uid, _frames(item))
    return tuple(found.values())


def _all_items(attributes: Attributes, *, depth: int) -> Iterator[Attributes]:
    if depth > MAX_DEPTH:
        return
    for value in attributes.values():
        if isinstance(value, dict) and value.get("vr") == "SQ":
            for item in value.get("Value") or ():
                if isinstance(item, dict):
                    yield item
                    yield from _all_items(item, depth=depth + 1)


def _frames(attributes: Attributes) -> tuple[int, ...]:
    return tuple(
        int(number) for number in texts(attributes, "00081160") if number.isdecimal() and len(number) <= _DIGITS
    )


def _item(attributes: Attributes, *, depth: int, left: list[int]) -> Item:
    kind = text(attributes, "0040A040")
    value, unit, code = _value(attributes, kind)
    below = items(attributes, "0040A730")
    shown: Sequence[Attributes] = below[: max(0, left[0])] if depth < MAX_DEPTH else ()
    left[0] -= len(shown)
    references = [
        Reference(text(one, "00081155"), _frames(one)) for one in items(attributes, "00081199") if kind in _REFERENCES
    ]
    return Item(
        name=code_in(attributes, "0040A043") or Code("Report" if depth == 0 else _named(kind)),
        relationship=_RELATIONSHIPS.get(text(attributes, "0040A010"), ""),
        value=value,
        unit=unit,
        code=code,
        references=tuple(references),
        items=_merged(_item(one, depth=depth + 1, left=left) for one in shown),
        is_container=kind == "CONTAINER",
        hidden=len(below) - len(shown),
    )


def _merged(found: Iterable[Item]) -> tuple[Item, ...]:
    """Items that say nothing but a reference, one after another under one name, as one: an image library is a list."""
    merged: list[Item] = []
    for item in found:
        before = merged[-1] if merged else None
        if (
            before is not None
            and before.references
            and item.references
            and not (before.items or item.items or before.value or item.value)
            and (before.name, before.relationship) == (item.name, item.relationship)
        ):
            merged[-1] = replace(before, references=before.references + item.references)
        else:
            merged.append(item)
    return tuple(merged)


def _named(kind: str) -> str:
    """What an item without a name is called."""
    return {"IMAGE": "Image", "WAVEFORM": "Waveform", "COMPOSITE": "Object", "CONTAINER": "Section"}.get(kind, "Item")


def _value(attributes: Attributes, kind: str) -> tuple[str, str, str]:
    """What an item says, its unit, and the code behind either."""
    if kind in _TEXT_TAGS:
        return _dated(kind, text(attributes, _TEXT_TAGS[kind])), "", ""
    if kind == "CODE":
        code = code_in(attributes, "0040A168")
        return (code.meaning, "", code.name) if code else ("", "", "")
    if kind == "NUM":
        return _measurement(attributes)
    if kind in {"SCOORD", "SCOORD3D"}:
        return _shape(attributes, 2 if kind == "SCOORD" else 3), "", ""
    if kind == "TCOORD":
        return text(attributes, "0040A130").lower(), "", ""
    return ("" if kind in _REFERENCES | {"CONTAINER"} else kind.lower()), "", ""


def _measurement(attributes: Attributes) -> tuple[str, str, str]:
    for measured in items(attributes, "0040A300"):
        unit = code_in(measured, "004008EA")
        return text(measured, "0040A30A"), _unit(unit) if unit else "", unit.meaning if unit else ""
    reason = code_in(attributes, "0040A301")
    return f"no value{f': {reason.meaning}' if reason else ''}", "", ""


def _unit(unit: Code) -> str:
    """A unit as people write it; counts and scores have none."""
    if unit.scheme != "UCUM":
        return unit.meaning
    return "" if unit.value == "1" or unit.value.startswith("{") else _UNITS.get(unit.value, unit.value)


def _shape(attributes: Attributes, dimensions: int) -> str:
    numbers = len(attributes.get("00700022", {}).get("Value") or ())
    points = numbers // dimensions
    shape = text(attributes, "00700023").lower() or "shape"
    return f"{shape}, {points} point{'' if points == 1 else 's'}"


def _dated(kind: str, value: str) -> str:
    """Dates and times with separators; anything else as it is."""
    day, clock = (value[:8], value[8:14]) if kind in {"DATE", "DATETIME"} else ("", value[:6])
    if kind not in {"DATE", "DATETIME", "TIME"} or not (day + clock).isdigit():
        return value
    date = "-".join(part for part in (day[:4], day[4:6], day[6:8]) if part)
    time = ":".join(part for part in (clock[:2], clock[2:4], clock[4:6]) if part)
    return " ".join(part for part in (date, time) if part)
