"""The key in the form of the public MIDI-B validation script: SQLite table ``answer_data``, and the same rows as CSV.

The script is a reference to run, not to copy: it carries no licence. What is written here are facts of its file formats.
"""

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataset import Dataset

from radcommons.apps.deid_benchmark.attribute_path import PIXELS, is_outside, midi_path, midi_tag, walk
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action, AnswerKey, Check, PlantedObject

FOLDER = "midi_b"
_COLUMNS = (
    "Modality",
    "SOPClassUID",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "AnswerData",
)
_IDENTITY = ("tag", "tag_ds", "tag_name", "value", "action", "action_text", "answer_category")
# Category, subcategory: which rule asks for an action.
_RULES = {
    Action.TEXT_REMOVED: ("HIPAA", "HIPAA-A"),
    Action.DATE_SHIFTED: ("HIPAA", "HIPAA-C"),
    Action.UID_CHANGED: ("HIPAA", "HIPAA-R"),
    Action.PIXELS_HIDDEN: ("HIPAA", "HIPAA-A"),
    Action.PATID_CONSISTENT: ("DICOM", "DICOM-P15-BASIC"),
    Action.UID_CONSISTENT: ("DICOM", "DICOM-P15-BASIC"),
    Action.TAG_RETAINED: ("DICOM", "DICOM-IOD-2"),
    Action.TEXT_NOTNULL: ("DICOM", "DICOM-IOD-1"),
    Action.TEXT_RETAINED: ("Best Practice", "TCIA-P15-REV"),
    Action.PIXELS_RETAINED: ("DICOM", "DICOM-IOD-1"),
}
_SPLIT = {"private-safe": ("Best Practice", "TCIA-PTKB-K")}


def write_midi_b(key: AnswerKey, out: Path) -> None:
    """Write ``midi_b/answer_key.db`` and ``midi_b/answer_key.csv`` below a benchmark folder."""
    folder = out / FOLDER
    folder.mkdir()
    rows = list(_instances(key, out))
    connection = sqlite3.connect(folder / "answer_key.db")
    with connection:
        connection.execute(f"CREATE TABLE answer_data ({', '.join(f'{name} TEXT' for name in _COLUMNS)})")
        connection.executemany(
            f"INSERT INTO answer_data VALUES ({', '.join('?' * len(_COLUMNS))})",  # noqa: S608  fixed names
            ((*identity, json.dumps(dict(enumerate(answers)), ensure_ascii=False)) for identity, answers in rows),
        )
    connection.close()
    with (folder / "answer_key.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow((*_COLUMNS[:-1], *_IDENTITY))
        for identity, answers in rows:
            for answer in answers:
                category = json.dumps(answer["answer_category_v2"])
                writer.writerow((*identity, *(answer[name] for name in _IDENTITY[:-1]), category))


def write_map(path: Path, pairs: dict[str, str]) -> None:
    """Write what a participant hands in: ``id_old,id_new``."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("id_old", "id_new"))
        writer.writerows(sorted(pairs.items()))


def read_map(path: Path) -> dict[str, str]:
    """Read what a participant hands in.

    Raises
    ------
    KeyError
        When the columns are others.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {row["id_old"]: row["id_new"] for row in csv.DictReader(stream)}


def _instances(key: AnswerKey, out: Path) -> Iterator[tuple[tuple[str, ...], list[dict[str, object]]]]:
    for planted in key.objects:
        if not planted.study_instance_uid:
            continue
        values = _values(pydicom.dcmread(out / FILES_FOLDER / planted.path))
        identity = (
            *(planted.modality, planted.sop_class_uid, planted.patient_id),
            *(planted.study_instance_uid, planted.series_instance_uid, planted.sop_instance_uid),
        )
        yield identity, [_answer(check, values, planted) for check in planted.checks if not is_outside(check.path)]


def _values(dataset: Dataset) -> dict[str, str]:
    """Every value as the script reads it: the text of the Python value."""
    return {path: str(element.value).strip() for path, element in walk(dataset) if path != PIXELS}


def _answer(check: Check, values: dict[str, str], planted: PlantedObject) -> dict[str, object]:
    value = values.get(check.path, check.value)
    text = check.text
    if check.action == Action.DATE_SHIFTED:
        value = check.text
    elif check.action == Action.TEXT_RETAINED and check.text == check.value:
        text = value
    elif check.action in {Action.UID_CHANGED, Action.UID_CONSISTENT}:
        value = check.text
    name = check.path.rpartition(".")[2].partition("[")[0]
    category, subcategory = _SPLIT.get(check.slot, _RULES[Action(check.action)])
    return {
        "tag": midi_tag(check.path),
        "tag_ds": midi_path(check.path),
        "tag_name": f"<{dictionary_description(name) if tag_for_keyword(name) else 'Unknown'}>",
        "value": f"<{value}>",
        "action": f"<{check.action}>",
        "action_text": f"<{text}>",
        "answer_category_v2": {"category": category, "subcategory": subcategory, "scope": planted.kind},
    }
