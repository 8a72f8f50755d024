"""Rectangles that are known beforehand: where a device, or a site's own capture station, always writes."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from types import MappingProxyType

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.header import Header

# What a rule may ask of a header: its key in a file, and the attribute.
CONDITIONS = MappingProxyType(
    {
        "modality": 0x00080060,
        "sop_class_uid": 0x00080016,
        "manufacturer": 0x00080070,
        "manufacturer_model_name": 0x00081090,
        "software_versions": 0x00181020,
        "station_name": 0x00081010,
        "image_type": 0x00080008,
        "conversion_type": 0x00080064,
        "secondary_capture_device_manufacturer": 0x00181016,
        "series_description": 0x0008103E,
        "rows": 0x00280010,
        "columns": 0x00280011,
    }
)
_BOX_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class RectangleRule:
    """Boxes that are blackened in every image whose header fits.

    Parameters
    ----------
    name
        What it is called in reports.
    conditions
        A key of :data:`CONDITIONS` with a shell pattern (``*``, ``?``); all must fit, case does not matter. A pattern
        fits an attribute of several values when it fits one of them.
    boxes
        What is blackened.
    """

    name: str
    conditions: Mapping[str, str]
    boxes: tuple[Box, ...]

    def fits(self, header: Header) -> bool:
        """Whether the rule speaks of an object."""
        return all(_fits(header, CONDITIONS[key], pattern) for key, pattern in self.conditions.items())

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> "RectangleRule":
        """Read a rule from a table of a TOML file.

        ``name``, conditions by their keys, and ``boxes`` as a list of ``[left, top, width, height]``.

        Raises
        ------
        ValueError
            When a key is unknown, no condition is given, or a box is no box; the message says which.
        """
        unknown = set(table) - {"name", "boxes"} - set(CONDITIONS)
        if unknown:
            raise ValueError(f"A rectangle rule knows no key {min(unknown)}.")
        conditions = {key: str(value).strip() for key, value in table.items() if key in CONDITIONS}
        boxes = table.get("boxes")
        if not conditions or not isinstance(boxes, list) or not boxes:
            raise ValueError("A rectangle rule needs at least one condition and one box.")
        return cls(str(table.get("name", "")), conditions, tuple(_box(each) for each in boxes))


@cache
def known_devices() -> tuple[RectangleRule, ...]:
    """Where known devices write, from ``devices.toml`` beside this module."""
    text = resources.files("radcommons.deid.pixels").joinpath("devices.toml").read_text(encoding="utf-8")
    return tuple(RectangleRule.from_table(table) for table in tomllib.loads(text).get("device", []))


def _box(value: object) -> Box:
    if (
        not isinstance(value, list)
        or len(value) != _BOX_NUMBERS
        or not all(isinstance(number, int) and not isinstance(number, bool) for number in value)
    ):
        raise ValueError("A box of a rectangle rule is four whole numbers: left, top, width, height.")
    left, top, width, height = value
    return Box(left, top, width, height)


def _fits(header: Header, tag: int, pattern: str) -> bool:
    number = header.integer(tag)
    values = [str(number)] if number is not None else [value.strip() for value in header.texts(tag)]
    return any(fnmatchcase(value.casefold(), pattern.casefold()) for value in values)


@dataclass(frozen=True, slots=True)
class PixelRules:
    """What a profile says of pixels.

    Parameters
    ----------
    release
        ``person``: what may carry writing leaves only after a person confirmed it. ``detector``: the detector's verdict
        ``clean`` or ``redacted`` is enough.
    markers
        Writing that stays, beside the built-in side and projection markers.
    rectangles
        The site's own rectangle rules.
    is_faces_held
        Whether CT and MR series that cover the head wait for a decision.
    """

    release: str = "person"
    markers: tuple[str, ...] = ()
    rectangles: Sequence[RectangleRule] = field(default=())
    is_faces_held: bool = True

    def __post_init__(self) -> None:
        if self.release not in {"person", "detector"}:
            raise ValueError("Pixels are released by person or by detector.")
