"""No planted identifier survives outside the hospital: not in objects, tables, logs, manifests or pages."""

import json
import re

import pytest
from tests.support.demonstration import DemoRun, files_holding, run_demo


@pytest.fixture(scope="module")
def journey(shared_data, tmp_path_factory) -> DemoRun:
    return run_demo(tmp_path_factory.mktemp("demo"), shared_data / "deid/synthetic")


def _needles(key: dict) -> list[bytes]:
    found: set[str] = set()
    for planted in (item for case in key["cases"] for item in case.get("phi", [])):
        if planted["action"] in {"remove", "replace", "remap"} and planted["type"] in {
            "id",
            "name",
            "uid",
            "address",
            "phone",
        }:
            found.add(planted["value"])
            if planted["type"] == "name":
                found.update(part for part in re.split(r"[\^=, ]+", planted["value"]) if not part.islower())
    return sorted(value.encode() for value in found if len(value) >= 6)


def test_the_whole_data_directory_holds_no_planted_string(journey, shared_data):
    needles = _needles(json.loads((shared_data / "deid/synthetic/answer_key.json").read_text()))
    assert len(needles) > 40
    assert files_holding(journey.data, needles, below_not="hospitals") == []


def test_what_may_carry_text_in_its_pixels_is_held_and_listed(journey):
    assert journey.counts["held_for_pixel_text"] >= 1
    assert journey.findings["deid.pixel-text-not-checked"] == journey.counts["held_for_pixel_text"]
