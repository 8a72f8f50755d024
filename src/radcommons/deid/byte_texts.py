"""Words among bytes that should be none: names in look-up tables, profiles, waveforms and lists of numbers.

Numbers by chance look like letters here and there, so that only runs of several printable characters count as words, and
short values only when they hold letters or digits side by side.
"""

import re
from collections.abc import Iterator

from radcommons.dicom.part10 import leave
from radcommons.dicom.text import decode_text

_SHORT_BYTES = 16
# Letters of UTF-16 and UTF-32 have zero bytes between them.
_WORD = rb"(?:[0-9A-Za-z]\0{0,3}){4}"
_HAS_WORD = re.compile(_WORD)
_RUN = re.compile(rb"(?:[\x1b\x20-\x7e\x80-\xff]\0{0,3}){4,}")
PLAIN_NUMBERS = re.compile(rb"(?s:(?!.*" + _WORD + rb").{0,%d})" % _SHORT_BYTES)
"""What the raw bytes of a few numbers match in which nothing can be spelled."""


_CHUNK_BYTES, _OVERLAP_BYTES = 2**22, 256
LEAST_IN_CODESTREAM = 6
"""How long an identifier must be that is found among compressed bytes; shorter ones are there by chance."""
_CODESTREAM_WORD = re.compile(rb"[0-9A-Za-z][0-9A-Za-z ^,._'-]{5,}")
# Looking for six marks in a row takes a third of the time of trying the expression at each of a million bytes.
_WRITTEN = bytes(re.fullmatch(rb"[0-9A-Za-z ^,._'-]", bytes((byte,))) is not None for byte in range(256))
_LETTERS_IN_A_ROW = b"\1" * LEAST_IN_CODESTREAM


def text_in_codestream(value: bytes | memoryview) -> str:
    """What looks written among compressed bytes, each stretch in a line of its own; the memory of a mapped file is left."""
    words: list[bytes] = []
    for start in range(0, len(value), _CHUNK_BYTES):
        # What lies across two chunks is whole in the first.
        words += _words_in(bytes(value[start : start + _CHUNK_BYTES + _OVERLAP_BYTES]))
        leave(value)
    return b"\n".join(words).decode("ascii")


def _words_in(chunk: bytes) -> Iterator[bytes]:
    marks = chunk.translate(_WRITTEN)
    place = marks.find(_LETTERS_IN_A_ROW)
    while place >= 0:
        end = marks.find(b"\0", place)
        end = len(chunk) if end < 0 else end
        yield from (match[0] for match in _CODESTREAM_WORD.finditer(chunk, place, end))
        place = marks.find(_LETTERS_IN_A_ROW, end)


def texts_in_bytes(value: bytes | memoryview, encodings: tuple[str, ...]) -> list[str]:
    """What may be written in the bytes of a value that is no text, in every way in which it can be read.

    Parameters
    ----------
    value
        Raw bytes of numbers, tables or anything.
    encodings
        The Python codecs of the data set.
    """
    if len(value) <= _SHORT_BYTES and not _HAS_WORD.search(value):
        return []
    runs = b"\n".join(_RUN.findall(value))
    if not runs:
        return []
    texts = {runs.decode("latin-1"): None}
    if not runs.isascii():
        texts[runs.decode("utf-8", "ignore")] = None
        texts[decode_text(runs, "UT", encodings)] = None
    return list(texts)
