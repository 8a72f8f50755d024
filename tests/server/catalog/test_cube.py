"""Counting combinations gives what counting series one by one gives."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.catalog.cube import Combination, Counts, Cube

NAMES = ("modality", "sex")
# A series: modality, sex, subject, study, instances, bytes.
SERIES = st.lists(
    st.tuples(
        st.sampled_from(["CT", "MR", "DX"]),
        st.sampled_from(["F", "M"]),
        st.integers(1, 4),
        st.integers(1, 9),
        st.integers(1, 100),
        st.integers(1, 2**61),
    ),
    max_size=25,
)
CHOICE = st.fixed_dictionaries(
    {
        "modality": st.lists(st.sampled_from(["CT", "MR", "XX"]), max_size=2),
        "sex": st.lists(st.sampled_from(["F", "M"]), max_size=2),
    }
)


def cube_of(series):
    groups = defaultdict(list)
    for row in series:
        groups[row[:2]].append(row)
    return Cube.of(
        NAMES,
        [
            Combination(
                values,
                series=len(rows),
                instances=sum(row[4] for row in rows),
                size_bytes=sum(row[5] for row in rows),
                subject_ids=sorted({row[2] for row in rows}),
                study_ids=sorted({row[3] for row in rows}),
            )
            for values, rows in groups.items()
        ],
    )


def counted(rows):
    return Counts(
        len({row[2] for row in rows}),
        len({row[3] for row in rows}),
        len(rows),
        sum(row[4] for row in rows),
        sum(row[5] for row in rows),
    )


def fits(row, chosen):
    return all(not values or row[NAMES.index(name)] in values for name, values in chosen.items())


@given(SERIES, CHOICE)
def test_every_count_is_that_of_the_series_themselves(series, chosen):
    # Sums beyond 63 bits are no archive's.
    series = [(*row[:5], row[5] // (len(series) or 1)) for row in series]
    cube = cube_of(series)

    assert cube.total(chosen) == counted([row for row in series if fits(row, chosen)])
    assert cube.total({}) == counted(series)
    for name in NAMES:
        others = {other: values for other, values in chosen.items() if other != name}
        left = [row for row in series if fits(row, others)]
        expected = defaultdict(list)
        for row in left:
            expected[row[NAMES.index(name)]].append(row)
        assert cube.by_value(name, chosen) == {value: counted(rows) for value, rows in expected.items()}


@given(SERIES, CHOICE)
def test_the_studies_of_a_selection_are_named_once_the_highest_first(series, chosen):
    expected = sorted({row[3] for row in series if fits(row, chosen)}, reverse=True)
    assert cube_of([(*row[:5], 1) for row in series]).latest_studies(chosen).tolist() == expected


def test_an_empty_catalog_counts_nothing():
    cube = cube_of([])
    assert cube.latest_studies({}).tolist() == []
    assert cube.total({"modality": ["CT"]}) == Counts()
    assert cube.by_value("sex", {}) == {}


@pytest.mark.parametrize("size", [2**53 + 1, 2**60 + 1])
def test_bytes_are_counted_exactly(size):
    cube = cube_of([("CT", "F", 1, 1, 1, size), ("CT", "M", 1, 1, 1, 1)])
    assert cube.total({}).size_bytes == size + 1
    assert cube.by_value("modality", {})["CT"].size_bytes == size + 1
