"""Texts inside texts: words in hexadecimal numbers, in base64 or with escapes for single letters, and UTF-8 read as Latin-1.

Programs put them into comments, and copy what another one has read in the wrong character set.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator

from radcommons.deid.disguised import disguised_words
from radcommons.deid.recalling import recalled

# Eight letters at least; what is shorter holds no name that could be told from chance.
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9A-Fa-f]{2}){5,})(?![0-9A-Za-z])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=-])")
# Letters of URLs, of mail, of HTML and of JSON, among plain ones.
_ESCAPE = re.compile(
    r"(?P<octets>(?:[%=][0-9A-Fa-f]{2}){1,8})|(?P<named>&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)|\\u(?P<point>[0-9A-Fa-f]{4})"
)
_ESCAPED = re.compile(
    rf"(?<![^\W_])[^\W_]{{0,40}}(?:(?:{re.sub(r'[?]P<[a-z]+>', '?:', _ESCAPE.pattern)})[^\W_]{{0,40}}){{1,20}}"
)
# What begins two or three octets of UTF-8, and the octets that follow it, as Latin-1 and its kin of Windows show them.
_MISREAD = re.compile(r"\S{0,60}[\u00c3-\u00f4][\u0080-\u00bf\u0152-\u2122]\S{0,60}")
_WINDOWS_LATIN = ("cp1252", "latin-1")
_MOST_READINGS = 2
_URL_LETTERS = str.maketrans("-_", "+/")
_LETTERS = 4


@recalled
def encoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a text that say something when decoded or read as they look, and what."""
    yield from disguised_words(text)
    for match in _ESCAPED.finditer(text):
        yield (*match.span(), _ESCAPE.sub(_letters_of, match[0]))
    for match in () if text.isascii() else _MISREAD.finditer(text):
        if (said := _as_utf8(match[0])) is not None:
            yield (*match.span(), said)
    for match in _HEXADECIMAL.finditer(text):
        said = _readable(bytes.fromhex(match[1]))
        if said is not None:
            yield (*match.span(), said)
    for match in _BASE64.finditer(text):
        letters = match[0].rstrip("=").translate(_URL_LETTERS)
        try:
            said = _readable(base64.b64decode(letters + "=" * (-len(letters) % _LETTERS), validate=True))
        except binascii.Error:
            continue
        if said is not None:
            yield (*match.span(), said)


def _letters_of(escape: re.Match[str]) -> str:
    """The letters that an escape stands for."""
    if escape["point"]:
        return chr(int(escape["point"], 16))
    if escape["named"]:
        return html.unescape(escape["named"])
    octets = bytes.fromhex(escape["octets"].replace("%", "").replace("=", ""))
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


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
