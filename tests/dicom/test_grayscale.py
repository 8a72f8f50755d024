"""Windows give the grey values of the standard's own formulas (PS3.3 C.11.2.1.2), and inverse ones their opposite."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.support.made_dicom import made_ct, write_made

from radcommons.dicom.grayscale import to_grayscale
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import open_part10

VALUES = np.arange(-2000, 3000, dtype=np.int16).reshape(50, 100)


def as_written(x, center, width, function):
    """The pseudo-code of C.11.2.1.2.1 and C.11.2.1.3.2, from 0 to 255."""
    if function == "LINEAR_EXACT" or width == 1:
        below, above = x <= center - width / 2, x > center + width / 2
        between = (x - center) / width + 0.5
    else:
        below, above = x <= center - 0.5 - (width - 1) / 2, x > center - 0.5 + (width - 1) / 2
        between = (x - (center - 0.5)) / (width - 1) + 0.5
    return np.where(below, 0.0, np.where(above, 255.0, between * 255.0))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
@pytest.mark.parametrize("interpretation", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2.5, -1024), (-0.5, 100)])
def test_a_window_is_what_the_standard_writes(tmp_path, function, interpretation, slope, intercept):
    dataset = made_ct(
        VOILUTFunction=function,
        PhotometricInterpretation=interpretation,
        RescaleSlope=str(slope),
        RescaleIntercept=str(intercept),
    )
    path = write_made(dataset, tmp_path / "a")
    file = open_part10(path)
    header = Header(file.elements, file.encoding)
    for center, width in [(40, 400), (-600, 1500), (0.5, 1), (127.5, 255.5)]:
        grey = to_grayscale(VALUES, header, frame_index=0, window=(center, width))
        wanted = as_written(VALUES * float(slope) + intercept, center, width, function)
        wanted = 255.0 - wanted if interpretation == "MONOCHROME1" else wanted
        # A whole step away nowhere; beside a half, rounding may go either way.
        assert np.abs(grey - wanted).max() <= 0.51


def header_of(tmp_path, syntax=ExplicitVRLittleEndian, **attributes):
    dataset = made_ct(**attributes)
    for keyword in ("WindowCenter", "WindowWidth"):
        if keyword in dataset:
            delattr(dataset, keyword)
    file = open_part10(write_made(dataset, tmp_path / "a", syntax))
    return Header(file.elements, file.encoding)


def table(first, bits, data, *, entry_bytes=2):
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(data) // entry_bytes, first, bits])
    item.add_new(0x00283006, "OW", data)
    return Sequence([item])


def test_a_table_of_grey_values_is_shown_by_the_depth_it_names(tmp_path):
    """PS3.3 C.11.2.1.1: entries reach from 0 to 2^n - 1, whatever of that they use."""
    entries = np.linspace(64, 192, 100).astype("<u2")
    header = header_of(tmp_path, VOILUTSequence=table(0, 8, entries.tobytes()), RescaleIntercept="0", RescaleSlope="1")
    values = np.arange(100, dtype=np.int16).reshape(10, 10)
    assert np.array_equal(to_grayscale(values, header, frame_index=0).ravel(), entries)


def test_a_table_of_twelve_bits_that_is_named_sixteen_is_shown_as_bright_as_one_of_twelve(tmp_path):
    entries = np.linspace(0, 4095, 100).astype("<u2")
    header = header_of(tmp_path, VOILUTSequence=table(0, 16, entries.tobytes()), RescaleIntercept="0", RescaleSlope="1")
    grey = to_grayscale(np.arange(100, dtype=np.int16).reshape(10, 10), header, frame_index=0)
    assert (grey.min(), grey.max()) == (0, 255)


def test_entries_of_one_byte_may_lie_side_by_side(tmp_path):
    entries = np.arange(156, 256, dtype=np.uint8)
    header = header_of(
        tmp_path, VOILUTSequence=table(0, 8, entries.tobytes(), entry_bytes=1), RescaleIntercept="0", RescaleSlope="1"
    )
    grey = to_grayscale(np.arange(100, dtype=np.int16).reshape(10, 10), header, frame_index=0)
    assert np.array_equal(grey.ravel(), entries)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("sequence", "shown"), [("VOILUTSequence", [0, 125, 249]), ("ModalityLUTSequence", [0, 128, 255])]
)
def test_a_table_may_begin_below_zero_however_the_object_is_encoded(tmp_path, syntax, sequence, shown):
    entries = np.arange(0, 2000, dtype="<u2") * 32
    attributes = {sequence: table(-1000, 16, entries.tobytes()), "PixelRepresentation": 1}
    header = header_of(tmp_path, syntax, RescaleIntercept="0", RescaleSlope="1", **attributes)
    values = np.arange(-1000, 1000, dtype=np.int16).reshape(20, 100)
    grey = to_grayscale(values, header, frame_index=0).ravel().astype(int)
    assert (np.diff(grey) >= 0).all()
    assert grey[[0, 1000, 1999]].tolist() == shown


@pytest.mark.parametrize("kind", [np.uint32, np.float64])
def test_wide_values_that_lie_close_together_keep_their_steps(tmp_path, kind):
    values = (np.arange(256) + 3_000_000_000).astype(kind).reshape(16, 16)
    header = header_of(tmp_path, RescaleIntercept="0", RescaleSlope="1")
    assert np.array_equal(to_grayscale(values, header, frame_index=0).ravel(), np.arange(256))


def test_a_window_bends_as_is_asked_whatever_the_object_says(tmp_path):
    header = header_of(tmp_path, RescaleIntercept="0", RescaleSlope="1", VOILUTFunction="LINEAR")
    grey = to_grayscale(VALUES, header, frame_index=0, window=(40, 400), function="SIGMOID")
    assert np.abs(grey - 255 / (1 + np.exp(-4 * (VALUES - 40.0) / 400))).max() <= 0.51
