from datetime import date

import pytest

from radcommons.server.archive.dicomweb.keys import Level
from radcommons.server.archive.dicomweb.query import (
    MAX_RESULTS,
    Between,
    Fuzzy,
    OneOf,
    Pattern,
    SearchQuery,
    parse_search,
)
from radcommons.server.archive.errors import QueryInvalidError


def study_query(*parameters):
    return parse_search(Level.STUDY, parameters)


def condition(name, value, level=Level.STUDY):
    return parse_search(level, [(name, value)]).matches[0].condition


def test_no_parameter_asks_for_everything_up_to_the_limit():
    assert study_query() == SearchQuery(Level.STUDY)


def test_keyword_and_tag_name_the_same_attribute():
    assert (
        study_query(("StudyInstanceUID", "1.2")) == study_query(("0020000D", "1.2")) == study_query(("0020000d", "1.2"))
    )


@pytest.mark.parametrize("text", ["1.2,1.3", "1.2\\1.3", " 1.2 , 1.3 "])
def test_lists_of_identifiers_may_use_comma_or_backslash(text):
    assert condition("StudyInstanceUID", text) == OneOf(("1.2", "1.3"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20200131", Between(date(2020, 1, 31), date(2020, 1, 31))),
        ("20200101-20201231", Between(date(2020, 1, 1), date(2020, 12, 31))),
        ("20200101-", Between(date(2020, 1, 1), None)),
        ("-20201231", Between(None, date(2020, 12, 31))),
    ],
)
def test_dates_are_days_or_ranges_with_open_ends(text, expected):
    assert condition("StudyDate", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", Between("10", "109999.999999")),
        ("101530", Between("101530", "101530.999999")),
        ("08-1130", Between("08", "113099.999999")),
        ("-12", Between(None, "129999.999999")),
    ],
)
def test_times_cover_their_whole_precision(text, expected):
    assert condition("StudyTime", text) == expected


def test_wildcards_are_patterns_and_plain_text_is_literal():
    assert condition("PatientID", "abc*") == Pattern("abc*")
    assert condition("PatientID", "a?c") == Pattern("a?c")
    assert condition("PatientID", "abc") == OneOf(("abc",))


def test_names_are_always_patterns_because_their_case_does_not_count():
    assert condition("PatientName", "doe") == Pattern("doe")


def test_coded_values_may_be_lists():
    assert condition("ModalitiesInStudy", "CT,MR") == OneOf(("CT", "MR"))
    assert condition("ModalitiesInStudy", "CT\\MR") == OneOf(("CT", "MR"))


def test_numbers_are_numbers():
    assert condition("SeriesNumber", "3", Level.SERIES) == OneOf((3,))


@pytest.mark.parametrize("value", ["", "*"])
def test_an_empty_value_matches_everything_and_asks_for_the_attribute(value):
    query = study_query(("StudyDescription", value))
    assert query.matches == ()
    assert "00081030" in query.include


def test_include_fields_may_be_tags_keywords_lists_repeated_and_paths():
    query = study_query(
        ("includefield", "00081030,Modality"), ("includefield", "00080090"), ("includefield", "00081110.00081155")
    )
    assert query.include == {"00081030", "00080060", "00080090", "00081110"}
    assert not query.is_include_all


def test_all_fields_can_be_asked_for():
    assert study_query(("includefield", "all")).is_include_all


def test_limit_and_offset_are_read_and_capped_with_a_warning():
    query = study_query(("limit", "101"), ("offset", "20"))
    assert (query.limit, query.offset, query.warnings) == (101, 20, ())
    capped = study_query(("limit", "1000000"))
    assert capped.limit == MAX_RESULTS
    assert capped.warnings[0].startswith("299 ")


def test_fuzzy_matching_concerns_persons_names_only():
    query = study_query(("PatientName", "mull ann*"), ("PatientID", "A"), ("fuzzymatching", "true"))
    assert [match.condition for match in query.matches] == [Fuzzy(("mull", "ann")), OneOf(("A",))]
    assert query.warnings == ()
    (literal,) = study_query(("PatientName", "mull"), ("fuzzymatching", "false")).matches
    assert literal.condition == Pattern("mull")


def test_flags_that_are_not_supported_are_answered_with_a_warning():
    assert "not supported" in study_query(("emptyvaluematching", "true")).warnings[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoSuchAttribute", "x"),
        ("Modality", "CT"),
        ("00189999", "x"),
        ("StudyInstanceUID", "1.2*"),
        ("StudyInstanceUID", "1.2'; DROP TABLE"),
        ("StudyDate", "2020-01-01"),
        ("StudyDate", "20201340"),
        ("StudyDate", "2020101"),
        ("StudyTime", "late"),
        ("limit", "-1"),
        ("limit", "many"),
        ("offset", "1.5"),
        ("fuzzymatching", "perhaps"),
        ("includefield", "NoSuchAttribute"),
    ],
)
def test_what_cannot_be_understood_is_refused_instead_of_returning_everything(name, value):
    with pytest.raises(QueryInvalidError):
        study_query((name, value))


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(QueryInvalidError):
        study_query(("PatientID", "a"), ("PatientID", "b"))


def test_parameters_of_other_purposes_are_left_alone():
    assert study_query(("accept", "application/json"), ("charset", "utf-8")).matches == ()


def test_series_may_be_searched_by_attributes_of_their_study():
    query = parse_search(Level.SERIES, [("PatientID", "a"), ("Modality", "CT")])
    assert [match.key.keyword for match in query.matches] == ["PatientID", "Modality"]
