"""The scorer: nothing left behind stays unseen, nothing is counted that is not there, and nothing a tool writes stops it."""

import numpy as np
import pytest
from tests.support.benchmark_objects import NEW_UID, OLD_UID, Trial, made, written

from radcommons.apps.deid_benchmark.generator.make import make_benchmark
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action, Check
from radcommons.apps.deid_benchmark.reading_keys import read_key
from radcommons.apps.deid_benchmark.scoring.score import ScoreOptions, Tally, score_output
from radcommons.dicom.errors import RadCommonsError

NAME = Check(Action.TEXT_REMOVED, "header", "name", "PatientName", "Okonjo^Adaeze", "Okonjo", is_searchable=True)
SHORT = Check(Action.TEXT_REMOVED, "header", "name", "PatientName", "Li^Bo", "Li")
SEX = Check(Action.TEXT_RETAINED, "kept", "", "PatientSex", "F", "F")
DATE = Check(Action.DATE_SHIFTED, "header", "date", "StudyDate", "20200301", "20200301")
UID_GONE = Check(Action.UID_CHANGED, "header", "uid", "SOPInstanceUID", OLD_UID, OLD_UID, is_searchable=True)
UID_SAME = Check(Action.UID_CONSISTENT, "header", "", "SOPInstanceUID", OLD_UID, OLD_UID, target=OLD_UID)


@pytest.fixture
def trial(tmp_path):
    return Trial(tmp_path)


def places(score):
    return [(leak.found_at, leak.text) for leak in score.leaks]


def test_an_untouched_copy_leaks_everything_and_keeps_everything(small_set):
    key = read_key(small_set)

    score = score_output(small_set, small_set / FILES_FOLDER, options=ScoreOptions(processes=2))

    planted = {
        (planted.path, check.text) for planted in key.objects for check in planted.identifying() if check.is_searchable
    }
    seen = {(leak.object_path, leak.text) for leak in score.leaks}
    assert score.found == score.objects == 13
    assert planted - seen == set()
    assert score.retention.share == 1.0
    assert score.actions["uid_changed"].passed == 0
    assert score.actions["date_shifted"].passed == 0
    assert score.actions["pixels_hidden"].passed == 0
    assert score.actions["text_removed"].share < 0.02
    assert score.missing == score.refused == score.unexpected == score.unreadable == []


def test_every_object_of_an_untouched_copy_leaks_at_every_planted_attribute(small_set):
    key = read_key(small_set)
    score = score_output(small_set, small_set / FILES_FOLDER, options=ScoreOptions(processes=2))
    found = {(leak.object_path, leak.found_at, leak.text) for leak in score.leaks}
    inside = {"EncapsulatedDocument", "PixelData"}

    lost = [
        (planted.kind, check.path, check.text)
        for planted in key.objects
        for check in planted.identifying()
        if check.path not in inside and check.text.isascii() and (planted.path, check.path, check.text) not in found
    ]
    assert lost == []


def test_no_output_at_all_is_a_failure_and_no_clean_bill(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze", "PatientSex": "F"}, NAME, SEX)

    score = trial.score()

    assert score.missing == ["0.dcm"]
    assert score.leaks == []
    assert (score.all_actions.passed, score.all_actions.total) == (0, 2)
    assert score.given_out.total == 0


def test_what_may_be_refused_is_counted_apart(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME, may_be_refused=True)

    score = trial.score()

    assert score.refused == ["0.dcm"]
    assert score.missing == []
    assert score.all_actions.total == 0


def test_what_may_be_refused_leaks_when_it_is_passed_on(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME, may_be_refused=True)
    trial.give({"PatientName": "Okonjo^Adaeze"})

    assert places(trial.score()) == [("PatientName", "Okonjo")]


def test_a_name_that_moved_to_another_attribute_is_found_there(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    trial.give({"PatientName": "X", "ImageComments": "was OKONJO before"})

    score = trial.score()

    assert places(score) == [("ImageComments", "Okonjo")]
    assert score.leaks[0].planted_at == "PatientName"
    assert score.actions["text_removed"].passed == 1


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("(preamble)", lambda raw: b"Okonjo".ljust(128, b"\0") + raw[128:]),
        ("(bytes outside any attribute)", lambda raw: raw + b"\xfc\xff\xfc\xff"[:0] + b"\0\0 okonjo"),
    ],
)
def test_a_name_around_the_data_set_is_found(trial, where, change):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    path = trial.give({"PatientName": "X"})
    path.write_bytes(change(path.read_bytes()))

    assert "Okonjo" in [text for _, text in places(trial.score())]
    if where == "(preamble)":
        assert places(trial.score()) == [(where, "Okonjo")]


def test_a_name_in_the_file_name_is_found(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    trial.give({"PatientName": "X"}, name="okonjo/1.dcm")

    assert places(trial.score()) == [("(file name)", "Okonjo")]


def test_a_name_behind_the_last_frame_is_found(trial):
    pixels = np.arange(64, dtype="<u2").reshape(8, 8)
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME, pixels=pixels)
    dataset = made({"SOPInstanceUID": NEW_UID}, pixels=pixels)
    dataset.PixelData = dataset.PixelData + b"Okonjo.."
    written(dataset, trial.output / "0.dcm")

    assert "Okonjo" in [text for _, text in places(trial.score())]


def test_a_name_in_a_private_blob_is_found(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    dataset = made({"SOPInstanceUID": NEW_UID})
    dataset.private_block(0x0029, "CSA", create=True).add_new(0x10, "OB", b"\0\1\2name=Okonjo;\0")
    written(dataset, trial.output / "0.dcm")

    assert places(trial.score()) == [('(0029,"CSA",10)', "Okonjo")]


def test_a_log_beside_the_output_that_names_the_patient_is_a_leak(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    trial.give({"PatientName": "X"})
    (trial.output / "log.txt").write_text("processed Okonjo", "utf-8")

    score = trial.score()

    assert [(leak.file, leak.object_path) for leak in score.leaks] == [("log.txt", "")]
    assert score.unexpected == score.unreadable == ["log.txt"]


def test_the_name_of_another_patient_is_a_leak_too(trial):
    other = Check(
        Action.TEXT_REMOVED, "header", "name", "PatientName", "Vandersteen^C", "Vandersteen", is_searchable=True
    )
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    trial.plant(
        {"PatientName": "Vandersteen^C", "InstanceNumber": "1002", "SOPInstanceUID": OLD_UID + ".2"},
        other,
        instance_number="1002",
    )
    trial.give({"PatientName": "Vandersteen^C"})
    trial.give({"InstanceNumber": "1002", "SOPInstanceUID": "2.25.99"}, name="1.dcm")

    score = trial.score()

    assert [(leak.object_path, leak.file) for leak in score.leaks] == [("1.dcm", "0.dcm")]


@pytest.mark.parametrize(
    ("value", "leaks"), [("Li^Bo", 1), ("LI", 1), ("X Li", 1), ("Clinic^Line", 0), ("", 0), ("SITE-000001", 0)]
)
def test_a_short_name_counts_as_a_whole_word_in_its_own_place_only(trial, value, leaks):
    trial.plant({"PatientName": "Li^Bo"}, SHORT)
    trial.give({"PatientName": value, "StudyDescription": "Li clinic"})

    assert len(trial.score().leaks) == leaks


def test_a_short_name_is_found_in_an_item_that_moved(trial):
    check = Check(Action.TEXT_REMOVED, "nested", "name", "ContentSequence[3].PersonName", "Li^Bo", "Li")
    trial.plant({}, check)
    item = made({}).__class__()
    item.PersonName = "Li^Bo"
    trial.give({"ContentSequence": [item]})

    assert places(trial.score()) == [("ContentSequence[0].PersonName", "Li")]


@pytest.mark.parametrize(("value", "is_leak"), [("20200301", True), ("20190912", False), ("", False)])
def test_a_date_leaks_when_it_stands_where_it_stood(trial, value, is_leak):
    trial.plant({"StudyDate": "20200301"}, DATE)
    trial.give({"StudyDate": value, "SeriesDate": "20200301"})

    score = trial.score()

    assert bool(score.leaks) == is_leak
    assert score.actions["date_shifted"].passed == (not is_leak)


def test_successors_are_found_by_the_map_of_the_tool(trial, tmp_path):
    trial.plant({}, UID_GONE, UID_SAME)
    trial.plant({"SOPInstanceUID": OLD_UID + ".2"}, UID_GONE, instance_number="1001")
    trial.give({"SOPInstanceUID": "2.25.5", "InstanceNumber": "7"})
    (tmp_path / "uids.csv").write_text(f"id_old,id_new\n{OLD_UID},2.25.5\n", "utf-8")

    score = trial.score(uid_map=tmp_path / "uids.csv")

    assert score.matched_by == {"map": 1}
    assert score.actions["uid_consistent"] == Tally(1, 1)
    assert score.missing == ["1.dcm"]


def test_a_map_that_promises_another_uid_fails_consistency(trial, tmp_path):
    trial.plant({}, UID_GONE, UID_SAME)
    trial.give({"SOPInstanceUID": "2.25.6"})
    (tmp_path / "uids.csv").write_text(f"id_old,id_new\n{OLD_UID},2.25.5\n", "utf-8")

    score = trial.score(uid_map=tmp_path / "uids.csv")

    assert score.matched_by == {"instance number": 1}
    assert score.actions["uid_consistent"] == Tally(0, 1)


def test_a_map_with_other_columns_is_refused(trial, tmp_path):
    trial.plant({})
    (tmp_path / "uids.csv").write_text("old;new\n1;2\n", "utf-8")

    with pytest.raises(RadCommonsError) as error:
        trial.score(uid_map=tmp_path / "uids.csv")

    assert error.value.code == "benchmark.bad-map"


def test_successors_are_found_by_their_pictures_when_numbers_are_gone(trial):
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 4000, (64, 64)).astype("<u2") for _ in range(2)]
    trial.plant({}, pixels=pictures[0])
    trial.plant({"SOPInstanceUID": OLD_UID + ".2"}, pixels=pictures[1], instance_number="1002")
    blackened = pictures[1].copy()
    blackened[:16, :16] = 0
    trial.give({"InstanceNumber": None, "SOPInstanceUID": "2.25.1"}, pixels=blackened, name="a.dcm")
    trial.give({"InstanceNumber": None, "SOPInstanceUID": "2.25.2"}, pixels=pictures[0], name="b.dcm")

    score = trial.score()

    assert score.matched_by == {"pixels": 2}
    assert score.missing == []


def test_successors_without_pictures_are_found_by_what_stays(trial):
    for number, part in enumerate(("CHEST", "HEAD")):
        check = Check(Action.TEXT_RETAINED, "kept", "", "BodyPartExamined", part, part)
        trial.plant(
            {"SOPInstanceUID": f"{OLD_UID}.{number}", "BodyPartExamined": part}, check, instance_number=str(number)
        )
    trial.give({"InstanceNumber": None, "BodyPartExamined": "HEAD", "SOPInstanceUID": "2.25.1"})

    score = trial.score()

    assert score.matched_by == {"content": 1}
    assert score.missing == ["0.dcm"]


def test_a_second_file_of_the_same_object_is_unexpected(trial):
    trial.plant({"PatientSex": "F"}, SEX)
    trial.give({"PatientSex": "F"})
    trial.give({"PatientSex": "F", "InstanceNumber": "5", "SOPInstanceUID": "2.25.7"}, name="twice.dcm")

    score = trial.score()

    assert score.found == 1
    assert score.unexpected == ["twice.dcm"]


def test_the_maps_that_were_derived_are_told(trial):
    patient = Check(Action.PATID_CONSISTENT, "header", "", "PatientID", "M1", "M1")
    trial.plant({"PatientID": "M1"}, UID_GONE, UID_SAME, patient)
    trial.give({"PatientID": "SITE-1"})

    score = trial.score()

    assert score.uid_map == {OLD_UID: NEW_UID}
    assert score.patient_map == {"M1": "SITE-1"}


def test_one_patient_under_two_new_numbers_is_inconsistent(trial):
    checks = [Check(Action.PATID_CONSISTENT, "header", "", "PatientID", "M1", "M1")]
    for number in range(3):
        trial.plant(
            {"PatientID": "M1", "SOPInstanceUID": f"{OLD_UID}.{number}"}, *checks, instance_number=f"10{number}"
        )
        new = {"PatientID": "A" if number else "B", "InstanceNumber": f"10{number}", "SOPInstanceUID": f"2.25.{number}"}
        trial.give(new, name=f"{number}.dcm")

    assert trial.score().actions["patid_consistent"] == Tally(2, 3)


HOSTILE = {
    "empty": b"",
    "text": b"no DICOM at all",
    "magic": bytes(128) + b"DICM",
    "random": np.random.default_rng(3).bytes(5000),
    "length": bytes(128) + b"DICM" + b"\x02\0\x10\0UI\xff\xff1.2.840.10008.1.2.1\0",
    "deep": bytes(128) + b"DICM\x02\0\x10\0UI\x14\0001.2.840.10008.1.2.1\0" + b"\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 3000,
    "huge": bytes(128) + b"DICM\x02\0\x10\0UI\x14\0001.2.840.10008.1.2.1\0" + b"\x28\0\x10\0US\x02\0\xff\xff\x28\0\x11\0US\x02\0\xff\xff" + b"\x28\0\x08\0IS\x0a\0002000000000" + b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0abcd",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_output_file_is_counted_and_searched(trial, name):
    trial.plant({"PatientName": "Okonjo^Adaeze", "PatientSex": "F"}, NAME, SEX)
    trial.give({"PatientName": "X", "PatientSex": "F"})
    (trial.output / "evil.dcm").write_bytes(HOSTILE[name] + (b"Okonjo" if name != "empty" else b""))

    score = trial.score()

    assert score.found == 1
    assert score.unexpected + score.unreadable
    assert bool(score.leaks) == (name != "empty")


def test_links_and_folders_in_an_output_are_not_followed(trial):
    trial.plant({"PatientSex": "F"}, SEX)
    trial.give({"PatientSex": "F"})
    (trial.output / "loop").symlink_to(trial.output, target_is_directory=True)
    (trial.output / "link.dcm").symlink_to(trial.originals / "0.dcm")

    score = trial.score()

    assert score.leaks == []
    assert score.unexpected == []


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("nothing here", "benchmark.no-key"),
        ('{"schema": "other"}', "benchmark.bad-key"),
        ('{"cases": 3}', "benchmark.bad-key"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path, key, code):
    (tmp_path / "answer_key.json").write_text(key, "utf-8")

    with pytest.raises(RadCommonsError) as error:
        read_key(tmp_path)

    assert error.value.code == code


def test_a_key_says_the_same_after_it_was_written_and_read(small_set, tmp_path):
    key = read_key(small_set)
    key.write(tmp_path / "copy.json")

    assert read_key(tmp_path / "copy.json") == key


def test_an_output_folder_that_is_not_there_is_refused(small_set, tmp_path):
    with pytest.raises(RadCommonsError) as error:
        score_output(small_set, tmp_path / "nowhere")

    assert error.value.code == "benchmark.no-output"


def test_the_score_can_be_written_as_json(trial):
    trial.plant({"PatientName": "Okonjo^Adaeze"}, NAME)
    trial.give({"PatientName": "Okonjo^Adaeze"})

    written_down = trial.score().to_json()

    assert written_down["leak_count"] == 1
    assert written_down["leaks"][0]["found_at"] == "PatientName"
    assert written_down["all_actions"] == {"passed": 0, "total": 1}


def test_documents_are_searched_in_their_compressed_streams(tmp_path):
    key = make_benchmark(tmp_path / "set", objects=16)
    pdf = next(planted for planted in key.objects if planted.kind == "pdf")

    score = score_output(tmp_path / "set", tmp_path / "set" / FILES_FOLDER, options=ScoreOptions(processes=2))

    streams = {leak.found_at for leak in score.leaks if leak.object_path == pdf.path and "stream" in leak.found_at}
    assert streams == {"EncapsulatedDocument(stream 1)"}
