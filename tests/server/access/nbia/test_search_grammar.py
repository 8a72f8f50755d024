"""The grammar of the simple search."""

from datetime import date

import pytest

from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.access.nbia.requests import Parameters
from radcommons.server.access.nbia.search_grammar import Criterion, parse_search


def search(*criteria, **more):
    pairs = list(more.items())
    for index, (name, fields) in enumerate(criteria):
        pairs.append((f"criteriaType{index}", name))
        pairs += [(f"{field}{index}", value) for field, value in fields.items()]
    return parse_search(Parameters.of(pairs))


def test_the_same_criterion_again_is_an_alternative():
    found = search(
        ("ImageModalityCriteria", {"value": "CT"}),
        ("COLLECTIONCRITERIA", {"value": "chest-ct"}),
        ("imagemodalitycriteria", {"value": "MR"}),
    )
    assert found.values == {Criterion.MODALITY: ("CT", "MR"), Criterion.COLLECTION: ("chest-ct",)}


def test_both_names_of_the_body_part_and_of_the_dates_are_understood():
    for name in ("AnatomicalSiteCriteria", "BodyPartExaminedCriteria"):
        assert search((name, {"value": "CHEST"})).values == {Criterion.BODY_PART: ("CHEST",)}
    for name in ("DateRangeCriteria", "Criteria.DateRange"):
        found = search((name, {"fromDate": "01-02-2024", "toDate": "03-04-2024"}))
        assert found.released == (date(2024, 1, 2), date(2024, 3, 4))


def test_unknown_criteria_are_ignored_and_a_gap_ends_the_list():
    found = search(("WeatherCriteria", {"value": "rain"}), ("PatientCriteria", {"value": "S-1, S-2,"}))
    assert found.values == {Criterion.PATIENT: ("S-1", "S-2")}
    gap = parse_search(Parameters.of([("criteriaType1", "PatientCriteria"), ("value1", "S-1")]))
    assert gap.values == {}


def test_a_collection_with_a_comma_is_no_list():
    assert search(("ManufacturerCriteria", {"value": "A, Inc."})).values == {Criterion.MANUFACTURER: ("A, Inc.",)}


def test_ranges_are_numbers_and_ninety_means_and_older():
    found = search(
        ("PatientAgeRangeCriteria", {"from": "18", "to": "90"}), ("SliceThicknessRangeCriteria", {"to": "2.5"})
    )
    assert found.ranges == {Criterion.AGE_RANGE: (18, None), Criterion.SLICE_THICKNESS: (None, 2.5)}
    with pytest.raises(NbiaRefusalError, match="from0 must be a number"):
        search(("PatientAgeRangeCriteria", {"from": "old"}))


def test_the_page_and_the_order_have_defaults_and_limits():
    found = search()
    assert (found.sort_field, found.is_descending, found.start, found.size) == ("subject", False, 0, 10)
    found = search(sortField="Series", sortDirection="Descending", start="20", size="5")
    assert (found.sort_field, found.is_descending, found.start, found.size) == ("series", True, 20, 5)
    for wrong in ({"sortField": "age"}, {"start": "-1"}, {"size": "many"}, {"size": "1" * 12}):
        with pytest.raises(NbiaRefusalError):
            search(**wrong)


def test_a_count_that_is_no_number_counts_nothing():
    assert search(("MinNumberOfStudiesCriteria", {"value": "2"})).number(Criterion.MIN_STUDIES) == 2
    for value in ("two", "²", "9" * 5000):
        assert search(("MinNumberOfStudiesCriteria", {"value": value})).number(Criterion.MIN_STUDIES) == 0
    assert search().number(Criterion.MIN_STUDIES) == 0
