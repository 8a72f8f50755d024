"""What is drawn has one colour a label: on the reading page, in segmentations and in structure sets."""

import io
import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from tests.support.readings import EVERY_KIND, SERIES, ct_headers, full_reading

from radcommons.transfer.annotation.colors import cielab_of
from radcommons.transfer.annotation.publication import ObjectKind, Origin, SourceSeries, objects_of
from radcommons.transfer.annotation.schema.labels import COLORS


@pytest.mark.parametrize("color", [*COLORS, "#000000", "#ffffff", "#ff0000", "#00ff00", "#0000ff", "#010203"])
def test_colours_are_what_a_colour_management_system_says(color):
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    wanted = np.asarray(ImageCms.applyTransform(Image.new("RGB", (1, 1), color), to_lab))[0, 0].astype(int)
    lightness, a, b = cielab_of(color)

    assert abs(lightness * 255 / 100 - wanted[0]) < 1
    assert abs((a + 128) % 256 - (wanted[1] + 128) % 256) < 1.5
    assert abs((b + 128) % 256 - (wanted[2] + 128) % 256) < 1.5


def test_labels_without_a_colour_have_those_of_the_reading_page():
    script = files("radcommons.server.portal").joinpath("static/annotation/schema.js").read_text("utf-8")
    page = re.search(r"const COLOURS = \[(.*?)\]", script)
    assert page is not None
    assert tuple(re.findall(r"#[0-9a-f]{6}", page.group(1))) == COLORS


def test_a_label_has_the_same_colour_in_every_object_and_the_readers_stand_in_their_order():
    plain = replace(EVERY_KIND, groups=tuple(_without_colors(group) for group in EVERY_KIND.groups))
    origin = Origin("chest-reads", plain, "1.2.3", ("R1", "R2"))
    numbers = {}
    for reader in ("consensus", "R2", "R1"):
        made, _ = objects_of(
            replace(full_reading(), reader=reader), (SourceSeries(SERIES, tuple(ct_headers())),), origin
        )
        headers = {one.kind: pydicom.dcmread(io.BytesIO(one.data)) for one in made}
        numbers[reader] = [int(headers[kind].SeriesNumber) for kind in ObjectKind]
    segments = headers[ObjectKind.SEG].SegmentSequence
    contours = headers[ObjectKind.RTSTRUCT].ROIContourSequence

    assert numbers == {"R1": [9101, 9201, 9301], "R2": [9102, 9202, 9302], "consensus": [9199, 9299, 9399]}
    # Drawn are, in this order: box, polygon, freehand and so on.
    wanted = [COLORS[1], COLORS[2], COLORS[1]]
    assert [_hex(one.ROIDisplayColor) for one in contours] == wanted
    for segment, color in zip(segments, wanted, strict=True):
        scaled = [
            65535 * value for value in (cielab_of(color)[0] / 100, *((v + 128) / 255 for v in cielab_of(color)[1:]))
        ]
        assert np.allclose(segment.RecommendedDisplayCIELabValue, scaled, atol=1)


def _without_colors(group):
    return replace(group, labels=tuple(replace(label, color="") for label in group.labels))


def _hex(parts):
    return "#" + "".join(f"{int(part):02x}" for part in parts)
