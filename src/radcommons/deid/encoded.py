"""Texts inside texts: words in hexadecimal numbers, in base32, base64, base85 or with escapes for single letters, and UTF-8 read as Latin-1.

Programs put them into comments, and copy what another one has read in the wrong character set.
"""

import base64
import html
import re
import unicodedata
from collections.abc import Callable, Iterator

from radcommons.deid.disguised import disguised_words
from radcommons.deid.recalling import recalled

# Eight letters at least; what is shorter holds no name that could be told from chance.
_HEXADECIMAL = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9A-Fa-f]{2}){5,}|[0-9A-Fa-f]{2}(?:(?P<mark>,?[ ]|[:;,-])(?:0x)?[0-9A-Fa-f]{2})(?:(?P=mark)(?:0x)?[0-9A-Fa-f]{2}){3,})(?![0-9A-Za-z])"
)
# The codes of letters as decimal numbers: 77, 117, 108.
_DECIMAL = re.compile(
    r"(?<![\d.,])(?:3[2-9]|[4-9]\d|1\d\d|2[0-4]\d|25[0-5])(?:(?P<mark>,?[ ]|[:;,-])(?:3[2-9]|[4-9]\d|1\d\d|2[0-4]\d|25[0-5])){4,}(?![\d.])"
)
_BASE32 = re.compile(r"(?<![A-Za-z0-9=])[A-Z2-7]{8,}={0,6}(?![A-Za-z0-9=])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}={0,2}(?!=)")
# Signs of base64 also join a code to other words: PA/TcO8bGxlcg==, MR_TcO8bGxlcg.
_PIECE_OF_64 = re.compile(r"[A-Za-z0-9+]{8,}={0,2}")
# What has letters only is a word.
_BASE85 = re.compile(r"(?<!\S)(?=[A-Za-z]{0,256}[!-@\[-`{-~])[!-~]{10,256}(?!\S)")
# Letters of URLs, of mail, of HTML, of JSON, of C, of UTF-7 and of TeX, among plain ones.
_ESCAPE = re.compile(
    r"(?P<octets>(?:(?:[%=]|\\x)[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}){1,8})|(?P<named>&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)"
    r"|[\\%]u(?P<point>[0-9A-Fa-f]{4})|\+(?P<seven>[A-Za-z0-9/]{3,16})-"
    r"""|\{?\\(?:(?P<mark>["'`^~=.])[ ]?\{?|(?P<accent>[uvHckr])(?:[ ]|\{))(?P<letter>[A-Za-z])\}{0,2}"""
    r"|\{?\\(?P<special>ss|ae|oe|aa|AE|OE|[olijOL])(?![A-Za-z])(?:\{\}|[ ])?\}?"
)
_OCTET = re.compile(r"(?:[%=]|\\x)([0-9A-Fa-f]{2})|\\([0-7]{3})")
_ESCAPED = re.compile(
    rf"(?<![^\W_])[^\W_]{{0,40}}(?:(?:{re.sub(r'[?]P<[a-z]+>', '?:', _ESCAPE.pattern)})[^\W_]{{0,40}}){{1,20}}"
)
_MARKS = dict(
    zip(
        "\"'`^~=.uvHckr",
        "\u0308\u0301\u0300\u0302\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0328\u030a",
        strict=True,
    )
)
_SPECIAL = {"ss": "ß", "o": "ø", "l": "ł", "aa": "å"}
# What begins two or three octets of UTF-8, and the octets that follow it, as Latin-1 and its kin of Windows show them.
_MISREAD = re.compile(r"[\S\x85]{0,60}[\u00c3-\u00f4][\u0080-\u00bf\u0152-\u2122][\S\x85]{0,60}")
_WINDOWS_LATIN = ("cp1252", "latin-1")
_MOST_READINGS = 2
_URL_LETTERS = str.maketrans("-_", "+/")
_LETTERS, _LETTERS_OF_32 = 4, 8


@recalled
def encoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a text that say something when decoded or read as they look, and what."""
    yield from disguised_words(text)
    for match in _ESCAPED.finditer(text):
        yield (*match.span(), _ESCAPE.sub(_letters_of, match[0]))
    for match in () if text.isascii() else _MISREAD.finditer(text):
        if (said := _as_utf8(match[0])) is not None:
            yield (*match.span(), said)
    yield from _listed(text)
    for match in _BASE32.finditer(text):
        letters = match[0].rstrip("=")
        yield from _decoded(match.span(), base64.b32decode, letters + "=" * (-len(letters) % _LETTERS_OF_32))
    for match in _BASE85.finditer(text):
        for decode in (base64.b85decode, base64.a85decode):
            yield from _decoded(match.span(), decode, match[0].removeprefix("<~").removesuffix("~>"))
    for match in _BASE64.finditer(text):
        yield from _of_base64(match.span(), match[0])
        for piece in () if match[0].isalnum() else _PIECE_OF_64.finditer(match[0]):
            if piece.span() != (0, len(match[0])):
                yield from _of_base64((match.start() + piece.start(), match.start() + piece.end()), piece[0])


def _listed(text: str) -> Iterator[tuple[int, int, str]]:
    """Letters that are written as their codes, one after the other."""
    for match in _HEXADECIMAL.finditer(text):
        yield from _decoded(match.span(), bytes.fromhex, re.sub("0x|[^0-9A-Fa-f]", "", match[1]))
    for match in _DECIMAL.finditer(text):
        said = _readable(bytes(map(int, re.findall(r"\d+", match[0]))))
        if said is not None:
            yield (*match.span(), said)


def _decoded(span: tuple[int, int], decode: Callable[[str], bytes], letters: str) -> Iterator[tuple[int, int, str]]:
    """What letters say in an encoding; nothing where they are none of it or say nothing."""
    try:
        said = _readable(decode(letters))
    except ValueError:
        return
    if said is not None:
        yield (*span, said)


def _of_base64(span: tuple[int, int], code: str) -> Iterator[tuple[int, int, str]]:
    letters = code.rstrip("=").translate(_URL_LETTERS)
    yield from _decoded(span, base64.b64decode, letters + "=" * (-len(letters) % _LETTERS))


def _letters_of(escape: re.Match[str]) -> str:
    """The letters that an escape stands for."""
    if escape["point"]:
        return chr(int(escape["point"], 16))
    if escape["named"]:
        return html.unescape(escape["named"])
    if escape["seven"]:
        return _of_utf_7(escape[0])
    if escape["letter"]:
        return unicodedata.normalize("NFC", escape["letter"] + _MARKS[escape["mark"] or escape["accent"]])
    if escape["special"]:
        return _SPECIAL.get(escape["special"].lower(), escape["special"])
    octets = bytes(int(each[1] or each[2], 16 if each[1] else 8) for each in _OCTET.finditer(escape[0]))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _of_utf_7(letters: str) -> str:
    """Letters of UTF-7 as they are meant; as they stand where they are none."""
    try:
        return letters.encode("ascii").decode("utf-7")
    except UnicodeError:
        return letters


def _as_utf8(text: str) -> str | None:
    """A word of UTF-8 that was read as Latin-1, once or twice, as it was meant; ``None`` when it was not."""
    said = None
    for _ in range(_MOST_READINGS):
        for codec in _WINDOWS_LATIN:
            try:
                text = text.encode(codec).decode("utf-8")
            except UnicodeError:
                continue
            said = text
            break
    return said


def _readable(content: bytes) -> str | None:
    """The text that bytes are; ``None`` when they are none, as with nearly every word that merely looks encoded."""
    for codec in ("utf-16-le", "utf-16-be") if b"\0" in content else ("utf-8", "latin-1"):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if text.isprintable():
            return text
    return None
