"""Reading single values of a data set, never failing on odd ones."""

import math
import struct
from collections.abc import Iterable

from radcommons.dicom.elements import Element, Encoding, concrete_vr
from radcommons.dicom.text import DEFAULT_ENCODINGS, SPECIFIC_CHARACTER_SET, encodings_of, texts_of

_INTEGER_FORMATS = {"SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
_REAL_FORMATS = {"FD": "d", "FL": "f"}
_MAX_DIGITS = 20


class Header:
    """The top level of a data set as typed values; absent and impossible values are empty or ``None``.

    Parameters
    ----------
    elements
        One level of a data set.
    encoding
        How its binary values are laid out.
    inherited
        The codecs of the enclosing data set, for an item.
    """

    def __init__(
        self, elements: Iterable[Element], encoding: Encoding, inherited: tuple[str, ...] = DEFAULT_ENCODINGS
    ) -> None:
        self._by_tag = {element.tag: element for element in elements}
        self.encoding = encoding
        charset = self._by_tag.get(SPECIFIC_CHARACTER_SET)
        self.encodings = inherited if charset is None else encodings_of((charset,), inherited)

    def has(self, tag: int) -> bool:
        """Whether the attribute is present, with a value or without."""
        return tag in self._by_tag

    def element(self, tag: int) -> Element | None:
        """The raw element."""
        return self._by_tag.get(tag)

    def items(self, tag: int) -> tuple[tuple[Element, ...], ...]:
        """The items of a sequence; none when it is absent or no sequence."""
        element = self._by_tag.get(tag)
        return element.items or () if element is not None else ()

    def texts(self, tag: int) -> tuple[str, ...]:
        """All values of a text attribute."""
        element = self._by_tag.get(tag)
        if element is None or element.items is not None:
            return ()
        return tuple(texts_of(element, self.encodings))

    def text(self, tag: int) -> str:
        """The first value of a text attribute, without padding."""
        values = self.texts(tag)
        return values[0].strip() if values else ""

    def integer(self, tag: int) -> int | None:
        """The first value as a whole number, from a binary or a text representation."""
        element = self._by_tag.get(tag)
        if element is None or element.items is not None:
            return None
        code = _INTEGER_FORMATS.get(concrete_vr(element.vr))
        if code is not None:
            return self._unpack(element, code)
        text = self.text(tag)
        return int(text) if len(text) <= _MAX_DIGITS and text.lstrip("+-").isdecimal() and text.isascii() else None

    def number(self, tag: int) -> float | None:
        """The first value as a finite real number."""
        element = self._by_tag.get(tag)
        if element is None or element.items is not None:
            return None
        code = _REAL_FORMATS.get(element.vr)
        try:
            value = self._unpack(element, code) if code is not None else float(self.text(tag))
        except ValueError:
            return None
        return float(value) if value is not None and math.isfinite(value) else None

    def _unpack(self, element: Element, code: str) -> int | None:
        width = struct.calcsize(code)
        if len(element.value) < width:
            return None
        value: int = struct.unpack_from(self.encoding.order + code, element.value)[0]
        return value
