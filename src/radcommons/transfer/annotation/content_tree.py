"""The content tree of a structured report as values, read within the limits of the house (PS3.3 C.17.3)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from radcommons.dicom.elements import FormatError
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import parse_part10
from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.objects import AnnotationObjectError

_VALUE_TYPE, _NAME, _CONTENT = 0x0040A040, 0x0040A043, 0x0040A730
_TEXT, _PERSON, _UID, _CONCEPT = 0x0040A160, 0x0040A123, 0x0040A124, 0x0040A168
_MEASURED, _NUMBER, _EXACT_NUMBER, _UNIT = 0x0040A300, 0x0040A30A, 0x0040A161, 0x004008EA
_GRAPHIC_DATA, _GRAPHIC_TYPE = 0x00700022, 0x00700023
_REFERENCED, _REFERENCED_CLASS, _REFERENCED_INSTANCE, _REFERENCED_FRAME = 0x00081199, 0x00081150, 0x00081155, 0x00081160
_CODE_VALUE, _LONG_CODE, _SCHEME, _MEANING = 0x00080100, 0x00080119, 0x00080102, 0x00080104
_SOP_CLASS_UID = 0x00080016
_REPORTS = "1.2.840.10008.5.1.4.1.1.88."


@dataclass(frozen=True, slots=True)
class ContentItem:
    """One item of the tree.

    Parameters
    ----------
    value_type
        CONTAINER, CODE, TEXT, NUM, SCOORD and so on.
    name
        Its concept name.
    text
        Of TEXT, PNAME and UIDREF.
    concept
        Of CODE.
    number, unit
        Of NUM.
    points
        Of SCOORD: column and row by turns.
    graphic_type
        Of SCOORD.
    instance_uid, frame_number
        Of IMAGE; 0 for no frame.
    children
        What it contains.
    """

    value_type: str
    name: Code | None
    text: str = ""
    concept: Code | None = None
    number: float | None = None
    unit: Code | None = None
    points: tuple[float, ...] = ()
    graphic_type: str = ""
    instance_uid: str = ""
    frame_number: int = 0
    children: tuple["ContentItem", ...] = field(default=())

    def is_named(self, name: Code) -> bool:
        """Whether its concept name is that code, whatever the meaning says."""
        return self.name is not None and (self.name.scheme, self.name.value) == (name.scheme, name.value)

    def named(self, name: Code) -> Iterator["ContentItem"]:
        """Its children of that concept name."""
        return (child for child in self.children if child.is_named(name))

    def walk(self) -> Iterator["ContentItem"]:
        """Itself and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def read_content(data: bytes) -> tuple[Header, ContentItem]:
    """The header and the content tree of a structured report.

    Raises
    ------
    AnnotationObjectError
        When it is no structured report or breaks a limit.
    """
    try:
        file = parse_part10(memoryview(data))
    except FormatError as error:
        raise AnnotationObjectError("annotation.unreadable", f"The object cannot be read: {error.code}.") from error
    header = Header(file.elements, file.encoding)
    if not header.text(_SOP_CLASS_UID).startswith(_REPORTS):
        raise AnnotationObjectError("annotation.not-a-report", "The object is no structured report.")
    return header, _item(header)


def _children(header: Header, tag: int) -> Iterator[Header]:
    return (Header(item, header.encoding, header.encodings) for item in header.items(tag))


def _code(header: Header, tag: int) -> Code | None:
    found = next(_children(header, tag), None)
    if found is None:
        return None
    value = found.text(_CODE_VALUE) or found.text(_LONG_CODE)
    return Code(found.text(_SCHEME), value, found.text(_MEANING))


def _item(header: Header) -> ContentItem:
    measured = next(_children(header, _MEASURED), None)
    reference = next(_children(header, _REFERENCED), None)
    return ContentItem(
        value_type=header.text(_VALUE_TYPE),
        name=_code(header, _NAME),
        text=_whole_text(header, _TEXT) or header.text(_PERSON) or header.text(_UID),
        concept=_code(header, _CONCEPT),
        number=_number(measured) if measured else None,
        unit=_code(measured, _UNIT) if measured else None,
        points=_floats(header),
        graphic_type=header.text(_GRAPHIC_TYPE),
        instance_uid=reference.text(_REFERENCED_INSTANCE) if reference else "",
        frame_number=(reference.integer(_REFERENCED_FRAME) or 0) if reference else 0,
        children=tuple(_item(child) for child in _children(header, _CONTENT)),
    )


def _whole_text(header: Header, tag: int) -> str:
    # A text value may hold backslashes, which do not part it (UT, PS3.5 6.2).
    return "\\".join(header.texts(tag)).rstrip(" \x00")


def _number(measured: Header) -> float | None:
    """The floating point value where there is one: the decimal text holds 16 characters only."""
    exact = measured.number(_EXACT_NUMBER)
    return exact if exact is not None else measured.number(_NUMBER)


def _floats(header: Header) -> tuple[float, ...]:
    """Graphic data: 32-bit floats (FL); a last part of one is left out."""
    element = header.element(_GRAPHIC_DATA)
    if element is None or element.items is not None:
        return ()
    value = bytes(element.value)
    count = len(value) // 4
    return struct.unpack(f"{header.encoding.order}{count}f", value[: count * 4])
