"""Windows give the grey values of the standard's own formulas (PS3.3 C.11.2.1.2), and inverse ones their opposite."""

import numpy as np
import pytest
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
