"""The hospitals' side of the demonstration: whose pictures are looked at, and what is blackened before they leave."""

import pydicom
import pytest

from radcommons.apps.demo.hospital import generate
from radcommons.apps.demo.hospitals import Hospital, deidentify, home_of, review, scan


def hospital(folder, code: str) -> Hospital:
    return Hospital(
        code=code,
        name="Made up",
        country="GB",
        folder=folder / code.lower(),
        export=folder / code.lower() / "pacs-export",
        clinical_table=None,
        is_made_up=True,
    )


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "hospitals"
    return folder, generate(folder, scale="tiny", sites=["ALPHA", "CHARLIE"])


def test_what_a_played_reviewer_confirms_may_leave_and_its_name_plate_is_black(generated):
    folder, key = generated
    charlie = hospital(folder, "CHARLIE")
    home = home_of(charlie, b"x" * 32)
    scan(charlie, home, 1)
    made = deidentify(charlie, home, 1)
    seen = review(charlie, home)

    assert made.pixel_text_not_checked == 2
    assert (seen.pixel_text_waiting, seen.is_approved) == (0, True)
    original = next(item for item in key.instances if (item.site, item.modality) == ("CHARLIE", "DX"))
    lines = [item for item in key.burned_in if item.sop_instance_uid == original.sop_instance_uid]
    boxes = [item.box for item in lines if item.kind != "marker"]
    assert {"name", "date"} <= {item.kind for item in lines}
    released = [pydicom.dcmread(path) for path in charlie.out.rglob("*.dcm")]
    radiograph = next(dataset for dataset in released if dataset.Modality == "DX")
    pixels = radiograph.pixel_array
    assert all(len(set(pixels[top : top + high, left : left + wide].flat)) == 1 for left, top, wide, high in boxes)
    assert radiograph.BurnedInAnnotation == "NO"


def test_the_first_hospital_waits_for_the_eyes_of_whoever_runs_it(generated):
    folder, _ = generated
    alpha = hospital(folder, "ALPHA")
    home = home_of(alpha, b"x" * 32)
    scan(alpha, home, 1)
    made = deidentify(alpha, home, 1)

    assert review(alpha, home).pixel_text_waiting == made.pixel_text_not_checked == 2
