"""All studies of a set that never changes, ready to be searched in memory: in their order, a few small numbers each.

A version of a million series has some hundred thousand studies; a condition on what few distinct values say is decided once a
value, then looked up once a study. So a search takes a millisecond whatever it asks and however deep its page lies, where an
index of the database serves one order or one condition. Pure: packed bytes and a query in, places out.
"""

import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import orjson
from numpy.typing import NDArray

from radcommons.server.archive.dicomweb.keys import MODALITIES_IN_STUDY
from radcommons.server.archive.dicomweb.query import Between, Match, OneOf, Pattern, SearchQuery

# What separates modalities of a study; no value of a header can hold it.
_BETWEEN = "\\"
_WILD = re.compile(r"[*?]")
_LAST = chr(0x10FFFF)
# Between values; the archive keeps no text with it.
_NEVER = "\0"
_DATE = "study_date"
_MODALITIES = "modality"
_TEXTS = ("subject__subject_id", "study_description", "patient_sex")
_WORD_BYTES = 90


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """What is searched of one study."""

    study_date: date | None
    modalities: tuple[str, ...]
    subject_id: str
    study_description: str
    patient_sex: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The values in the order of the columns."""
        return (_BETWEEN.join(sorted(self.modalities)), self.subject_id, self.study_description, self.patient_sex)


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute: its distinct values in order, and for each study the number of its value.

    ``text`` is all values one after the other, with a character between that none can hold, and ``starts`` where each begins: a
    word is looked for in all of them at once.
    """

    values: tuple[str, ...]
    codes: NDArray[np.int32]
    text: str = field(init=False, repr=False)
    starts: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Join the values."""
        lengths = np.fromiter((len(value) + 1 for value in self.values), np.int64, len(self.values))
        object.__setattr__(self, "text", _NEVER.join(self.values))
        object.__setattr__(self, "starts", np.concatenate(([0], np.cumsum(lengths))))

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Column":
        """The column of the values of all studies."""
        values = tuple(sorted(set(texts)))
        number = {value: code for code, value in enumerate(values)}
        return cls(values, np.fromiter((number[text] for text in texts), np.int32, len(texts)))

    def fits(self, condition: OneOf | Pattern) -> NDArray[np.bool_]:
        """Which studies fit a condition."""
        flags = np.zeros(len(self.values), np.bool_)
        if isinstance(condition, OneOf):
            for value in condition.values:
                place = bisect_left(self.values, str(value))
                flags[place : place + 1] |= self.values[place : place + 1] == (value,)
        else:
            begin, end = self._beginning(condition.text)
            words = _WILD.split(condition.text)
            # What follows the beginning may be anything: the order of the values has decided already.
            if condition.text[-1:] == "*" and len(words) == 2:  # noqa: PLR2004  nothing follows the asterisk
                flags[begin:end] = True
            else:
                codes, glob = self._holding(max(words, key=len), begin, end), _Glob(condition.text)
                flags[codes] = glob.is_word or [glob.fits(self.values[code]) for code in codes]
        return flags[self.codes]

    def fits_any(self, condition: OneOf | Pattern) -> NDArray[np.bool_]:
        """The same for a column of several values a study: which studies have one that fits."""
        if isinstance(condition, OneOf):
            wanted = frozenset(condition.values)
            flags = [not wanted.isdisjoint(value.split(_BETWEEN)) for value in self.values]
        else:
            glob = _Glob(condition.text)
            flags = [any(map(glob.fits, value.split(_BETWEEN))) for value in self.values]
        return np.array(flags, np.bool_)[self.codes]

    def _holding(self, word: str, begin: int, end: int) -> NDArray[np.int64]:
        """The numbers of the values in a range that hold a word, in order; of all of them when it is empty."""
        if not word:
            return np.arange(begin, end)
        found = re.compile(re.escape(word)).finditer(self.text, int(self.starts[begin]), int(self.starts[end]))
        places = np.fromiter((each.start() for each in found), np.int64)
        return np.unique(np.searchsorted(self.starts, places, "right") - 1)

    def _beginning(self, pattern: str) -> tuple[int, int]:
        """The range of values that begin as the pattern does before its first wildcard."""
        head = _WILD.split(pattern, maxsplit=1)[0]
        return bisect_left(self.values, head), bisect_left(self.values, head + _LAST)


@dataclass(frozen=True, slots=True)
class ShelfIndex:
    """The studies of a shelf by their places, from 0, in the order of results.

    Parameters
    ----------
    days
        The day of each study (:meth:`datetime.date.toordinal`); 0 where it has none.
    columns
        Columns by the names of :mod:`.keys`.
    """

    days: NDArray[np.int32]
    columns: Mapping[str, Column]

    @classmethod
    def of(cls, rows: Iterable[ShelfRow]) -> "ShelfIndex":
        """The index of studies in the order of results."""
        known = list(rows)
        days = np.fromiter((row.study_date.toordinal() if row.study_date else 0 for row in known), np.int32, len(known))
        names = (_MODALITIES, *_TEXTS)
        texts = zip(*(row.texts for row in known), strict=True) if known else [()] * len(names)
        return cls(days, {name: Column.of(each) for name, each in zip(names, texts, strict=True)})

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        words = sum(_WORD_BYTES + 2 * len(value) for column in self.columns.values() for value in column.values)
        return words + self.days.nbytes * (1 + len(self.columns))

    def places(self, query: SearchQuery) -> list[int] | None:
        """The places of a page of the studies that fit a query; None when it asks for what the index does not know."""
        fits = np.ones(len(self.days), np.bool_)
        for match in query.matches:
            found = self._fits(match)
            if found is None:
                return None
            fits &= found
        page: list[int] = np.flatnonzero(fits)[query.offset : query.offset + query.limit].tolist()
        return page

    def _fits(self, match: Match) -> NDArray[np.bool_] | None:
        condition = match.condition
        if match.key.column == _DATE and isinstance(condition, Between):
            return self._between(condition)
        column = self.columns.get(match.key.column or "")
        if column is None or not isinstance(condition, OneOf | Pattern):
            return None
        return column.fits_any(condition) if match.key.tag == MODALITIES_IN_STUDY else column.fits(condition)

    def _between(self, condition: Between) -> NDArray[np.bool_]:
        low, high = condition.low, condition.high
        fits = self.days >= (low.toordinal() if isinstance(low, date) else 1)
        return fits & (self.days <= high.toordinal()) if isinstance(high, date) else fits

    def packed(self) -> bytes:
        """As it is kept; :meth:`unpacked` reads it."""
        head = orjson.dumps({name: column.values for name, column in self.columns.items()})
        arrays = [self.days, *(column.codes for column in self.columns.values())]
        body = b"".join(each.astype("<i4").tobytes() for each in arrays)
        sizes = len(head).to_bytes(8, "little") + len(self.days).to_bytes(8, "little")
        return zlib.compress(sizes + head + body, 1)

    @classmethod
    def unpacked(cls, packed: bytes) -> "ShelfIndex":
        """What :meth:`packed` gave."""
        data = zlib.decompress(packed)
        head, count = (int.from_bytes(data[start : start + 8], "little") for start in (0, 8))
        values = orjson.loads(data[16 : 16 + head])
        arrays = np.frombuffer(data, "<i4", offset=16 + head).reshape(1 + len(values), count)
        columns = {
            name: Column(tuple(each), np.ascontiguousarray(codes, np.int32))
            for (name, each), codes in zip(values.items(), arrays[1:], strict=True)
        }
        return cls(np.ascontiguousarray(arrays[0], np.int32), columns)


class _Glob:
    """A DICOM pattern, ``*`` any text and ``?`` one character (PS3.4 C.2.2.2.4), in time that no pattern can make explode.

    Each part between asterisks is taken where it comes first, which no later part can regret. ``is_word`` says that whatever
    holds one word fits.
    """

    def __init__(self, pattern: str) -> None:
        parts = pattern.split("*")
        self.is_word = parts[:1] + parts[2:] == ["", ""] and "?" not in pattern
        self._first, self._last, self._is_whole = parts[0], parts[-1], len(parts) == 1
        self._length = sum(map(len, parts))
        # Plain words are found ten times as fast as by an expression.
        self._middle = [_finder(part) for part in parts[1:-1] if part]
        self._begins, self._ends = (_expression(part) if "?" in part else None for part in (self._first, self._last))

    def fits(self, value: str) -> bool:
        """Whether the whole of a value is as the pattern says."""
        if len(value) < self._length or (self._is_whole and len(value) != self._length):
            return False
        if not (self._begins.match(value) if self._begins else value.startswith(self._first)):
            return False
        position, end = len(self._first), len(value) - len(self._last)
        for find in self._middle:
            position = find(value, position)
            if position < 0:
                return False
        if self._is_whole:
            return True
        return position <= end and bool(self._ends.match(value, end) if self._ends else value.endswith(self._last))


def _expression(part: str) -> re.Pattern[str]:
    return re.compile(re.escape(part).replace(r"\?", "."), re.DOTALL)


def _finder(part: str) -> Callable[[str, int], int]:
    """Tells where a part ends that comes first from a position on; less than 0 where it does not come."""
    if "?" not in part:

        def plain(value: str, start: int) -> int:
            place = value.find(part, start)
            return -1 if place < 0 else place + len(part)

        return plain
    expression = _expression(part)

    def found(value: str, start: int) -> int:
        match = expression.search(value, start)
        return match.end() if match else -1

    return found
