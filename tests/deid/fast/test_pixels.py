"""Compressed slices go the short way with the same outcome, unless there is anything to mend or to say about their frames."""

import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, RLELossless
from tests.support.both_ways import at_length, forget, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

END = b"\xfe\xff\xdd\xe0\0\0\0\0"
SIDE = 32


def _slice(path, number, syntax=RLELossless, **changes):
    cells = (np.arange(SIDE * SIDE, dtype="<u2") * number % 4096).reshape(SIDE, SIDE)
    dataset = made_ct(
        SOPInstanceUID=f"1.2.826.0.1.3680043.7.{number}",
        InstanceNumber=number,
        SliceLocation=f"{number * 1.25:.2f}",
        Rows=SIDE,
        Columns=SIDE,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
        PixelData=cells.tobytes(),
        **changes,
    )
    write_made(dataset, path)
    dataset.compress(syntax, generate_instance_uid=False)
    return write_made(dataset, path, syntax)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("profile", ["ricord", "basic"])
def test_a_compressed_series_goes_the_short_way(tmp_path, syntax, profile):
    forget()
    job = made_job(profile)
    for number in range(1, 9):
        source = _slice(tmp_path / "in.dcm", number, syntax)
        short = in_short(source, tmp_path, job)
        assert short is not None
        assert short == at_length(source, tmp_path, job)
        pixels = source.read_bytes().rpartition(b"\xe0\x7f\x10\0")[2]
        assert short[0].endswith(pixels)


def _behind(content):
    return content + b"Quix"


def _long_end(content):
    return content[:-4] + b"\4\0\0\0Quix"


def _no_item(content):
    at = content.rindex(b"\xfe\xff\0\xe0")
    return content[:at] + b"\xfe\xff\1\xe0" + content[at + 4 :]


def _no_end(content):
    return content[: -len(END)]


def _odd_table(content):
    item = b"\xfe\xff\0\xe0"
    at = content.index(item, content.rindex(b"\xe0\x7f\x10\0"))
    old = struct.unpack_from("<I", content, at + 4)[0]
    return content[:at] + item + struct.pack("<I", 8) + b"Quix\0\0\0\0" + content[at + 8 + old :]


def _named(content):
    """A name in a fragment of its own, where no decoder looks."""
    return content[: -len(END)] + b"\xfe\xff\0\xe0\x16\0\0\0Quixotesen Ulrika here" + END


@pytest.mark.parametrize("change", [_behind, _long_end, _no_item, _no_end, _odd_table, _named])
@pytest.mark.parametrize("is_practised", [False, True])
def test_frames_with_anything_about_them_go_the_long_way(tmp_path, change, is_practised):
    forget()
    for number in range(1, 4 if is_practised else 1):
        assert in_short(_slice(tmp_path / "in.dcm", number), tmp_path, made_job()) is not None
    source = _slice(tmp_path / "in.dcm", 9)
    assert source.read_bytes().endswith(END)
    source.write_bytes(change(source.read_bytes()))
    assert in_short(source, tmp_path, made_job()) is None
    made = at_length(source, tmp_path, made_job())
    assert made is None or b"Quix" not in made[0]


def test_several_frames_and_writing_above_the_values_go_the_long_way(tmp_path):
    frames = made_ct(NumberOfFrames=2, PixelData=encapsulate([b"\1\0" * 8, b"\2\0" * 8]))
    frames["PixelData"].is_undefined_length = True
    assert in_short(write_made(frames, tmp_path / "in.dcm", RLELossless), tmp_path, made_job()) is None
    above = _slice(tmp_path / "in.dcm", 3)
    content = above.read_bytes()
    for element, value in ((b"\x28\0\1\1US\2\0", 8), (b"\x28\0\2\1US\2\0", 7)):
        at = content.index(element) + len(element)
        content = content[:at] + struct.pack("<H", value) + content[at + 2 :]
    above.write_bytes(content)
    assert in_short(above, tmp_path, made_job()) is None
    assert at_length(above, tmp_path, made_job()) is None
