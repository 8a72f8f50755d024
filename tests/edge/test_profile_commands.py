"""``radcommons edge profile``: for people and for programs."""

import json

import pytest
from click.testing import CliRunner

from radcommons.deid.profile import READY_PROFILES, ProfileError
from radcommons.edge.commands import edge


def _run(*words):
    answer = CliRunner().invoke(edge, ["profile", *words], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.parametrize("name", READY_PROFILES)
def test_every_ready_profile_can_be_shown(name):
    shown = json.loads(_run("show", name, "--json"))
    assert shown["name"] == name
    assert len(shown["digest"]) == 64
    assert shown["pixels"] == {"release": "person", "markers": [], "rectangles": [], "is_faces_held": True}
    assert shown["actions"]["(0010,0010)"] == {"keyword": "PatientName", "code": "Z"}
    assert all(rule["reason"] for rule in shown["own_rules"].values())
    assert shown["digest"] in _run("show", name)


def test_people_see_options_counts_and_own_rules():
    text = _run("show", "tcia")
    assert "113111  Retain Safe Private" in text
    assert "private attributes that stay: 479 of 20 creators" in text
    assert "own rule (0008,1010) StationName: D (numbers and names of single devices tell the hospital)" in text
    assert "above 89 one category, 090Y; dates: modified" in text


@pytest.mark.parametrize("name", READY_PROFILES)
def test_a_ready_profile_is_printed_to_begin_another_one_with(name, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(_run("show", name, "--toml").replace(f'name = "{name}"', 'name = "own"'), "utf-8")

    assert json.loads(_run("show", str(own), "--json"))["name"] == "own"
    assert "differ in 0 attributes" in _run("diff", name, str(own))


def test_rules_for_one_class_are_shown(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'schema = "radcommons.profile/1"\nname = "own"\nversion = "1"\nedition = "2026d"\noptions = []\n'
        '[classes.CTImageStorage.actions]\nManufacturer = "Z"\n'
    )
    assert "only in 1.2.840.10008.5.1.4.1.1.2: (0008,0070) Manufacturer: Z" in _run("show", str(path))
    shown = json.loads(_run("show", str(path), "--json"))
    assert shown["classes"] == {"1.2.840.10008.5.1.4.1.1.2": {"(0008,0070)": "Z"}}


def test_two_profiles_are_compared():
    compared = json.loads(_run("diff", "basic", "ricord", "--json"))
    assert (compared["left"], compared["options"]["left_only"]) == ("basic 1", [])
    assert {"attribute": "(0010,1010) PatientAge", "left": "X", "right": "K"} in compared["attributes"]
    assert "(0010,1010) PatientAge" in _run("diff", "basic", "ricord")
    assert "differ in 0 attributes" in _run("diff", "tcia", "tcia")


def test_an_attribute_is_explained():
    text = _run("explain", "PatientAge", "--profile", "basic")
    assert "X: removed" in text
    assert "Option retain_patient_characteristics says K; it is not chosen." in text
    answer = json.loads(_run("explain", "(0019,xx0C)", "--profile", "tcia", "--creator", "SIEMENS MR HEADER", "--json"))
    assert (answer["name"], answer["actions"]) == ("B Value", {"any": "K"})
    plan = json.loads(_run("explain", "OperatorsName", "--sop-class", "RTPlanStorage", "--json"))
    assert plan["actions"] == {"rt-plan": "Z"}


def test_a_profile_that_is_none_is_refused_with_advice():
    with pytest.raises(ProfileError, match="basic, ricord, tcia"):
        CliRunner().invoke(edge, ["profile", "show", "nobody"], catch_exceptions=False)
