"""Replacements hold for every input, not only for the ones we thought of."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.dates import shift_date, shift_datetime
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.uids import is_valid_uid

secrets = st.binary(min_size=16, max_size=64)
dates = st.dates(min_value=date(1911, 1, 1), max_value=date(2100, 12, 31))
shifts = st.integers(min_value=-3650, max_value=-30)


def _da(day):
    return f"{day:%Y%m%d}"


@given(secrets, st.text(max_size=80))
def test_every_replacement_is_a_legal_uid_under_2_25(secret, uid):
    new = PseudonymKey(secret).map_uid(uid)
    assert new.startswith("2.25.")
    assert is_valid_uid(new)
    assert len(new) <= 44


@given(secrets, st.sets(st.text(alphabet="0123456789.", min_size=1, max_size=64), min_size=2, max_size=50))
def test_different_uids_never_share_a_replacement(secret, uids):
    key = PseudonymKey(secret)
    assert len({key.map_uid(uid) for uid in uids}) == len(uids)


@given(secrets, st.text(max_size=40))
def test_a_shift_is_stable_and_always_into_the_past(secret, patient):
    shift = PseudonymKey(secret).date_shift_days(patient)
    assert shift == PseudonymKey(secret).date_shift_days(f" {patient.upper().lower()} ") or not patient.isascii()
    assert -3650 <= shift <= -30


@given(dates, dates, shifts)
def test_intervals_between_dates_stay(first, second, days):
    moved = [shift_date(_da(day), days) for day in (first, second)]
    parsed = [date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in moved]
    assert parsed[1] - parsed[0] == second - first
    assert parsed[0] - first == timedelta(days=days)


@given(dates, st.times(), shifts)
def test_the_time_of_day_stays(day, time, days):
    text = f"{day:%Y%m%d}{time:%H%M%S.%f}"
    moved = shift_datetime(text, days)
    assert moved[8:] == text[8:]
    assert moved[:8] == shift_date(_da(day), days)


@given(st.text(max_size=30), shifts)
def test_any_text_is_moved_or_refused_but_never_crashes(text, days):
    for move in (shift_date, shift_datetime):
        assert move(text, days) is None or len(move(text, days)) >= 4
