"""The catalog as its distinct combinations of facet values: counted in memory, in one pass over few numbers.

A million series have some thousand different combinations of collection, modality, body part and so on. For each of them
it is known how many series, instances and bytes it has, and which subjects and studies; a selection is then a set of
combinations, and a count of people is a count of distinct numbers. Pure: rows in, counts out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
_MOST_ANSWERS = 1000
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is: people, studies, series, instances, bytes."""

    subjects: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Combination:
    """One row of the question to the database: the values of all facets, sums, and who is behind them, perhaps repeated."""

    values: tuple[str, ...]
    series: int
    instances: int
    size_bytes: int
    subject_ids: Sequence[int]
    study_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Members:
    """Which subjects, or studies, a combination has: pairs of its number and a number from 0 to ``count``.

    ``keys`` holds what each number stands for, in order. ``single`` holds, for each facet of which everyone has one value only, the code of that value.
    """

    combination: NDArray[np.int32]
    number: NDArray[np.int32]
    keys: Integers
    count: int
    single: Mapping[str, NDArray[np.int32]]

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]], codes: Mapping[str, NDArray[np.int32]]) -> "Members":
        """From the keys that each combination has, and its values."""
        lengths = [len(each) for each in lists]
        keys = np.fromiter((key for each in lists for key in each), np.int64, sum(lengths))
        distinct, number = np.unique(keys, return_inverse=True)
        count = len(distinct)
        pairs = np.unique(np.repeat(np.arange(len(lists)), lengths) * max(count, 1) + number)
        owners, numbers = (each.astype(np.int32) for each in np.divmod(pairs, max(count, 1)))
        return cls(owners, numbers, distinct, count, _singles(owners, numbers, count, codes))

    def distinct(self, chosen: Flags) -> int:
        """How many there are behind some combinations."""
        return int(np.count_nonzero(self._behind(chosen)))

    def latest(self, chosen: Flags) -> Integers:
        """The keys of those behind some combinations, the highest first."""
        return self.keys[self._behind(chosen)][::-1]

    def distinct_by(self, name: str, codes: NDArray[np.int32], values: int, chosen: Flags) -> Integers:
        """The same for each value of a facet, whose code each combination has."""
        if name in self.single:
            return np.bincount(self.single[name][self._behind(chosen)], minlength=values).astype(np.int64)
        selected = chosen[self.combination]
        flags = np.zeros((values, self.count), np.bool_)
        flags[codes[self.combination[selected]], self.number[selected]] = True
        # Row by row: counting along an axis makes numbers of the flags first.
        return np.array([np.count_nonzero(row) for row in flags], np.int64)

    def _behind(self, chosen: Flags) -> Flags:
        flags = np.zeros(self.count, np.bool_)
        flags[self.number[chosen[self.combination]]] = True
        return flags


def _singles(
    owners: NDArray[np.int32], numbers: NDArray[np.int32], count: int, codes: Mapping[str, NDArray[np.int32]]
) -> dict[str, NDArray[np.int32]]:
    found = {}
    for name, each in codes.items():
        single = np.zeros(count, np.int32)
        single[numbers] = each[owners]
        if np.array_equal(single[numbers], each[owners]):
            found[name] = single
    return found


@dataclass(frozen=True, slots=True)
class Cube:
    """All combinations, ready to be counted.

    Parameters
    ----------
    values
        The values of each facet, by its name.
    codes
        For each facet the number of its value, by combination.
    sums
        Series, instances and bytes, each by combination.
    """

    values: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, NDArray[np.int32]]
    sums: tuple[Integers, Integers, Integers]
    subjects: Members
    studies: Members
    answers: dict[tuple[str, frozenset[tuple[str, tuple[str, ...]]]], dict[str, Counts]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str], combinations: Iterable[Combination]) -> "Cube":
        """The cube of rows whose values stand in the order of ``names``."""
        rows = list(combinations)
        values, codes = {}, {}
        for place, name in enumerate(names):
            known = sorted({row.values[place] for row in rows})
            number = {value: code for code, value in enumerate(known)}
            values[name] = tuple(known)
            codes[name] = np.fromiter((number[row.values[place]] for row in rows), np.int32, len(rows))
        totals = np.array([(row.series, row.instances, row.size_bytes) for row in rows], np.int64).reshape(-1, 3)
        return cls(
            values,
            codes,
            (totals[:, 0].copy(), totals[:, 1].copy(), totals[:, 2].copy()),
            Members.of([row.subject_ids for row in rows], codes),
            Members.of([row.study_ids for row in rows], codes),
        )

    def total(self, chosen: Mapping[str, Sequence[str]]) -> Counts:
        """What a selection holds; facets without chosen values do not narrow it."""
        fits = self._misses(chosen) == 0
        series, instances, size_bytes = (int(each[fits].sum()) for each in self.sums)
        return Counts(self.subjects.distinct(fits), self.studies.distinct(fits), series, instances, size_bytes)

    def latest_studies(self, chosen: Mapping[str, Sequence[str]]) -> Integers:
        """The keys of the studies that a selection holds, the highest first."""
        return self.studies.latest(self._misses(chosen) == 0)

    def by_value(self, name: str, chosen: Mapping[str, Sequence[str]]) -> dict[str, Counts]:
        """What has each value of a facet, under the choices in all other facets; values that nothing has are left out.

        An answer is kept as long as the cube is: the first page of a catalog is asked for again and again.
        """
        asked = (name, frozenset((other, tuple(values)) for other, values in chosen.items() if values))
        if asked not in self.answers:
            if len(self.answers) >= _MOST_ANSWERS:
                self.answers.clear()
            self.answers[asked] = self._by_value(name, chosen)
        return dict(self.answers[asked])

    def _by_value(self, name: str, chosen: Mapping[str, Sequence[str]]) -> dict[str, Counts]:
        fits = self._misses({other: values for other, values in chosen.items() if other != name}) == 0
        known, codes = self.values[name], self.codes[name]
        series, instances, size_bytes = (_sums(codes[fits], each[fits], len(known)) for each in self.sums)
        subjects = self.subjects.distinct_by(name, codes, len(known), fits)
        studies = self.studies.distinct_by(name, codes, len(known), fits)
        columns = zip(subjects, studies, series, instances, size_bytes, strict=True)
        return {value: Counts(*map(int, row)) for value, row in zip(known, columns, strict=True) if row[2]}

    def _misses(self, chosen: Mapping[str, Sequence[str]]) -> Integers:
        """In how many facets each combination has none of the chosen values."""
        misses = np.zeros(len(self.sums[0]), np.int64)
        for name, values in chosen.items():
            if values:
                wanted = np.isin(np.array(self.values[name], dtype=object), list(values))
                misses += ~wanted[self.codes[name]]
        return misses


def _sums(codes: NDArray[np.int32], numbers: Integers, values: int) -> Integers:
    """Exact sums by value; floating weights would round beyond 2⁵³."""
    sums = np.zeros(values, np.int64)
    np.add.at(sums, codes, numbers)
    return sums
