"""Texts inside texts: words written as hexadecimal numbers or in base64, as programs put them into comments."""

import base64
import binascii
import re
from collections.abc import Iterator

from radcommons.deid.disguised import disguised_words
from radcommons.deid.recalling import recalled

# Eight letters at least; what is shorter holds no name that could be told from chance.
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9A-Fa-f]{2}){5,})(?![0-9A-Za-z])")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=-])")
_URL_LETTERS = str.maketrans("-_", "+/")
_LETTERS = 4


@recalled
def encoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a text that say something when decoded or read as they look, and what."""
    yield from disguised_words(text)
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
