"""Rectangles known beforehand: of devices, of a site, around ultrasound regions."""

import pytest
from pydicom.dataset import Dataset
from tests.support.drawn import capture, values_of, write_capture

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.rules import PixelRules, RectangleRule, known_devices
from radcommons.deid.pixels.ultrasound import boxes_outside_regions
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import open_part10

BYTES = {"BitsAllocated": 8, "BitsStored": 8}


@pytest.fixture
def header_of(tmp_path):
    def made(**attributes):
        dataset = capture(values_of(BYTES, 48, 64))
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        file = open_part10(write_capture(dataset, tmp_path / "a.dcm"))
        return Header(file.elements, file.encoding)

    return made


def rule(**conditions):
    return RectangleRule.from_table({"name": "x", **conditions, "boxes": [[0, 0, 10, 5], [1, 2, 3, 4]]})


def test_a_rule_fits_by_all_its_conditions(header_of):
    header = header_of(Modality="US", ManufacturerModelName="iU22 xMATRIX", ImageType=["ORIGINAL", "SECONDARY"])

    assert rule(modality="us", manufacturer_model_name="IU22*").fits(header)
    assert rule(image_type="second*", rows="48").fits(header)
    assert not rule(modality="us", rows="49").fits(header)
    assert not rule(station_name="*").fits(header)
    assert rule(modality="US").boxes == (Box(0, 0, 10, 5), Box(1, 2, 3, 4))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"modality": "US", "boxes": [[0, 0, 1]]}, "four whole numbers"),
        ({"modality": "US", "boxes": [[0, 0, 1, True]]}, "four whole numbers"),
        ({"modality": "US", "boxes": []}, "at least one"),
        ({"boxes": [[0, 0, 1, 1]]}, "at least one"),
        ({"colour": "red", "boxes": [[0, 0, 1, 1]]}, "colour"),
        ({"modality": "US", "boxes": [[0, 0, 0, 1]]}, "area"),
    ],
)
def test_a_broken_rule_is_refused_by_name(table, words):
    with pytest.raises(ValueError, match=words):
        RectangleRule.from_table(table)


def test_pixels_are_released_by_person_or_detector():
    assert PixelRules().release == "person"
    with pytest.raises(ValueError, match="person"):
        PixelRules(release="nobody")


def test_known_devices_name_a_maker_and_a_model_or_series(header_of):
    devices = known_devices()

    assert len(devices) >= 40
    assert all({"modality", "manufacturer"} <= set(each.conditions) and len(each.conditions) >= 3 for each in devices)
    header = header_of(Modality="US", Manufacturer="Philips Medical Systems", ManufacturerModelName="iU22", Rows=600)
    assert [each.boxes for each in devices if each.fits(header)] == [(Box(0, 0, 800, 59),)]


def region(left, top, right, bottom):
    item = Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def test_everything_around_the_regions_is_named(header_of):
    header = header_of(SequenceOfUltrasoundRegions=[region(4, 8, 31, 39), region(32, 8, 59, 39)])

    boxes = boxes_outside_regions(header, 48, 64)

    assert boxes == (Box(0, 0, 64, 8), Box(0, 40, 64, 8), Box(0, 8, 4, 32), Box(60, 8, 4, 32))


@pytest.mark.parametrize("broken", [region(0, 0, 5, 5), region(10, 10, 200, 40), region(30, 30, 10, 10)])
def test_regions_that_cannot_be_meant_name_nothing(header_of, broken):
    assert boxes_outside_regions(header_of(SequenceOfUltrasoundRegions=[broken]), 48, 64) == ()
