"""The MIDI-B form: a table that the public script can read, with every value as that script reads it from the file."""

import csv
import json
import sqlite3

import pydicom
import pytest

from radcommons.apps.deid_benchmark.attribute_path import is_outside
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action
from radcommons.apps.deid_benchmark.midi_b import read_map, write_map
from radcommons.apps.deid_benchmark.reading_keys import read_key


@pytest.fixture(scope="module")
def answers(small_set):
    """Every answer of the data base by SOP Instance UID."""
    connection = sqlite3.connect(small_set / "midi_b" / "answer_key.db")
    rows = connection.execute("SELECT SOPInstanceUID, AnswerData FROM answer_data").fetchall()
    connection.close()
    return {uid: list(json.loads(data).values()) for uid, data in rows}


def test_the_table_has_the_columns_of_the_public_script(small_set):
    connection = sqlite3.connect(small_set / "midi_b" / "answer_key.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(answer_data)")]
    identity = connection.execute("SELECT Modality, PatientID, StudyInstanceUID FROM answer_data").fetchone()
    connection.close()

    assert columns == [
        "Modality",
        "SOPClassUID",
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "AnswerData",
    ]
    assert identity[0] == "CT"
    assert not any(value.startswith("<") for value in identity)


def test_every_answer_has_the_fields_of_the_public_script_in_brackets(answers):
    for found in answers.values():
        for answer in found:
            assert set(answer) == {"tag", "tag_ds", "tag_name", "value", "action", "action_text", "answer_category_v2"}
            wrapped = [answer[name] for name in ("tag", "tag_ds", "tag_name", "value", "action", "action_text")]
            assert all(text.startswith("<") and text.endswith(">") for text in wrapped)
            assert {"category", "subcategory"} <= set(answer["answer_category_v2"])


def test_all_ten_actions_are_there(answers):
    found = {answer["action"].strip("<>") for each in answers.values() for answer in each}

    assert found == {action.value for action in Action}


def test_the_directory_and_what_lies_around_the_data_set_have_no_answer(small_set, answers):
    key = read_key(small_set)
    expected = {
        planted.sop_instance_uid: sum(not is_outside(check.path) for check in planted.checks)
        for planted in key.objects
        if planted.study_instance_uid
    }

    assert {uid: len(found) for uid, found in answers.items()} == expected


def indexed(dataset, label="", depth=0):
    """The values of a data set as the public script names and reads them, which writes tags in small letters."""
    values = {}
    for element in dataset:
        plain = str(element.tag).replace(", ", ",").lower()
        if element.tag.is_private and element.private_creator:
            plain = f'({plain[1:5]},"{str(element.private_creator).upper()}",{plain[8:10]})'
        path = f"{label}<{plain}>" if depth else f"<{plain}>"
        values[path] = f"<{str(element.value).strip()}>" if element.value is not None else "<>"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                values.update(indexed(item, f"{path}[<{number:04d}>]", depth + 1))
    return values


def test_every_value_is_where_and_what_the_public_script_will_read(small_set, answers):
    key, wrong = read_key(small_set), []
    for planted in key.objects:
        if not planted.study_instance_uid:
            continue
        values = indexed(pydicom.dcmread(small_set / FILES_FOLDER / planted.path))
        for answer in answers[planted.sop_instance_uid]:
            if answer["action"] in {"<pixels_hidden>", "<pixels_retained>"}:
                continue
            found = values.get(answer["tag_ds"])
            text = answer["action_text"].strip("<>")
            # A wrong character set is read wrongly by that script too.
            if found is None or (text.isascii() and text not in found):
                wrong.append((planted.kind, answer["tag_ds"], answer["action_text"], found))
    assert wrong == []


def test_the_rows_are_the_same_as_csv(small_set, answers):
    with (small_set / "midi_b" / "answer_key.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    assert len(rows) == sum(map(len, answers.values()))
    assert {row["action"] for row in rows} == {f"<{action.value}>" for action in Action}


def test_maps_are_written_and_read_as_participants_hand_them_in(tmp_path):
    pairs = {"1.2.3": "2.25.7", "M,1": "SITE-1"}
    write_map(tmp_path / "map.csv", pairs)

    assert (tmp_path / "map.csv").read_text("utf-8").splitlines()[0] == "id_old,id_new"
    assert read_map(tmp_path / "map.csv") == pairs
