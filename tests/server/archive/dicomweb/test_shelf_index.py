"""Searching the studies of a version in memory: the same answers as asking each study, and in no time."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.archive.dicomweb.keys import KEYS, Level
from radcommons.server.archive.dicomweb.query import Between, Match, OneOf, Pattern, SearchQuery
from radcommons.server.archive.dicomweb.shelf_index import ShelfIndex, ShelfRow

KEY = {key.keyword: key for key in KEYS}
TEXT = st.text(alphabet="abAB*?_%\\.é", max_size=5)
ROW = st.builds(
    ShelfRow,
    study_date=st.none() | st.dates(date(2019, 12, 30), date(2020, 1, 2)),
    modalities=st.lists(st.sampled_from(["", "CT", "CR", "MR"]), min_size=1, unique=True).map(tuple),
    subject_id=TEXT,
    study_description=TEXT,
    patient_sex=st.sampled_from(["", "F", "M"]),
)
CONDITION = st.one_of(
    st.builds(Match, st.sampled_from([KEY["PatientID"], KEY["StudyDescription"]]), st.builds(Pattern, TEXT)),
    st.builds(
        Match, st.sampled_from([KEY["PatientID"], KEY["StudyDescription"]]), TEXT.map(lambda text: OneOf((text,)))
    ),
    st.builds(Match, st.just(KEY["PatientSex"]), st.sampled_from([OneOf(("F",)), OneOf(("F", "E")), Pattern("?")])),
    st.builds(
        Match,
        st.just(KEY["ModalitiesInStudy"]),
        st.sampled_from([OneOf(("CT",)), OneOf(("CR", "MR")), Pattern("C*"), Pattern("?R"), Pattern("**")]),
    ),
    st.builds(
        Match,
        st.just(KEY["StudyDate"]),
        st.builds(Between, st.none() | st.just(date(2019, 12, 31)), st.none() | st.just(date(2020, 1, 1))),
    ),
)


def fits_pattern(text: str, pattern: str) -> bool:
    pieces = ({"*": ".*", "?": "."}.get(piece, re.escape(piece)) for piece in pattern)
    return re.fullmatch("".join(pieces), text, re.DOTALL) is not None


def fits(row: ShelfRow, match: Match) -> bool:
    """What the standard says, study by study."""
    values = {
        "PatientID": (row.subject_id,),
        "StudyDescription": (row.study_description,),
        "PatientSex": (row.patient_sex,),
        "ModalitiesInStudy": row.modalities,
        "StudyDate": (row.study_date,),
    }[match.key.keyword]
    condition = match.condition
    if isinstance(condition, OneOf):
        return any(value in condition.values for value in values)
    if isinstance(condition, Pattern):
        return any(fits_pattern(value, condition.text) for value in values)
    (day,) = values
    return day is not None and (condition.low or day) <= day <= (condition.high or day)


@given(
    st.lists(ROW, max_size=12),
    st.lists(CONDITION, max_size=3).map(tuple),
    st.integers(0, 5),
    st.integers(0, 13),
)
def test_a_page_is_what_asking_each_study_gives(rows, matches, limit, offset):
    index = ShelfIndex.unpacked(ShelfIndex.of(rows).packed())
    query = SearchQuery(Level.STUDY, matches, limit=limit, offset=offset)
    expected = [place for place, row in enumerate(rows) if all(fits(row, match) for match in matches)]
    assert index.places(query) == expected[offset : offset + limit]


def test_what_the_index_does_not_know_is_left_to_the_database():
    index = ShelfIndex.of([ShelfRow(None, ("CT",), "S", "", "F")])
    unknown = Match(KEY["AccessionNumber"], OneOf(("1",)))
    assert index.places(SearchQuery(Level.STUDY, (unknown,))) is None
    assert index.places(SearchQuery(Level.STUDY)) == [0]


@pytest.mark.parametrize("pattern", ["*a" * 60 + "b", "*?a" * 40 + "b", "?" * 200 + "*" * 50 + "b"])
def test_no_pattern_takes_long(pattern):
    """An expression of the same meaning would try for years."""
    index = ShelfIndex.of([ShelfRow(None, ("CT",), "a" * 250, "", "F")])
    assert index.places(SearchQuery(Level.STUDY, (Match(KEY["PatientID"], Pattern(pattern)),))) == []


def test_a_large_index_takes_a_few_bytes_a_study():
    rows = [ShelfRow(date(2020, 1, 1 + number % 28), ("CT",), f"S-{number}", "CHEST", "F") for number in range(20_000)]
    index = ShelfIndex.of(rows)
    assert index.size_bytes < 150 * len(rows)
    assert len(index.packed()) < 25 * len(rows)
