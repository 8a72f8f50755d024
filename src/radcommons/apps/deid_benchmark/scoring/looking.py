"""Looking at one output file in a child process: what it says, which planted words are in it, what became of its picture.

Whatever a tool wrote is looked at; what cannot be read as DICOM is still searched byte by byte.
"""

import hashlib
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME, META, PIXELS, PREAMBLE, Value, flatten
from radcommons.apps.deid_benchmark.pictures import blocks_of, decoded

BYTES = "(bytes outside any attribute)"
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_MOST_STREAMS = 200
_MOST_INFLATED = 2**20
_ENCODINGS = ("utf-8", "latin-1", "iso2022_jp", "euc_kr", "gb18030", "iso8859_2", "iso8859_5", "iso8859_7", "utf-16-le")
_UNREADABLE = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one output file is and holds.

    Parameters
    ----------
    path
        Relative to the output folder.
    is_dicom
        Whether it could be read to its end.
    values
        All values by path.
    hits
        Planted words found in it, as (word, place).
    """

    path: str
    sha256: str
    is_dicom: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    transfer_syntax_uid: str = ""
    shape: tuple[int, ...] = ()
    pixels_md5: str = ""
    pixel_blocks: str = ""
    hits: tuple[tuple[str, str], ...] = ()

    def text(self, path: str) -> str:
        """The text at a path, empty when there is none."""
        value = self.values.get(path)
        return "" if value is None else value.text


@dataclass(frozen=True, slots=True)
class Words:
    """The words to be searched in every file, prepared once in each child."""

    folded: tuple[tuple[str, str], ...]
    encoded: tuple[tuple[str, tuple[bytes, ...]], ...]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Words":
        """Prepare words: folded for texts, encoded in every character set a tool may have written."""
        listed = sorted(set(words))
        return cls(
            tuple((word, word.casefold()) for word in listed), tuple((word, tuple(_encoded(word))) for word in listed)
        )


def _encoded(word: str) -> Iterator[bytes]:
    seen = set()
    for encoding in ("utf-8", "utf-16-le") if word.isascii() else _ENCODINGS:
        try:
            raw = word.encode(encoding).lower()
        except UnicodeEncodeError:
            continue
        if raw not in seen:
            seen.add(raw)
            yield raw


def search(name: str, *, folder: str, words: Words) -> Looked:
    """Search one file byte by byte, whatever it is."""
    content = (Path(folder) / name).read_bytes()
    hits = (*_in_name(name, words), *_in_bytes(content, words, frozenset()))
    return Looked(name, hashlib.sha256(content).hexdigest(), hits=hits)


def look(name: str, *, folder: str, words: Words) -> Looked:
    """Read one file of an output folder and search it."""
    content = (Path(folder) / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    # Whatever a tool wrote is judged, not complained of.
    warnings.simplefilter("ignore", UserWarning)
    try:
        dataset = pydicom.dcmread(Path(folder) / name)
        values = _values(dataset, content)
    except _UNREADABLE:
        return search(name, folder=folder, words=words)
    pixels = dataset.get_item("PixelData") if "PixelData" in dataset else None
    raw = pixels.value if pixels is not None and isinstance(pixels.value, bytes) else b""
    frames = decoded(dataset) if raw else None
    found = tuple(_in_values(values, words))
    rest = _without_picture(content, raw, dataset)
    known = frozenset(word for word, _ in found)
    return Looked(
        path=name,
        sha256=digest,
        is_dicom=True,
        values=values,
        transfer_syntax_uid=str(dataset.file_meta.get("TransferSyntaxUID", "")),
        shape=() if frames is None else frames.shape,
        pixels_md5=hashlib.md5(raw, usedforsecurity=False).hexdigest() if raw else "",
        pixel_blocks="" if frames is None else blocks_of(frames),
        hits=(*_in_name(name, words), *found, *_in_bytes(rest, words, known)),
    )


def _values(dataset: FileDataset, content: bytes) -> dict[str, Value]:
    values = flatten(dataset.file_meta, f"{META}.")
    values[PREAMBLE] = Value("", content[:128].decode("latin-1").strip("\0 "))
    values.update(flatten(dataset))
    document = dataset.get("EncapsulatedDocument")
    if isinstance(document, bytes):
        for number, match in enumerate(_STREAM.finditer(document)):
            if number == _MOST_STREAMS:
                break
            values[f"EncapsulatedDocument(stream {number})"] = Value("", _inflated(match[1]))
    return values


def _inflated(stream: bytes) -> str:
    try:
        return zlib.decompressobj().decompress(stream, _MOST_INFLATED).decode("latin-1")
    except zlib.error:
        return ""


def _without_picture(content: bytes, raw: bytes, dataset: Dataset) -> bytes:
    """The bytes without the samples of an uncompressed picture; what follows the last frame stays in."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not raw or syntax is None or syntax.is_encapsulated:
        return content
    bits = int(dataset.get("BitsAllocated") or 8) * int(dataset.get("SamplesPerPixel") or 1)
    size = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * int(dataset.get("NumberOfFrames") or 1)
    samples = raw[: size * bits // 8]
    return content.replace(samples, b"", 1) if samples else content


def _in_name(name: str, words: Words) -> Iterator[tuple[str, str]]:
    folded = name.casefold()
    return ((word, FILE_NAME) for word, small in words.folded if small in folded)


def _in_values(values: dict[str, Value], words: Words) -> Iterator[tuple[str, str]]:
    folded = {path: value.text.casefold() for path, value in values.items() if value.text and path != PIXELS}
    everything = "\n".join(folded.values())
    for word, small in words.folded:
        if small in everything:
            yield from ((word, path) for path, text in folded.items() if small in text)


def _in_bytes(content: bytes, words: Words, known: frozenset[str]) -> Iterator[tuple[str, str]]:
    small = content.lower()
    for word, forms in words.encoded:
        if word not in known and any(form in small for form in forms):
            yield word, BYTES
