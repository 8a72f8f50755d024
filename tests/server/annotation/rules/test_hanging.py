"""Hanging protocols: what they may say, and as people write them."""

import pytest

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.rules.hanging import Hanging, Layout, windows_written

LUNG = {"name": "Lung", "center": -600.0, "width": 1500.0}


def test_what_is_as_usual_is_not_written_and_the_rest_reads_back():
    assert Hanging.from_mapping({}).to_json() == {}
    given = {"windows": [LUNG], "layout": "two", "cine_fps": 12.0}
    assert Hanging.from_mapping(given).to_json() == given
    assert Hanging.from_mapping(given).layout is Layout.TWO


@pytest.mark.parametrize(
    "given",
    [
        {"colour": "green"},
        {"layout": "three"},
        {"cine_fps": 100},
        {"cine_fps": True},
        {"cine_fps": float("nan")},
        {"windows": "lung"},
        {"windows": [LUNG] * 10},
        {"windows": [{"name": "Lung", "center": 1}]},
        {"windows": [{**LUNG, "width": 0}]},
        {"windows": [{**LUNG, "width": "1500"}]},
        {"windows": [{**LUNG, "name": " "}]},
        {"windows": [{**LUNG, "center": 1e9}]},
    ],
    ids=str,
)
def test_what_the_page_could_not_show_is_refused(given):
    with pytest.raises(ProjectInvalidError):
        Hanging.from_mapping(given)


def test_windows_are_written_one_a_line():
    assert windows_written("Lung | -600 | 1500\n\n") == [LUNG]
    for wrong in ("Lung", "Lung | a | b", "Lung | 1 | 2 | 3"):
        with pytest.raises(ProjectInvalidError):
            windows_written(wrong)
