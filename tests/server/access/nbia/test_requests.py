"""Parameters of calls: what NBIA takes, what it refuses and with which sentence."""

from datetime import date

import pytest

from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.access.nbia.requests import (
    Parameters,
    check_names,
    check_required,
    parse_day,
)


def parameters(**values):
    return Parameters.of(list(values.items()))


def test_a_list_may_be_repeated_or_joined():
    found = Parameters.of([("list", "1.2,1.3"), ("list", " 1.4 "), ("list", "1.2")])
    assert found.texts("list") == ["1.2", "1.3", "1.4"]


def test_an_empty_value_is_as_good_as_missing():
    found = Parameters.of([("Collection", " "), ("Collection", "chest-ct")])
    assert found.text("Collection") == "chest-ct"
    assert found.text("Modality") == ""
    with pytest.raises(NbiaRefusalError, match=r"A parameter, Modality, is required for this API call\."):
        check_required(found, ("Collection", "Modality"))


@pytest.mark.parametrize("text", ["02-29-2024", "2024/02/29", "2024-02-29", "02/29/2024"])
def test_all_spellings_of_a_date_are_read(text):
    assert parse_day(text, "fromDate") == date(2024, 2, 29)
    assert parameters(Date=text).day("fromDate", "Date") == date(2024, 2, 29)


@pytest.mark.parametrize("text", ["02-30-2024", "yesterday", "20240229"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(NbiaRefusalError, match="Invalid date format for fromDate"):
        parameters(fromDate=text).day("fromDate")
    assert parameters().day("fromDate") is None


def test_a_uid_must_look_like_one():
    assert parameters(SeriesInstanceUID="1.2.3").uid("SeriesInstanceUID") == "1.2.3"
    for text in ("../1.2", "1.2;", "1" * 65):
        with pytest.raises(NbiaRefusalError, match="must be a UID"):
            parameters(SeriesInstanceUID=text).uid("SeriesInstanceUID")


def test_an_unknown_name_is_refused_by_kind():
    with pytest.raises(
        NbiaRefusalError, match=r"Invalid query parameter: 'modality'. Allowed parameters are: \[Modality"
    ):
        check_names(["modality"], ["Modality", "format"], is_form=False)
    with pytest.raises(NbiaRefusalError, match="Invalid form parameter: 'x'"):
        check_names(["list", "x"], ["list"], is_form=True)


@pytest.mark.parametrize(("text", "expected"), [("Yes", True), ("true", True), ("No", False), ("", False)])
def test_a_switch_is_yes_or_true(text, expected):
    assert parameters(NewFileNames=text).is_yes("NewFileNames") is expected


def test_a_text_that_no_database_takes_is_refused():
    with pytest.raises(NbiaRefusalError):
        Parameters.of([("list", "1.2.3"), ("list", "a\0b")])
