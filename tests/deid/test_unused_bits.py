"""Bits of pixels that no value uses: nothing stays in them, and no value changes."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.support.both_ways import at_length, forget, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.engine import deidentify_at_length, deidentify_file
from radcommons.deid.unused_bits import Depth
from radcommons.deid.verify import verify_deidentified

VALUES = np.arange(48, dtype="<u2").reshape(8, 6) * 80
WRITING = np.zeros((8, 6), dtype="<u2")
WRITING[2:6, 1:5] = 0x1000


def _ct(pixels, **attributes):
    described = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, **attributes}
    return made_ct(PixelData=np.ascontiguousarray(pixels).tobytes(), **described)


def _deidentified(dataset, tmp_path, syntax=ExplicitVRLittleEndian):
    source = write_made(dataset, tmp_path / "in.dcm", syntax)
    out = tmp_path / "out.dcm"
    job = made_job()
    outcome = deidentify_file(source, out, profile=job.profile, key=job.key, patient=job.patient, cleaning=job.cleaning)
    return outcome, (pydicom.dcmread(out) if outcome.is_written else None)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_writing_above_the_values_goes_and_the_values_stay(syntax, tmp_path):
    pixels = VALUES | WRITING
    dataset = _ct(pixels.astype(">u2") if syntax == ExplicitVRBigEndian else pixels)
    outcome, after = _deidentified(dataset, tmp_path, syntax)
    assert "deid.unused-bits" in {finding.code for finding in outcome.findings}
    kind = VALUES.astype(">u2") if syntax == ExplicitVRBigEndian else VALUES
    assert after.PixelData == kind.tobytes()


def test_values_without_writing_take_the_short_way_and_stay_byte_for_byte(tmp_path):
    source = write_made(_ct(VALUES), tmp_path / "in.dcm")
    content, _ = in_short(source, tmp_path, made_job())
    assert content.endswith(VALUES.tobytes())
    assert at_length(source, tmp_path, made_job())[0] == content


def test_a_file_with_writing_that_resembles_one_without_does_not_take_the_short_way(tmp_path):
    forget()
    for number in range(3):
        dataset = _ct(VALUES, SOPInstanceUID=f"1.2.826.0.1.3680043.99.{number + 1}")
        assert in_short(write_made(dataset, tmp_path / "in.dcm"), tmp_path, made_job()) is not None
    dataset = _ct(VALUES | WRITING, SOPInstanceUID="1.2.826.0.1.3680043.99.9")
    assert in_short(write_made(dataset, tmp_path / "in.dcm"), tmp_path, made_job()) is None


def test_the_sign_of_negative_values_stays(tmp_path):
    values = np.arange(-24, 24, dtype="<i2").reshape(8, 6) * 80
    outcome, after = _deidentified(_ct(values, PixelRepresentation=1), tmp_path)
    assert outcome.findings == ()
    assert np.array_equal(after.pixel_array, values)


def test_negative_values_without_their_sign_stay_as_they_are(tmp_path):
    cells = (np.arange(-24, 24, dtype="<i2").view("<u2") & 0x0FFF).reshape(8, 6)
    outcome, after = _deidentified(_ct(cells, PixelRepresentation=1), tmp_path)
    assert outcome.findings == ()
    assert after.PixelData == cells.tobytes()


def test_writing_over_signed_values_goes_and_their_sign_comes_back(tmp_path):
    values = np.arange(-24, 24, dtype="<i2").reshape(8, 6) * 80
    drawn = (values.view("<u2") & 0x0FFF) | WRITING
    _, after = _deidentified(_ct(drawn, PixelRepresentation=1), tmp_path)
    cells, inside = np.frombuffer(after.PixelData, "<u2").reshape(8, 6), WRITING > 0
    assert np.array_equal(cells & 0x0FFF, drawn & 0x0FFF)
    assert np.array_equal(cells[inside & (values < 0)], values.view("<u2")[inside & (values < 0)])
    assert not (cells[inside & (values >= 0)] & 0xF000).any()


def test_a_padding_value_of_all_bits_stays(tmp_path):
    cells = VALUES.copy()
    cells[0] = 0xF830
    outcome, after = _deidentified(_ct(cells, PixelPaddingValue=0xF830), tmp_path)
    assert outcome.findings == ()
    assert after.PixelData == cells.tobytes()


def test_eight_bits_of_which_seven_are_used_are_emptied_as_well(tmp_path):
    cells = np.arange(48, dtype="u1").reshape(8, 6)
    drawn = cells | (WRITING > 0).astype("u1") * 0x80
    outcome, after = _deidentified(_ct(drawn, BitsAllocated=8, BitsStored=7, HighBit=6), tmp_path)
    assert outcome.is_written
    assert after.PixelData == cells.tobytes()


def test_an_overlay_above_the_values_goes_with_its_description(tmp_path):
    dataset = _ct(VALUES | WRITING)
    for number, value in ((0x10, 8), (0x11, 6), (0x100, 16), (0x102, 12)):
        dataset.add_new(0x60000000 | number, "US", value)
    outcome, after = _deidentified(dataset, tmp_path)
    assert outcome.is_written
    assert after.PixelData == VALUES.tobytes()
    assert 0x60000010 not in after


def test_an_overlay_among_the_values_keeps_the_object_in(tmp_path):
    dataset = _ct(VALUES)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 4)
    outcome, _ = _deidentified(dataset, tmp_path)
    assert {finding.code for finding in outcome.findings} == {"deid.overlay-in-pixels"}


def test_values_that_end_above_the_lowest_bit_stay_unless_something_is_on_either_side(tmp_path):
    outcome, after = _deidentified(_ct(VALUES << 4, HighBit=15), tmp_path)
    assert outcome.is_written
    assert after.PixelData == (VALUES << 4).tobytes()
    outcome, _ = _deidentified(_ct((VALUES << 4) | 1, HighBit=15), tmp_path)
    assert {finding.code for finding in outcome.findings} == {"deid.unused-bits"}


def test_run_lengths_with_writing_above_the_values_keep_the_object_in(tmp_path):
    plain, drawn = _ct(VALUES), _ct(VALUES | WRITING)
    for dataset in (plain, drawn):
        # The encoder empties unused bits itself.
        dataset.BitsStored, dataset.HighBit = 16, 15
        write_made(dataset, tmp_path / "raw.dcm")
        dataset.compress(RLELossless, encoding_plugin="pydicom")
        dataset.BitsStored, dataset.HighBit = 12, 11
    outcome, after = _deidentified(plain, tmp_path, RLELossless)
    assert np.array_equal(after.pixel_array, VALUES)
    (tmp_path / "out.dcm").unlink()
    outcome, _ = _deidentified(drawn, tmp_path, RLELossless)
    assert "deid.unused-bits" in {finding.code for finding in outcome.findings}
    assert not outcome.is_written


def test_the_second_look_finds_writing_above_the_values(tmp_path):
    source = write_made(_ct(VALUES), tmp_path / "in.dcm")
    assert deidentify_at_length(source, tmp_path / "out.dcm", made_job()).is_written
    content = (tmp_path / "out.dcm").read_bytes()
    assert not [each for each in verify_deidentified(tmp_path / "out.dcm") if each.is_error]
    (tmp_path / "out.dcm").write_bytes(content[: -VALUES.nbytes] + (VALUES | WRITING).tobytes())
    assert [each.code for each in verify_deidentified(tmp_path / "out.dcm") if each.is_error] == ["deid.unused-bits"]


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize(("allocated", "stored"), [(8, 5), (16, 12), (16, 15), (32, 24)])
def test_after_emptying_no_cell_strays_and_every_value_is_as_before(allocated, stored, is_signed):
    depth = Depth(allocated, stored, stored - 1, is_signed)
    cells = np.random.default_rng(allocated + stored).integers(0, 2**allocated, 999, dtype=f"u{allocated // 8}")
    assert depth.has_strays(cells.tobytes())
    after = np.frombuffer(depth.emptied(cells.tobytes(), "<"), dtype=cells.dtype)
    assert not depth.has_strays(after.tobytes())
    mask = (1 << stored) - 1
    assert np.array_equal(after & mask, cells & mask)
    stays = ~depth.strays(cells)
    assert np.array_equal(after[stays], cells[stays])


@pytest.mark.parametrize("high", [3, 40, 65535])
def test_a_highest_bit_that_cannot_be_is_ignored(high, tmp_path):
    outcome, after = _deidentified(_ct(VALUES | WRITING, HighBit=high), tmp_path)
    assert outcome.is_written
    assert after.PixelData == VALUES.tobytes()
