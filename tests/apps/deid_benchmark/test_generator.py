"""The generator: the same bytes for the same seed, every kind and slot, and a key that tells the truth about the files."""

import hashlib
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from radcommons.apps.deid_benchmark.attribute_path import FILE_NAME, META, PIXELS, PREAMBLE, flatten
from radcommons.apps.deid_benchmark.generator.draft import made_uid
from radcommons.apps.deid_benchmark.generator.glyphs import letters, plain
from radcommons.apps.deid_benchmark.generator.kinds import KINDS
from radcommons.apps.deid_benchmark.generator.make import make_benchmark
from radcommons.apps.deid_benchmark.generator.persons import SCRIPTS, make_person
from radcommons.apps.deid_benchmark.generator.plan import GENERATED, KITS, plan
from radcommons.apps.deid_benchmark.generator.slots.table import SHARES, rows
from radcommons.apps.deid_benchmark.generator.slots.texts import LONG_TEMPLATES, SHORT_TEMPLATES, STRANGER, TEMPLATES
from radcommons.apps.deid_benchmark.key import FILES_FOLDER, Action
from radcommons.apps.deid_benchmark.pictures import decoded
from radcommons.apps.deid_benchmark.reading_keys import read_key
from radcommons.apps.deid_benchmark.scoring.stricter import is_legal_uid
from radcommons.dicom.errors import RadCommonsError

SLOTS = {
    "header", "table", "table-text", "table-sequence", "text", "text-unannounced", "nested", "unlisted", "uid-as-text", "private-safe",
    "private-false-safe", "private-unsafe", "private-unknown", "private-binary", "private-sequence", "report", "document", "overlay", "curve",
    "graphics", "file-name", "preamble", "file-meta", "directory", "trailing", "burned-in", "reference", "nested-unlisted", "kept",
}  # fmt: skip


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small_set, tmp_path):
    make_benchmark(tmp_path / "again", seed=5, objects=12)
    make_benchmark(tmp_path / "other", seed=6, objects=12)

    assert digests(small_set) == digests(tmp_path / "again")
    assert not set(digests(small_set).values()) & set(digests(tmp_path / "other").values())


def test_the_usual_set_has_all_kinds_and_slots(whole_set):
    _, key = whole_set
    kinds = {planted.kind for planted in key.objects}

    assert set(KINDS) <= kinds
    assert sum(kind.startswith("file:") for kind in kinds) == 24
    assert len(key.objects) == 65
    assert {check.slot for planted in key.objects for check in planted.checks} >= SLOTS
    assert {line.place for planted in key.objects for line in planted.burned_in} == {"pixels", "overlay", "icon"}


def test_the_usual_set_has_every_transfer_syntax_in_which_files_travel(whole_set):
    _, key = whole_set
    syntaxes = {planted.transfer_syntax_uid for planted in key.objects}

    assert syntaxes >= {
        "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    }  # fmt: skip


def test_a_dozen_objects_carry_every_row_of_the_table_that_can_identify(whole_set):
    _, key = whole_set
    carried = {check.path.partition("[")[0] for planted in key.objects[:GENERATED] for check in planted.checks}
    missing = [row.name for row in rows() if row.name not in carried]

    assert len(rows()) > 480
    assert missing == []
    assert SHARES == 12


def test_what_the_key_says_is_in_the_files(whole_set):
    folder, key = whole_set
    wrong = []
    for planted in key.objects:
        dataset = pydicom.dcmread(folder / FILES_FOLDER / planted.path)
        values = {**flatten(dataset), **flatten(dataset.file_meta, f"{META}.")}
        charset_is_right = "ISO_IR 100" not in str(
            dataset.get("SpecificCharacterSet")
        ) or planted.kind not in _utf8_kinds(key)
        for check in planted.checks:
            if (
                check.path in {PIXELS, FILE_NAME, PREAMBLE, "EncapsulatedDocument"}
                or check.action == Action.TAG_RETAINED
            ):
                continue
            found = values.get(check.path)
            if found is None:
                wrong.append((planted.kind, check.path))
            elif check.text.isascii() and charset_is_right and check.text not in found.text:
                wrong.append((planted.kind, check.path, check.text, found.text))
    assert wrong == []


def _utf8_kinds(key):
    """Objects of real files are written in UTF-8, and one of six of them declares Latin-1."""
    return {planted.kind for planted in key.objects if planted.kind.startswith("file:")}


def test_names_of_files_and_preambles_hold_what_the_key_says(small_set):
    key = read_key(small_set)
    for planted in key.objects:
        content = (small_set / FILES_FOLDER / planted.path).read_bytes()
        for check in planted.checks:
            if check.path == FILE_NAME:
                assert check.text in planted.path
            if check.path == PREAMBLE:
                assert check.text.encode() in content[:128]


def test_every_picture_decodes_and_every_letter_is_in_it(whole_set):
    folder, key = whole_set
    for planted in key.objects:
        if not planted.shape:
            continue
        frames = decoded(pydicom.dcmread(folder / FILES_FOLDER / planted.path))
        assert frames.shape == tuple(planted.shape), planted.kind
        for line in planted.burned_in:
            if line.place != "pixels":
                continue
            left, top, width, height = line.box
            mask = line.mask()
            assert mask.shape == (height, width)
            assert 0.05 < mask.mean() < 0.95
            for index in range(len(frames)) if line.frames is None else line.frames:
                box = frames[index, top : top + height, left : left + width].astype(float).mean(axis=-1)
                assert abs(box[mask].mean() - box[~mask].mean()) > 0.15 * np.ptp(frames[index]), (
                    planted.kind,
                    line.text,
                )


def test_only_the_middle_frames_of_a_run_carry_the_name(whole_set):
    _, key = whole_set
    run = next(planted for planted in key.objects if planted.kind == "xa-multi-frame")

    assert [line.frames for line in run.burned_in if line.place == "pixels"] == [(1, 2)]


def test_some_objects_declare_a_wrong_character_set(whole_set):
    folder, key = whole_set
    wrong = 0
    for planted in key.objects:
        content = (folder / FILES_FOLDER / planted.path).read_bytes()
        name = next((check.value for check in planted.checks if check.path == "PatientName"), "")
        wrong += not name.isascii() and b"ISO_IR 100" in content and name.encode() in content

    assert wrong >= 1


def test_uids_are_legal_and_objects_are_told_apart(whole_set):
    _, key = whole_set
    instances = Counter(planted.sop_instance_uid for planted in key.objects)
    numbers = Counter(planted.instance_number for planted in key.objects if planted.instance_number)

    assert max(instances.values()) == max(numbers.values()) == 1
    assert all(
        is_legal_uid(check.text)
        for planted in key.objects
        for check in planted.checks
        if check.action == Action.UID_CHANGED
    )
    assert len(made_uid("a", 1)) < 60
    assert made_uid("a", 1) != made_uid("a", 2)


def test_references_lead_to_objects_of_the_set(whole_set):
    _, key = whole_set
    known = {planted.sop_instance_uid for planted in key.objects}
    targets = [check.target for planted in key.objects for check in planted.checks if check.target]

    assert set(targets) <= known
    assert len(targets) > len(known)
    assert {planted.kind for planted in key.objects for check in planted.checks if check.slot == "reference"} >= {
        "seg", "rtstruct", "rtplan", "rtdose", "ko", "pr", "sr", "enhanced-ct",
    }  # fmt: skip


def test_only_documents_and_directories_may_be_refused(whole_set):
    _, key = whole_set

    assert {planted.kind for planted in key.objects if planted.may_be_refused} == {"pdf", "private-class", "dicomdir"}


def test_dates_of_one_patient_lie_on_several_days(small_set):
    key = read_key(small_set)
    days = {
        check.text[:8]
        for planted in key.objects
        if planted.patient == 0
        for check in planted.checks
        if check.action == Action.DATE_SHIFTED
    }

    assert len(days) > 10


@pytest.mark.parametrize("ordinal", range(len(SCRIPTS)))
def test_every_script_gives_names_its_character_set_can_write(ordinal):
    person = make_person(3, ordinal)
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = person.charset
    dataset.PatientName = person.person_name

    written = pydicom.filebase.DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(written, dataset)
    read = pydicom.dcmread(pydicom.filebase.DicomBytesIO(written.getvalue()), force=True)

    assert str(read.PatientName) == person.person_name
    assert person == make_person(3, ordinal)
    assert person != make_person(4, ordinal)


def test_names_are_hard_in_every_way_that_was_asked_for():
    names = [family for script in SCRIPTS for family in script.families]

    assert any("-" in name for name in names)
    assert any("'" in name for name in names)
    assert any(len(name) == 2 for name in names)
    assert {"Case", "Hart", "Brown"} <= set(names)
    assert any(name.count("=") == 2 for name in names)
    assert any(not name.isascii() and "=" not in name for name in names)


def test_a_japanese_name_has_three_component_groups():
    person = make_person(1, 3)

    assert person.person_name.count("=") == 2


def test_what_must_stay_of_a_sentence_names_nobody():
    for template in (*TEMPLATES, *LONG_TEMPLATES, *SHORT_TEMPLATES, STRANGER):
        assert template.kept in template.form
        assert "{" not in template.kept


def test_letters_fit_tightly_and_differ():
    first, second = letters("MRN 1", 14), letters("MRN 2", 14)

    assert first.any(axis=0)[[0, -1]].all()
    assert first.any(axis=1)[[0, -1]].all()
    assert first.shape != second.shape or (first != second).any()
    assert plain("Žižkovská Łukasiewicz Đorđević") == "Zizkovska Lukasiewicz Dordevic"


def test_a_plan_takes_kits_then_real_files_then_later_visits():
    orders = list(plan(GENERATED + 30, None))

    assert [order.kind for order in orders[: len(KITS[0])]] == list(KITS[0])
    assert all(order.source is None for order in orders[:GENERATED])
    assert orders[GENERATED].kind == "file:CT_small.dcm"
    assert orders[GENERATED + 24].visit == 2
    assert orders[GENERATED + 24].kind == "ct"


def test_a_folder_of_own_files_is_planted_in_and_oddities_are_left_out(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    for name in ("MR_small.dcm", "rtplan.dcm", "MR_truncated.dcm", "DICOMDIR", "README.txt"):
        found = get_testdata_file(name, download=False)
        (base / name).write_bytes(Path(found).read_bytes())

    key = make_benchmark(tmp_path / "out", objects=GENERATED + 6, base=base)
    planted = [each for each in key.objects if each.kind.startswith("file:")]

    assert {each.kind for each in planted} <= {"file:MR_small.dcm", "file:rtplan.dcm", "file:MR_truncated.dcm"}
    assert {"file:MR_small.dcm", "file:rtplan.dcm"} <= {each.kind for each in planted}


def test_a_folder_that_holds_something_is_not_written_into(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(RadCommonsError, match="empty folder") as error:
        make_benchmark(tmp_path)

    assert error.value.code == "benchmark.out-not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_chance_of_the_process_changes_nothing(tmp_path):
    random.seed(1)
    make_benchmark(tmp_path / "a", objects=2)
    random.seed(2)
    make_benchmark(tmp_path / "b", objects=2)

    assert digests(tmp_path / "a") == digests(tmp_path / "b")
