"""``radcommons edge pixels`` and ``review --approve-pixels`` as typed, and the page on disk that can be printed."""

import json
import re

import pytest
from click.testing import CliRunner
from tests.edge.test_pixels import Hospital
from tests.support.pictures_with_writing import SC, drawn, write_banner_series, write_document, write_picture

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.commands import edge
from radcommons.edge.review import write_page


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    made = Hospital(tmp_path_factory.mktemp("typed"))
    write_banner_series(made.folder, count=2)
    write_picture(made.folder / "sc.dcm", drawn(), sop_class=SC, modality="OT", study="sc", series="sc")
    write_document(made.folder / "letter.dcm", study="letter", series="letter")
    made.make()
    return made


def typed(hospital, *words):
    result = CliRunner().invoke(edge, [*map(str, words), "--home", str(hospital.home.path)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def listed(hospital):
    return json.loads(typed(hospital, "pixels", hospital.out, "--json"))


def test_the_list_tells_verdicts_and_boxes_and_nothing_that_was_read(hospital):
    found = listed(hospital)

    assert (found["schema"], found["series"], found["series_waiting"]) == ("radcommons.pixels/1", 3, 3)
    assert sorted(each["verdict"] for each in found["instances"]) == ["clean", "redacted", "redacted", "refused"]
    assert all(
        set(each["boxes"][0]) >= {"left", "top", "width", "height"} for each in found["instances"] if each["boxes"]
    )
    assert not re.search(r"(?i)okonkwo|adaeze|0048213|export", json.dumps(found))


def test_numbers_are_printed_for_a_person(hospital):
    text = typed(hospital, "pixels", hospital.out)

    assert "redacted" in text
    assert re.search(r"series waiting\s+3", text)


def test_what_waits_is_named_by_its_place_in_out(hospital):
    text = typed(hospital, "pixels", hospital.out)
    places = re.findall(r"instances/\S+\.dcm", text)

    assert len(places) == 3
    assert all((hospital.out / place).is_file() for place in places)
    assert re.search(r"refused +not in OUT, series 2\.25\.\d+", text)
    assert "    : " not in text
    assert not re.search(r"(?i)okonkwo|adaeze|0048213|export", text)


def test_a_list_is_taken_in_only_with_a_name(hospital, tmp_path):
    found = listed(hospital)
    for each in found["instances"]:
        if each["verdict"] == "clean":
            each["decision"] = "confirm"
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(found), "utf-8")

    with pytest.raises(RadCommonsError) as refusal:
        typed(hospital, "pixels", hospital.out, "--decide", path)
    done = json.loads(typed(hospital, "pixels", hospital.out, "--decide", path, "--by", "Dr Example", "--json"))

    assert (refusal.value.code, done["decided"]) == ("edge.name-needed", 1)
    assert "approved" in [each["verdict"] for each in listed(hospital)["instances"]]


def test_the_page_on_disk_says_of_each_series_what_was_found_and_shows_only_what_would_leave(hospital):
    page = write_page(hospital.home, hospital.out).page.read_text("utf-8")

    assert "2 blackened" in page
    assert "1 series holds nothing but objects that cannot be cleaned" in page
    assert "held back: a person must look at its pictures" in page
    assert "<script" not in page
    assert "/series/" not in page
    assert not re.search(r"(?i)okonkwo|adaeze", page)


def test_a_series_that_is_none_is_refused_by_name(hospital):
    with pytest.raises(RadCommonsError) as refusal:
        typed(hospital, "review", hospital.out, "--approve-pixels", "2.25.1", "--by", "Dr Example")

    assert refusal.value.code == "edge.no-such-series"


def test_all_that_waits_is_confirmed_at_once_but_nothing_that_cannot_be_cleaned(hospital):
    state = typed(hospital, "review", hospital.out, "--approve-pixels", "all", "--by", "Dr Example", "--json")

    assert json.loads(state)["pixel_text_waiting"] == 1
    verdicts = {each["verdict"]: each["is_waiting"] for each in listed(hospital)["instances"]}
    assert verdicts == {"approved": False, "refused": True}


@pytest.mark.parametrize("why", ["", "because", None])
def test_a_list_lets_nothing_go_without_one_of_the_three_words(hospital, tmp_path, why):
    found = listed(hospital)
    refused = next(each for each in found["instances"] if each["verdict"] == "refused")
    refused |= {"decision": "release", "reason": "I read it", "why": why}
    path = tmp_path / "decisions.json"
    path.write_text(json.dumps(found | {"instances": [refused]}), "utf-8")

    with pytest.raises(RadCommonsError) as refusal:
        typed(hospital, "pixels", hospital.out, "--decide", path, "--by", "Dr Example")

    assert refusal.value.code == "edge.invalid-decisions"


def test_a_list_lets_go_what_cannot_be_cleaned_and_nothing_else(hospital, tmp_path):
    path = tmp_path / "decisions.json"
    for each in listed(hospital)["instances"]:
        each |= {"decision": "release", "reason": "A page on how to breathe", "why": "no-patient"}
        path.write_text(json.dumps({"schema": "radcommons.pixels/1", "instances": [each]}), "utf-8")
        if each["verdict"] != "refused":
            with pytest.raises(RadCommonsError):
                typed(hospital, "pixels", hospital.out, "--decide", path, "--by", "Dr Example")
            continue
        done = json.loads(typed(hospital, "pixels", hospital.out, "--decide", path, "--by", "Dr Example", "--json"))
        assert (done["decided"], done["made_again"]) == (1, 1)

    assert "release" in [each["decision"] for each in listed(hospital)["instances"]]
