from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.archive import rules
from radcommons.server.archive.rules import StoreOutcome

PLACE = rules.Place("ALPHA", "covid19", "S1", "1.2", "1.3")


@pytest.mark.parametrize(
    ("age", "years"),
    [
        ("045Y", 45.0),
        ("006M", 0.5),
        ("010W", 0.192),
        ("001D", 0.003),
        ("", None),
        (None, None),
        ("45", None),
        ("Y", None),
    ],
)
def test_ages_are_years(age, years):
    assert rules.age_in_years(age) == years


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20200229", date(2020, 2, 29)), ("20190229", None), ("", None), (None, None), ("2020-01-01", None)],
)
def test_impossible_dates_are_none(text, expected):
    assert rules.as_date(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("7", 7), (7, 7), (" 7 ", 7), ("1.5", None), (None, None), (10**30, None)]
)
def test_numbers_fit_their_columns(value, expected):
    assert rules.as_integer(value) == expected


def test_counts_are_never_negative_nor_too_large():
    assert (rules.as_count(-1), rules.as_count(0), rules.as_count(2**31)) == (None, 0, None)


def test_lengths_are_finite_and_not_negative():
    values = (1.25, None, float("inf"), float("nan"), -1.0)
    assert [rules.as_length(value) for value in values] == [1.25, None, None, None, None]


def test_text_loses_what_the_database_refuses():
    assert rules.short_text("a\0bcd", 3) == "abc"
    assert rules.short_text(None, 3) == ""


def test_an_identifier_decides_with_its_bytes():
    assert rules.outcome_for("a", known_sha256="a", is_done=False) is StoreOutcome.STORED
    assert rules.outcome_for("a", known_sha256="a", is_done=True) is StoreOutcome.DUPLICATE
    assert rules.outcome_for("a", known_sha256="b", is_done=False) is StoreOutcome.CONFLICT


def test_new_studies_contradict_nothing():
    assert rules.conflicts_of_place(PLACE, study=None, series_study_uid=None) == ()
    assert rules.conflicts_of_place(PLACE, study=("ALPHA", "covid19", "S1"), series_study_uid="1.2") == ()


spans = st.lists(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), min_size=1, max_size=3), max_size=20)


@given(spans)
def test_every_frame_is_found_where_it_was(frames):
    table = rules.frame_table(frames)
    found = [rules.frame_spans(table, index) for index in range(len(frames))]
    assert found == [tuple(fragments) for fragments in frames]
    assert rules.frame_spans(table, len(frames)) == ()
    assert rules.frame_spans(table, -1) == ()


def test_frames_that_follow_each_other_need_three_numbers():
    frames = [[(100 + 50 * index, 50)] for index in range(1000)]
    assert rules.frame_table(frames) == {"offset": 100, "length": 50, "count": 1000}


@pytest.mark.parametrize(("count", "middle"), [(1, 0), (2, 0), (3, 1), (133, 66)])
def test_the_middle_stands_for_a_list(count, middle):
    assert rules.middle_index(count) == middle
