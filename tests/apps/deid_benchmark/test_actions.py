"""The ten actions as the public MIDI-B script judges them, loop-holes and all; and the five that have none."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.support.benchmark_objects import NEW_UID, OLD_UID, Trial

from radcommons.apps.deid_benchmark.attribute_path import Value
from radcommons.apps.deid_benchmark.key import Action, Check
from radcommons.apps.deid_benchmark.scoring.actions import is_passed, is_removed, is_retained
from radcommons.apps.deid_benchmark.scoring.looking import Looked
from radcommons.apps.deid_benchmark.scoring.score import Tally
from radcommons.apps.deid_benchmark.scoring.stricter import date_of, is_legal_uid


def judged(action, found, *, text="", uids=None, patients=None):
    values = {} if found is None else {"X": Value("LO", found)}
    output = Looked("a.dcm", "", is_dicom=True, values=values, pixels_md5="d41d")
    return is_passed(Check(action, "s", "k", "X", text, text), output, uids=uids or {}, patients=patients or {})


@pytest.mark.parametrize(
    ("action", "text", "found", "passes"),
    [
        (Action.TAG_RETAINED, "", "", True),
        (Action.TAG_RETAINED, "", None, False),
        (Action.TEXT_NOTNULL, "", "x", True),
        (Action.TEXT_NOTNULL, "", "", False),
        (Action.TEXT_NOTNULL, "", None, False),
        (Action.TEXT_RETAINED, "Chest pain", "chest pain, seen", True),
        (Action.TEXT_RETAINED, "Chest pain", "pain in the chest", True),
        (Action.TEXT_RETAINED, "Chest pain", "chest", False),
        (Action.TEXT_RETAINED, "Chest pain", None, False),
        (Action.TEXT_RETAINED, "2.50", "2.5", True),
        (Action.TEXT_REMOVED, "Okonjo", "OKONJO here", False),
        (Action.TEXT_REMOVED, "Okonjo", "nobody", True),
        (Action.TEXT_REMOVED, "Okonjo", None, True),
        (Action.TEXT_REMOVED, "Adaeze Okonjo", "Adaeze", False),
        (Action.TEXT_REMOVED, "Li", "clinic", False),
        (Action.TEXT_REMOVED, "12", "12.0", False),
        (Action.DATE_SHIFTED, "20200301", "20190101", True),
        (Action.DATE_SHIFTED, "20200301", None, True),
        (Action.DATE_SHIFTED, "20200301", "20200301101500", False),
        (Action.UID_CHANGED, "1.2.3", "2.25.7", True),
        (Action.UID_CHANGED, "1.2.3", "1.2.3", False),
        (Action.UID_CHANGED, "1.2.3", None, True),
        (Action.UID_CONSISTENT, "1.2.3", None, True),
        (Action.UID_CONSISTENT, "1.2.3", "2.25.9", True),
        (Action.UID_CONSISTENT, "1.2.3", "2.25.8", False),
        (Action.PATID_CONSISTENT, "M1", "P1", True),
        (Action.PATID_CONSISTENT, "M1", "P2", False),
        (Action.PATID_CONSISTENT, "M2", "P1", False),
        (Action.PIXELS_RETAINED, "d41d", None, True),
        (Action.PIXELS_RETAINED, "ffff", None, False),
    ],
)
def test_an_action_passes_as_the_public_script_says(action, text, found, passes):
    assert judged(action, found, text=text, uids={"1.2.3": "2.25.9"}, patients={"M1": "P1"}) is passes


def test_stop_words_and_punctuation_do_not_count():
    assert is_retained("consolidation lobe", "Consolidation of the lobe.")
    assert is_removed("the of and", "The Okonjo and")


def test_hidden_writing_is_not_judged_by_words():
    with pytest.raises(ValueError, match="letters"):
        judged(Action.PIXELS_HIDDEN, "x")


@pytest.mark.parametrize(
    ("uid", "is_legal"),
    [
        ("1.2.840.10008.1.2", True),
        ("2.25.329800735698586629295641978511506172918", True),
        ("2.999.1", True),
        ("0.39.1", True),
        ("0.40.1", False),
        ("1.40.1", False),
        ("9999.1.2", False),
        ("3.1.2", False),
        ("1.2.03.4", False),
        ("1.2.", False),
        ("1", False),
        ("", False),
        ("1.2.a", False),
        ("1.2." + "3" * 61, False),
        ("1.2." + "3" * 60, True),
    ],
)
def test_a_uid_is_legal_by_its_arcs_zeroes_and_length(uid, is_legal):
    assert is_legal_uid(uid) is is_legal


@pytest.mark.parametrize(
    ("text", "is_real"),
    [
        ("20200229", True),
        ("20210229", False),
        ("00010101", False),
        ("21010101", False),
        ("19000101", True),
        ("20200301101530.25+0100", True),
        ("2020", False),
        ("", False),
        ("REMOVED", False),
    ],
)
def test_a_date_is_a_day_of_the_calendar_of_our_times(text, is_real):
    assert (date_of(text) is not None) is is_real


def date_check(keyword, value):
    return Check(Action.DATE_SHIFTED, "header", "date", keyword, value, value)


@pytest.fixture
def trial(tmp_path):
    return Trial(tmp_path)


def test_dates_of_a_patient_have_to_move_by_the_same_days(trial):
    checks = [
        date_check("StudyDate", "20200310"),
        date_check("SeriesDate", "20200312"),
        date_check("ContentDate", "20200320"),
    ]
    trial.plant({"StudyDate": "20200310", "SeriesDate": "20200312", "ContentDate": "20200320"}, *checks)
    trial.give({"StudyDate": "20200210", "SeriesDate": "20200212", "ContentDate": "20200221"})

    score = trial.score()

    assert score.actions["date_shifted"] == Tally(3, 3)
    assert score.stricter["date_interval_kept"] == Tally(2, 3)
    assert [failure.path for failure in score.failures] == ["ContentDate"]


def test_a_deleted_or_impossible_date_passes_midi_b_and_fails_here(trial):
    checks = [
        date_check("StudyDate", "20200310"),
        date_check("SeriesDate", "20200310"),
        date_check("ContentDate", "20200310"),
    ]
    trial.plant({"StudyDate": "20200310", "SeriesDate": "20200310", "ContentDate": "20200310"}, *checks)
    trial.give({"StudyDate": "20190310", "SeriesDate": "00010101"})

    score = trial.score()

    assert score.actions["date_shifted"] == Tally(3, 3)
    assert score.stricter["date_interval_kept"] == Tally(1, 3)
    assert score.stricter["date_in_range"] == Tally(1, 3)


def test_two_patients_may_move_by_different_days(trial):
    for number in range(2):
        trial.plant(
            {"StudyDate": "20200310", "SOPInstanceUID": f"{OLD_UID}.{number}"},
            date_check("StudyDate", "20200310"),
            instance_number=f"10{number}",
            patient=number,
        )
        new = {"StudyDate": f"201{number}0101", "InstanceNumber": f"10{number}", "SOPInstanceUID": f"2.25.{number}"}
        trial.give(new, name=f"{number}.dcm")

    assert trial.score().stricter["date_interval_kept"] == Tally(2, 2)


def test_a_date_in_a_sentence_is_not_asked_for_its_interval(trial):
    check = Check(Action.DATE_SHIFTED, "text", "date", "ImageComments", "10.03.2020", "10.03.2020")
    trial.plant({"ImageComments": "seen 10.03.2020"}, check)
    trial.give({"ImageComments": "seen"})

    score = trial.score()

    assert score.actions["date_shifted"] == Tally(1, 1)
    assert "date_interval_kept" not in score.stricter


def uid_checks(path, uid, target=""):
    return (
        Check(Action.UID_CHANGED, "reference", "uid", path, uid, uid, is_searchable=True),
        Check(Action.UID_CONSISTENT, "reference", "", path, uid, uid, target=target),
    )


def referring(uid):
    item = Dataset()
    item.ReferencedSOPInstanceUID = uid
    return {"SourceImageSequence": Sequence([item])}


REFERENCE = "SourceImageSequence[0].ReferencedSOPInstanceUID"


@pytest.mark.parametrize(("new", "passed"), [("2.25.1", 1), ("2.25.77", 0)])
def test_a_reference_has_to_lead_to_the_successor(trial, new, passed):
    target = OLD_UID + ".1"
    trial.plant({"SOPInstanceUID": target}, *uid_checks("SOPInstanceUID", target))
    trial.plant(referring(target), *uid_checks(REFERENCE, target, target), instance_number="1002")
    trial.give({"SOPInstanceUID": "2.25.1"})
    trial.give({"InstanceNumber": "1002", "SOPInstanceUID": "2.25.2", **referring(new)}, name="1.dcm")

    assert trial.score().stricter["reference_integrity"] == Tally(passed, 1)


def test_a_reference_to_what_was_rightly_refused_is_not_asked_for(trial):
    target = OLD_UID + ".1"
    trial.plant({"SOPInstanceUID": target}, may_be_refused=True)
    trial.plant(referring(target), *uid_checks(REFERENCE, target, target), instance_number="1002")
    trial.give({"InstanceNumber": "1002", **referring("2.25.5")})

    assert "reference_integrity" not in trial.score().stricter


def test_an_absent_uid_passes_midi_b_and_is_not_legal_here(trial):
    trial.plant({"FrameOfReferenceUID": "1.2.3.4"}, *uid_checks("FrameOfReferenceUID", "1.2.3.4"))
    trial.give({})

    score = trial.score()

    assert score.actions["uid_consistent"] == Tally(1, 1)
    assert score.stricter["uid_legal"] == Tally(0, 1)


@pytest.mark.parametrize(("second", "passed"), [({"PatientSex": "F"}, 1), ({"PatientSex": "M"}, 0), (None, 0)])
def test_the_same_input_has_to_give_the_same_bytes(trial, tmp_path, second, passed):
    trial.plant({"PatientSex": "F"})
    trial.give({"PatientSex": "F"})
    (tmp_path / "again").mkdir()
    if second is not None:
        again = Trial(tmp_path / "other", trial.key)
        again.give(second).rename(tmp_path / "again" / "x.dcm")

    score = trial.score(second=tmp_path / "again")

    assert score.stricter["idempotent"] == Tally(passed, 1)
    assert NEW_UID == "2.25.1234567890"
