"""Age groups, selections in addresses, and which counts may be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.server.catalog.rules import COHORT_NAME, FACETS, CatalogQuery, age_group, disclosed


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (None, "not stated"),
        (-1.0, "not stated"),
        (0.0, "0–17"),
        (17.99, "0–17"),
        (18.0, "18–29"),
        (89.9, "80–89"),
        (90.0, "90 and over"),
        (104.0, "90 and over"),
    ],
)
def test_every_age_has_one_group(age, group):
    assert age_group(age) == group


def test_a_selection_survives_its_address_and_ignores_what_it_does_not_know():
    query = CatalogQuery.from_lists({"modality": ["CT", "CR", "CT"], "sex": [], "page": ["2"]})
    assert query == CatalogQuery(modality=("CR", "CT"))
    assert CatalogQuery.from_lists(query.to_lists()) == query


def test_every_field_of_a_selection_is_a_facet():
    assert set(CatalogQuery.__slots__) == set(FACETS)


@pytest.mark.parametrize("name", ["", "a", "-a", "a b", "a/b", "ä1", "a" * 101, "a\n"])
def test_names_that_would_break_addresses_are_no_cohort_names(name):
    assert not COHORT_NAME.fullmatch(name)


def test_enough_people_everywhere_are_told_as_they_are():
    assert disclosed({"CT": 50, "CR": 5, "MR": 0}, threshold=5) == {"CT": 50, "CR": 5, "MR": 0}


def test_a_single_small_count_takes_the_next_with_it():
    assert disclosed({"F": 50, "M": 20, "O": 1}, threshold=5) == {"F": 50, "M": None, "O": None}


def test_small_counts_that_are_few_together_take_another_with_them():
    assert disclosed({"a": 1, "b": 1, "c": 9, "d": 40}, threshold=5) == {"a": None, "b": None, "c": None, "d": 40}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 40), max_size=8), st.integers(1, 10))
def test_whoever_knows_the_total_cannot_work_out_a_small_count(counts, threshold):
    told = disclosed(counts, threshold=threshold)
    hidden = [counts[name] for name, number in told.items() if number is None]
    assert all(number is None or number == 0 or number >= threshold for number in told.values())
    assert all(told[name] == number for name, number in counts.items() if told[name] is not None)
    if hidden and len(hidden) < sum(number > 0 for number in counts.values()):
        assert len(hidden) >= 2
        assert sum(hidden) >= threshold
