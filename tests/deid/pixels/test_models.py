"""Running the recogniser's models ourselves gives what RapidOCR's own classes give, in memory that does not grow."""

from importlib import import_module

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from radcommons.deid.pixels.models import PACKAGE, models


@pytest.fixture(scope="module")
def sheet():
    """Two lines of writing, one leaning."""
    image = Image.new("L", (416, 160), 12)
    ImageDraw.Draw(image).text((20, 12), "BRZEZINSKA, WANDA", fill=230, font=ImageFont.load_default(26))
    leaning = Image.new("L", (260, 40), 12)
    ImageDraw.Draw(leaning).text((6, 4), "MRN 5651477", fill=200, font=ImageFont.load_default(26))
    image.paste(leaning.rotate(8, expand=True, fillcolor=12), (60, 64))
    return np.asarray(image, dtype=np.uint8)


@pytest.fixture(scope="module")
def reference():
    engine = import_module(PACKAGE).RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1, use_cls=False)
    engine.text_det.limit_side_len = 32
    engine.text_det.postprocess_op.box_thresh = 0.4
    return engine


def test_lines_and_texts_are_those_of_the_package(sheet, reference):
    colors = np.repeat(sheet[:, :, None], 3, axis=2)
    expected, _ = reference.text_det(colors)
    pieces = reference.get_crop_img_list(colors, [np.asarray(each, dtype=np.float32) for each in expected])
    said = [text for text, *_ in reference.text_rec(pieces)[0]]

    found = models().lines_on(sheet)

    assert np.abs(np.array(found) - np.asarray(expected)).max() <= 1
    readings = [models().reading(models().clipping(sheet, each)) for each in found]
    assert [text for text, _ in readings] == said
    assert sorted(text.replace(" ", "") for text in said) == ["BRZEZINSKA,WANDA", "MRN5651477"]
    assert min(likely for _, likely in readings) > 0.8


def test_what_is_much_higher_than_wide_is_turned(sheet):
    upright = np.ascontiguousarray(np.rot90(sheet[:64]))
    corners = np.array([(4, 4), (60, 4), (60, 412), (4, 412)], dtype=np.float32)

    assert models().clipping(upright, corners).shape == (56, 408)


def test_an_empty_sheet_and_a_sliver_say_nothing():
    assert models().lines_on(np.zeros((64, 96), np.uint8)) == []
    text, _ = models().reading(np.zeros((3, 200), np.uint8))
    assert text == ""
