"""How one attribute of one object is named: ``RequestAttributesSequence[0].ScheduledProcedureStepDescription``.

Private attributes are named by their creator, ``(0019,"ACME MEDICAL",92)``, so that a block may move; attributes without a
keyword by their number, ``(0010,0016)``. File meta information lies below ``(meta)``. The public MIDI-B scripts name the
same places ``<(0040,0275)>[<0000>]<(0040,0007)>``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.tag import BaseTag, Tag

META = "(meta)"
FILE_NAME = "(file name)"
PREAMBLE = "(preamble)"
PIXELS = "PixelData"
# Places that are no attribute of the data set and have no name in the MIDI-B form.
_OUTSIDE = (META, FILE_NAME, PREAMBLE)

_STEP = re.compile(r'(?P<name>\w+|\([0-9a-f]{4},(?:"[^"]*",[0-9a-f]{2}|[0-9a-f]{4})\))(?:\[(?P<index>\d+)\])?(?:\.|$)')
_REPEATING = frozenset({0x50, 0x60})
_UNCONVERTIBLE = (
    BytesLengthException,
    ValueError,
    TypeError,
    LookupError,
    NotImplementedError,
    AttributeError,
    OverflowError,
)
_LAST_CREATOR = 0xFF
_DEEPEST = 40
_LONGEST_TEXT = 200_000
_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


@dataclass(frozen=True, slots=True)
class Value:
    """One value as found: its value representation, and all of it as text (several values joined by a backslash)."""

    vr: str
    text: str


def name_of(tag: BaseTag, creator: str | None = None) -> str:
    """One step of a path."""
    if tag.is_private and creator:
        return f'({tag.group:04x},"{creator}",{tag.element & 0xFF:02x})'
    # Keywords of repeating groups do not say which of the groups it is.
    keyword = "" if tag.group >> 8 in _REPEATING else keyword_for_tag(tag)
    return keyword or f"({tag.group:04x},{tag.element:04x})"


def is_outside(path: str) -> bool:
    """Whether a path names something that is no attribute of the data set."""
    return path.startswith(_OUTSIDE)


def without_indices(path: str) -> str:
    """The path with every item number left out: where a value stands when items may have moved."""
    return re.sub(r"\[\d+\]", "", path)


def midi_path(path: str) -> str:
    """The path in the form of the MIDI-B scripts (``tag_ds``).

    Raises
    ------
    ValueError
        When a step names no attribute.
    """
    written = ""
    for match in _STEP.finditer(path):
        written += f"<{_midi_tag(match['name'])}>"
        if match["index"] is not None:
            written += f"[<{int(match['index']):04d}>]"
    return written


def midi_tag(path: str) -> str:
    """The tag of the last step, ``<(0010,0010)>``."""
    return midi_path(path).rpartition("[")[2].rpartition("]")[2]


def _midi_tag(name: str) -> str:
    if name.startswith("("):
        group, _, rest = name[1:-1].partition(",")
        creator, _, element = rest.rpartition(",")
        return f"({group},{creator.upper()},{element})" if creator else name
    tag = tag_for_keyword(name)
    if tag is None:
        raise ValueError("A path has a step that is no attribute keyword.")
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def walk(dataset: Dataset, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, DataElement]]:
    """Every element of a data set that is no sequence, with its path, items in their order.

    An element that cannot be converted is given as raw bytes, so that nothing in a hostile file hides behind an error.
    """
    if depth > _DEEPEST:
        return
    for tag in list(dataset.keys()):
        element = _element(dataset, Tag(tag))
        path = prefix + name_of(element.tag, _creator(dataset, element.tag))
        if element.VR != "SQ":
            yield path, element
            continue
        yield path, DataElement(element.tag, "OB", b"", already_converted=True)
        for index, item in enumerate(element.value or ()):
            yield from walk(item, f"{path}[{index}].", depth + 1)


def _creator(dataset: Dataset, tag: BaseTag) -> str | None:
    """Who reserved the block of a private element (PS3.5 7.8.1)."""
    if not tag.is_private or tag.element <= _LAST_CREATOR:
        return None
    reserved = Tag(tag.group, tag.element >> 8)
    return str(_element(dataset, reserved).value or "").strip("\0 ") if reserved in dataset else None


def _element(dataset: Dataset, tag: BaseTag) -> DataElement:
    try:
        return dataset[tag]
    except _UNCONVERTIBLE:
        raw = dataset.get_item(tag)
        value = getattr(raw, "value", b"")
        return DataElement(tag, "OB", value if isinstance(value, bytes) else b"", already_converted=True)


def value_of(element: DataElement) -> Value:
    """An element's value as text; bytes as Latin-1, without the padding."""
    value = element.value
    if value is None:
        return Value(element.VR, "")
    if isinstance(value, bytes | bytearray):
        return Value(element.VR, bytes(value[:_LONGEST_TEXT]).decode("latin-1").strip("\0 "))
    if (
        isinstance(value, str)
        or not hasattr(value, "__iter__")
        or (element.VR in _BINARY_VRS | {"PN"} and element.VM <= 1)
    ):
        return Value(element.VR, str(value)[:_LONGEST_TEXT].strip("\0 "))
    return Value(element.VR, "\\".join(str(each) for each in value)[:_LONGEST_TEXT].strip("\0 "))


def flatten(dataset: Dataset, prefix: str = "") -> dict[str, Value]:
    """All values of a data set by path; sequences themselves with an empty text, pixel data left out."""
    found: dict[str, Value] = {}
    for path, element in walk(dataset, prefix):
        if path == PIXELS:
            found[path] = Value(element.VR, "")
            continue
        found[path] = value_of(element)
    return found
