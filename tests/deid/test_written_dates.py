"""Moving dates that people wrote into texts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.written_dates import DateReading, shift_written_date

FORTY_DAYS = DateReading(-40)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("31.01.2020", "22.12.2019"),
        ("20191224", "20191114"),
        ("Jan 5, 2020", "Nov 26, 2019"),
        ("5 January 2020", "26 November 2019"),
        ("05-MAR-2020", "25-JAN-2020"),
        ("August 3rd, 2019", "June 24, 2019"),
        ("13/04/2020", "04/03/2020"),
        ("04/13/20", "03/04/20"),
        ("3.3.20", "23.1.20"),
        ("2020-03-01", "2020-01-21"),
        ("3. März 2020", "23. Januar 2020"),
        ("12 de enero de 2020", "3 de diciembre de 2019"),
        ("1 août 2021", "22 juin 2021"),
        ("März 2020", "Februar 2020"),
    ],
)
def test_a_date_moves_in_the_form_in_which_it_stands(text, moved):
    assert shift_written_date(text, FORTY_DAYS) == moved


@pytest.mark.parametrize(
    "text", ["1.2.3.20200301", "v12.3.2020.5", "L1-2-20", "5 mm 2020", "20201350", "T2 12345678", "31.02.2020", ""]
)
def test_what_is_no_date_is_not_understood(text):
    assert shift_written_date(text, FORTY_DAYS) is None


def test_the_dates_of_the_study_tell_how_two_small_numbers_are_read():
    as_april = shift_written_date("03/04/2020", FORTY_DAYS)
    as_march = shift_written_date("03/04/2020", DateReading(-40, known={date(2020, 3, 4)}))

    assert as_april == "23/02/2020"
    assert as_march == "01/24/2020"
    assert shift_written_date("03/04/2020", DateReading(-40, is_month_first=True)) == "01/24/2020"
    assert shift_written_date("03.04.2020", DateReading(-40, is_month_first=True)) == "23.02.2020"


def test_a_text_that_is_more_than_a_date_is_none():
    assert shift_written_date("seen 03.04.2020", FORTY_DAYS) is None
    assert shift_written_date(" 03.04.2020 ", FORTY_DAYS) == "23.02.2020"


@given(
    st.dates(min_value=date(1920, 1, 1), max_value=date(2099, 12, 31)),
    st.integers(min_value=-3650, max_value=-1),
    st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%d %B %Y", "%b %d, %Y", "%Y/%m/%d"]),
)
def test_every_date_moves_by_the_same_days_however_it_is_written(day, days, form):
    moved = shift_written_date(f"{day:{form}}", DateReading(days))

    expected = day + timedelta(days=days)
    written = f"{expected:{form}}"
    assert moved is not None
    if "%b" in form and "May" in f"{day:%b}":
        written = f"{expected:{form.replace('%b', '%B')}}"  # nothing tells whether May is a whole name
    assert f" {moved}".replace(" 0", " ") == f" {written}".replace(" 0", " ")


@pytest.mark.parametrize(("text", "moved"), [("12/03/31", "31/01/31"), ("03/12/31", "01/31/31")])
def test_two_digits_of_a_year_are_read_in_the_century_of_a_known_date(text, moved):
    assert shift_written_date(text, DateReading(-40, known={date(1931, 3, 12), date(2020, 4, 15)})) == moved
    assert shift_written_date("12/03/31", DateReading(-40, known={date(2031, 12, 3)})) == "10/24/31"


@given(st.text(max_size=60), st.integers(min_value=-36500, max_value=-1))
def test_no_text_breaks_it(text, days):
    assert isinstance(shift_written_date(text, DateReading(days)), str | None)
