"""Keyed replacements: consistent, legal, and worth nothing without the key."""

import subprocess
import sys

import pytest

from radcommons.deid.pseudonyms import DateShiftRule, PseudonymKey, normal_patient_id
from radcommons.dicom.uids import is_valid_uid

KEY = PseudonymKey(b"a secret of the hospital, 32 byte")
OTHER = PseudonymKey(b"another secret, also long enough!")


def test_a_short_secret_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        PseudonymKey(b"short")


def test_the_secret_is_not_shown():
    assert "secret" not in repr(KEY)


def test_uids_depend_on_the_key_and_the_original_only():
    assert KEY.map_uid("1.2.3") == PseudonymKey(b"a secret of the hospital, 32 byte").map_uid("1.2.3")
    assert KEY.map_uid("1.2.3") != OTHER.map_uid("1.2.3")
    assert KEY.map_uid("1.2.3") != KEY.map_uid("1.2.4")


def test_replacements_are_made_of_uuids():
    number = int(KEY.map_uid("1.2.3").removeprefix("2.25."))
    assert is_valid_uid(KEY.map_uid("1.2.3"))
    assert f"{number:032x}"[12] == "8"
    assert f"{number:032x}"[16] in "89ab"


def test_spellings_of_one_patient_share_their_shift():
    assert KEY.date_shift_days("MRN-1") == KEY.date_shift_days(" mrn-1\0")
    assert normal_patient_id("  A  b\0") == "a b"


def test_shifts_are_into_the_past_and_spread():
    shifts = {KEY.date_shift_days(f"patient {number}") for number in range(500)}
    assert len(shifts) > 400
    assert all(-3650 <= shift <= -30 for shift in shifts)


def test_tokens_are_short_and_unambiguous():
    token = KEY.token("00181000:SN-1")
    assert len(token) == 10
    assert not set(token) & set("IO01")
    assert token != KEY.token("00181000:SN-2")


def test_derived_bytes_of_different_labels_are_unrelated():
    assert len(KEY.derive("a")) == 32
    assert KEY.derive("a") != KEY.derive("b")


def test_a_project_may_keep_weekdays_and_choose_the_range():
    rule = DateShiftRule(min_days=365, max_days=1460, is_whole_weeks=True)
    key = PseudonymKey(b"sixteen bytes ok" * 2, date_shift=rule)

    shifts = {key.date_shift_days(f"patient {number}") for number in range(500)}

    assert all(shift % 7 == 0 and -1460 <= shift <= -365 for shift in shifts)
    assert len(shifts) > 100


@pytest.mark.parametrize("limits", [(0, 3650), (30, 30), (30, 200), (400, 30), (30, 99_999), (-30, 900)], ids=str)
def test_a_range_that_leaves_little_to_guess_is_refused(limits):
    with pytest.raises(ValueError, match="a year to choose from"):
        DateShiftRule(*limits)


def test_a_million_uids_have_a_million_replacements():
    # 122 free bits: among a million, two share a replacement with a chance of 1e-25.
    assert len({KEY.map_uid(f"1.2.840.113619.2.55.3.{number}") for number in range(1_000_000)}) == 1_000_000


def test_a_replacement_is_the_same_whatever_machine_or_process_makes_it():
    code = (
        "from radcommons.deid.pseudonyms import PseudonymKey;"
        "print(PseudonymKey(b'a secret of the hospital, 32 byte').map_uid('1.2.840.1.2.3'))"
    )

    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()

    assert told == KEY.map_uid("1.2.840.1.2.3") == "2.25.338683330274769861373963192796836835198"
