"""The short way writes a file whole or not at all, in pieces where it is large, and believes the disk rather than itself."""

import numpy as np
import pytest
from tests.support.both_ways import at_length, forget, in_short, made_job
from tests.support.made_dicom import made_ct, write_made

SHAPE = (5, 512, 512)


def _large(path, cells, *, stored, uid="1.2.826.0.1.3680043.7.1"):
    """An object that is larger than what is moved at once."""
    allocated = cells.dtype.itemsize * 8
    dataset = made_ct(
        SOPInstanceUID=uid,
        NumberOfFrames=SHAPE[0],
        Rows=SHAPE[1],
        Columns=SHAPE[2],
        BitsAllocated=allocated,
        BitsStored=stored,
        HighBit=stored - 1,
        PixelRepresentation=0,
        PixelData=cells.tobytes(),
    )
    return write_made(dataset, path)


@pytest.mark.parametrize(("kind", "stored"), [("<u2", 12), ("<u4", 24), ("<u2", 16)])
def test_large_objects_are_moved_in_pieces_and_looked_through_to_the_end(tmp_path, kind, stored):
    forget()
    cells = np.arange(np.prod(SHAPE), dtype=kind) % 4096
    source = _large(tmp_path / "in.dcm", cells, stored=stored)
    short = in_short(source, tmp_path, made_job())
    assert short is not None
    assert short == at_length(source, tmp_path, made_job())
    assert short[0].endswith(cells.tobytes())
    cells[-1] |= 1 << (stored if stored < cells.dtype.itemsize * 8 else 0)
    source = _large(tmp_path / "in.dcm", cells, stored=stored, uid="1.2.826.0.1.3680043.7.2")
    assert (in_short(source, tmp_path, made_job()) is None) is (stored < cells.dtype.itemsize * 8)


@pytest.mark.parametrize("disk", ["/dev/full", "/dev/null"])
def test_a_disk_that_does_not_keep_what_it_is_given_leaves_nothing_in_place(tmp_path, disk):
    source = write_made(made_ct(), tmp_path / "in.dcm")
    (tmp_path / "short.dcm.part").symlink_to(disk)
    assert in_short(source, tmp_path, made_job()) is None
    assert {path.name for path in tmp_path.iterdir()} == {"in.dcm"}
