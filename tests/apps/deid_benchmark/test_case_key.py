"""Keys of cases: read as ours, and the shared synthetic set scored with our own engine."""

import json

import pytest

from radcommons.apps.deid_benchmark.case_key import describe_from_files, from_cases
from radcommons.apps.deid_benchmark.key import Action
from radcommons.apps.deid_benchmark.reading_keys import read_key
from radcommons.apps.deid_benchmark.scoring.score import ScoreOptions, score_key
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import init_home


def entry(path, value, *, action="remove", vr="LO", kind="id", tag="(0010,0020)"):
    return {"path": path, "tag": tag, "vr": vr, "value": value, "type": kind, "action": action}


def case(*phi, file="a.dcm", burned_in=(), keep=None, **about):
    return {"file": file, "phi": list(phi), "burned_in": list(burned_in), "keep": keep or {}, "note": "", **about}


def checks_of(*phi, **about):
    return from_cases({"cases": [case(*phi, **about)]}).objects[0].checks


def actions(checks):
    return [(check.action, check.path, check.text) for check in checks]


def test_each_advice_becomes_an_action():
    checks = checks_of(
        entry("PatientID", "M-0048213", action="replace"),
        entry("StudyDate", "20200414", action="shift", vr="DA", kind="date"),
        entry("StudyInstanceUID", "1.2.3.4.5", action="remap", vr="UI", kind="uid"),
        entry("ProtocolName", "Chest AP", action="keep", kind="free text"),
        keep={"Modality": "DX", "PixelSpacing": "[0.6, 0.6]"},
    )

    assert actions(checks) == [
        (Action.TEXT_REMOVED, "PatientID", "M-0048213"),
        (Action.DATE_SHIFTED, "StudyDate", "20200414"),
        (Action.UID_CHANGED, "StudyInstanceUID", "1.2.3.4.5"),
        (Action.UID_CONSISTENT, "StudyInstanceUID", "1.2.3.4.5"),
        (Action.TEXT_RETAINED, "ProtocolName", "Chest AP"),
        (Action.TEXT_RETAINED, "Modality", "DX"),
        (Action.TEXT_RETAINED, "PixelSpacing", "0.6\\0.6"),
    ]


def test_every_part_of_a_name_has_to_go():
    checks = checks_of(entry("PatientName", "Yamada^Tarou=山田^太郎", vr="PN", kind="name"))

    assert [check.text for check in checks] == ["Yamada", "Tarou", "山田", "太郎"]


def test_of_a_sentence_go_what_the_key_names_elsewhere_and_what_looks_like_a_number():
    sentence = "Pt Okonkwo, DOB 3 Nov 1956, MRN 0048213, tel 555-0142, a.o@example.org, repeat AP 2020-04-12"
    checks = checks_of(
        entry("PatientName", "Okonkwo^Adaeze", vr="PN", kind="name"),
        entry("PatientID", "MRN-0048213", action="replace"),
        entry("ImageComments", sentence, action="clean", vr="LT", kind="free text"),
    )
    removed = {check.text for check in checks if check.path == "ImageComments"}

    assert {"Okonkwo", "0048213", "555-0142", "a.o@example.org", "2020-04-12"} <= removed
    assert not any("repeat" in text for text in removed)


def test_private_attributes_are_named_by_their_creator():
    checks = checks_of(entry("private ACME PACS 1.1", "Marchetti, Luca", tag="(0009,1010)"))

    assert checks[0].path == '(0009,"ACME PACS 1.1",10)'


def test_several_values_are_several_identifiers():
    checks = checks_of(entry("OtherPatientIDs", "['X99-1', 'OLD-3321']"))

    assert [check.text for check in checks] == ["X99-1", "OLD-3321"]


def test_file_names_and_preambles_that_name_somebody_are_asked_for():
    name = entry("PatientName", "Okonkwo^Adaeze", vr="PN", kind="name")
    checks = checks_of(name, file="09_OKONKWO_X.dcm", file_name_is_phi=True, preamble_is_phi=True)

    assert {(check.path, check.text) for check in checks} >= {("(file name)", "OKONKWO"), ("(preamble)", "OKONKWO")}


def test_writing_becomes_boxes_and_markers_are_told_apart():
    lines = [
        {"frame": 2, "box": [4, 6, 131, 22], "text": "MARCHETTI", "where": "pixels"},
        {"frame": 0, "box": [484, 4, 506, 38], "text": "L", "where": "pixels", "phi": False},
        {"frame": 0, "box": [10, 10, 170, 30], "text": "ADAEZE", "where": "overlay 6000"},
        {"frame": 0, "box": [1, 1, 50, 12], "text": "OKONKWO", "where": "IconImageSequence"},
    ]
    found = from_cases({"cases": [case(burned_in=lines)]}).objects[0]

    assert [(line.place, line.box, line.kind) for line in found.burned_in] == [
        ("pixels", (4, 6, 127, 16), "text"),
        ("pixels", (484, 4, 22, 34), "marker"),
        ("overlay", (10, 10, 160, 20), "text"),
        ("icon", (1, 1, 49, 11), "text"),
    ]
    assert found.burned_in[0].frames == (2,)
    assert [check.text for check in found.checks if check.action == Action.PIXELS_HIDDEN] == ["MARCHETTI"]


@pytest.mark.parametrize(("action", "may"), [("reject or remove", True), ("remove", False)])
def test_documents_may_be_refused_when_the_key_says_so(action, may):
    key = from_cases({"cases": [case(entry("EncapsulatedDocument", "Patient: A", action=action, vr="OB"))]})

    assert key.objects[0].may_be_refused is may


def test_two_spellings_of_a_patient_are_one():
    cases = [
        case(entry("PatientID", value, action="replace"), file=f"{number}.dcm")
        for number, value in enumerate(("M-1", "m-1 ", "M-2"))
    ]

    assert [planted.patient for planted in from_cases({"cases": cases}).objects] == [0, 0, 1]


@pytest.mark.parametrize("content", [{"cases": [{}]}, {"cases": [3]}, {"cases": None}])
def test_another_form_is_an_error(content):
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_cases(content)


def test_nothing_planted_in_the_headers_of_the_shared_set_survives_and_boxes_are_covered(shared_data, tmp_path):
    folder = shared_data / "deid" / "synthetic"
    home = init_home(tmp_path / "home", site="BENCH", project="benchmark", profile="ricord", secret=bytes(range(32)))
    result = deidentify_folder(home, folder, out=tmp_path / "out", options=DeidentifyOptions(processes=2))
    key = read_key(folder)

    score = score_key(key, tmp_path / "out", originals=folder, options=ScoreOptions(processes=2))

    told = json.dumps([(leak.object_kind, leak.kind, leak.found_at) for leak in score.leaks])
    assert result.instances == score.found == 14
    assert (score.refused, score.missing) == (["13_report_pdf.dcm"], [])
    assert score.leaks == [], told
    assert score.actions["text_removed"].share == score.actions["uid_changed"].share == 1
    assert score.actions["date_shifted"].share == score.stricter["date_interval_kept"].share == 1
    assert score.actions["pixels_hidden"].total == 5


def test_an_untouched_copy_of_the_shared_set_leaks(shared_data):
    folder = shared_data / "deid" / "synthetic"
    key = read_key(folder)
    describe_from_files(key, folder)

    score = score_key(key, folder, originals=folder, options=ScoreOptions(processes=2))

    assert score.found == 15
    assert len({leak.object_path for leak in score.leaks if leak.object_path}) == 15
    assert score.actions["pixels_hidden"].passed == 0
    assert {"(file name)", "(preamble)"} <= {leak.found_at for leak in score.leaks}
