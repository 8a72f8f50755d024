"""Texts whose bytes are not in the character set that the object declares, read as they were meant.

Programs write UTF-8 into objects that declare Latin-1, and Latin-1 into objects that declare UTF-8. A viewer shows
nonsense then, and a search in the nonsense finds no name, while the bytes still spell it.
"""

import re

from radcommons.deid.folding import is_east_asian
from radcommons.dicom.elements import Element
from radcommons.dicom.text import CHARSET_VRS, DEFAULT_ENCODINGS, decode_text, split_values

_LOST = "\ufffd"
# Of Japan, Korea and China; what these write where nothing is declared is nonsense in Latin-1, with letters among it.
_EAST_ASIAN = ("shift_jis", "euc_kr", "gb18030")
# Of old systems and of Windows: Cyrillic, Greek, Latin of the East and of the West.
_CODE_PAGES = (
    "cp1251",
    "koi8_r",
    "cp866",
    "iso8859_5",
    "cp1253",
    "cp737",
    "cp1250",
    "cp852",
    "cp850",
    "cp1254",
    "cp1256",
    "cp1255",
)
_SINGLE_BYTE = frozenset({*DEFAULT_ENCODINGS, "latin_1"})
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
"""What ends a text: programs write on, from what else is in their memory."""


def texts_as_meant(element: Element, encodings: tuple[str, ...]) -> list[str]:
    """The single values of a text element; as Latin-1 where its bytes break the declared character set."""
    text = decode_text(element.value, element.vr, encodings)
    if _LOST in text:
        text = bytes(element.value).decode("latin-1")
    return split_values(text, element.vr)


def texts_in_utf8(element: Element, encodings: tuple[str, ...]) -> list[str]:
    """The single values of a text element that is UTF-8 although its object declares another character set."""
    value = bytes(element.value)
    if element.vr not in CHARSET_VRS or value.isascii():
        return []
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return []
    return [] if text == decode_text(value, element.vr, encodings) else split_values(text, element.vr)


def texts_in_east_asian(element: Element, encodings: tuple[str, ...]) -> list[str]:
    """The single values of a text element as Japan, Korea and China would read its bytes, where it declares no character set of its own."""
    value = bytes(element.value)
    if (
        element.vr not in CHARSET_VRS
        or value.isascii()
        or encodings[0] not in _SINGLE_BYTE
        or texts_in_utf8(element, encodings)
    ):
        return []
    found: dict[str, None] = {}
    for codec in _EAST_ASIAN:
        try:
            text = value.decode(codec)
        except UnicodeDecodeError:
            continue
        if is_east_asian(text):
            found.update(dict.fromkeys(split_values(text, element.vr)))
    return list(found)


def texts_of_others(element: Element, encodings: tuple[str, ...]) -> list[str]:
    """The single values of a text element in the character sets that programs write without declaring them; mostly nothing."""
    return [*texts_in_utf8(element, encodings), *texts_in_east_asian(element, encodings)]


def other_texts(element: Element, encodings: tuple[str, ...]) -> list[str]:
    """What the bytes of a text say in the character sets that programs mix up with the declared one; mostly nothing."""
    value = bytes(element.value)
    if element.vr not in CHARSET_VRS or value.isascii():
        return []
    others = [value.decode(codec, "replace") for codec in ("latin-1", *_CODE_PAGES)]
    return [*texts_of_others(element, encodings), *(text for each in others for text in split_values(each, element.vr))]
