"""What is remembered: bounded, and never more than what follows from the bytes alone and from what it is kept for."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from radcommons.deid.direct import STAYING
from radcommons.deid.fast.layout import META_END, NotOrdinaryError, is_long_form
from radcommons.deid.fast.unnamed import Unnamed
from radcommons.deid.identifiers import IDENTIFYING_TAGS, harvest_identifiers
from radcommons.deid.rewriting import ReportLine
from radcommons.dicom.elements import Element, ElementReader, Encoding, FormatError, vr_of_tag

_Value = TypeVar("_Value")
# Of raw elements in each memory, with what a dictionary needs for an entry.
_MOST_BYTES = 2**22
_LARGEST_BYTES = 2**16
_OVERHEAD_BYTES = 512
_SMALL_BYTES = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """What one or several decisions leave in the outcome; equal only to itself, so that notes are told apart at no cost."""

    report: tuple[ReportLine, ...] = ()
    kept_texts: tuple[tuple[str, str], ...] = ()
    redactions: int = 0
    has_cleaned_content: bool = False

    @property
    def is_about_texts(self) -> bool:
        """Whether nothing is said but which texts stay."""
        return not (self.report or self.redactions or self.has_cleaned_content)


NOTHING = Notes()


def together(notes: Iterable[Notes]) -> Notes:
    """Notes of a whole object, in the order of its elements."""
    every = tuple(notes)
    return Notes(
        tuple(dict.fromkeys(chain.from_iterable(each.report for each in every))),
        tuple(dict.fromkeys(chain.from_iterable(each.kept_texts for each in every))),
        sum(each.redactions for each in every),
        any(each.has_cleaned_content for each in every),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What comes of one raw element: its new bytes, empty when it goes, and what is to be said about it."""

    raw: bytes
    notes: Notes = NOTHING


class Memory(dict[Hashable, _Value]):
    """A dictionary that forgets everything rather than grow without end."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def keep(self, key: Hashable, value: _Value, raw: bytes = b"") -> _Value:
        """Remember and return a value, unless the raw element it was found for is too large to be met again."""
        if len(raw) <= _LARGEST_BYTES:
            self._bytes += len(raw) + _OVERHEAD_BYTES
            if self._bytes > _MOST_BYTES:
                self.clear()
                self._bytes = len(raw)
            self[key] = value
        return value


def parsed(raw: bytes, encoding: Encoding) -> Element:
    """The one element that raw bytes hold."""
    return (_parsed_small if len(raw) <= _SMALL_BYTES else _parsed)(raw, encoding)


def _parsed(raw: bytes, encoding: Encoding) -> Element:
    try:
        elements = ElementReader(memoryview(raw), encoding).read_data_set(0)
    except FormatError as error_in_it:
        raise NotOrdinaryError from error_in_it
    if len(elements) != 1:
        raise NotOrdinaryError
    return elements[0]


# One element is harvested, rewritten and, where it stays, looked at: three readings of the same bytes.
_parsed_small = lru_cache(maxsize=4096)(_parsed)


@dataclass(slots=True)
class Harvest:
    """What raw elements of one character set identify, whoever they belong to."""

    encoding: Encoding
    encodings: tuple[str, ...]
    _found: Memory[frozenset[str]] = field(default_factory=Memory)

    def of(self, tag: int, raw: bytes) -> frozenset[str]:
        """The identifiers of one element."""
        if tag < META_END:
            return frozenset()
        found = self._found.get(raw)
        if found is None:
            found = harvest_identifiers((parsed(raw, self.encoding),), self.encodings)
            self._found.keep(raw, found, raw)
        return found


@dataclass(slots=True)
class Anybody:
    """What is decided alike whoever the patient is: attributes that go, plain numbers and times that stay, texts that name nobody.

    It is kept for one profile, one SOP class and one encoding.
    """

    encoding: Encoding
    removals: Memory[Decision] = field(default_factory=Memory)
    staying: Memory[Decision] = field(default_factory=Memory)
    unsuspicious: Memory[bool] = field(default_factory=Memory)
    unnamed: Memory[Unnamed[Decision]] = field(default_factory=Memory)
    unnamed_seen: Memory[Unnamed[tuple[()]]] = field(default_factory=Memory)
    beginnings: Memory[frozenset[str]] = field(default_factory=Memory)

    def vr(self, tag: int, raw: bytes) -> str:
        """The value representation of a raw element; in implicit encoding the dictionary's."""
        if self.encoding.is_implicit and tag >= META_END:
            return vr_of_tag(tag)
        return raw[4:6].decode("latin-1")

    def value_at(self, raw: bytes) -> int:
        """Where in a raw element its value begins."""
        return 12 if not self.encoding.is_implicit and is_long_form(raw) else 8

    def is_plain(self, tag: int, raw: bytes) -> bool:
        """Whether a public element holds nothing but numbers or a time of day."""
        vr = self.vr(tag, raw)
        if tag >> 16 & 1 or vr not in STAYING or tag in IDENTIFYING_TAGS or len(raw) & 1:
            return False
        start = self.value_at(raw)
        return len(raw) > start and STAYING[vr].form.fullmatch(raw, start) is not None
