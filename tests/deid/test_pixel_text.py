"""Which objects may carry writing in their pixels."""

from dataclasses import replace

import pytest
from tests.support.made_dicom import made_ct, write_made

from radcommons.deid.pixel_text import may_carry_pixel_text
from radcommons.dicom.instance import describe_file

CT = "1.2.840.10008.5.1.4.1.1.2"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPH = "1.2.840.10008.5.1.4.1.1.1.1"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return describe_file(write_made(made_ct(), tmp_path_factory.mktemp("ct") / "a.dcm"))[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"sop_class_uid": ULTRASOUND, "modality": "US"},
        {"sop_class_uid": CAPTURE, "modality": "OT"},
        {"sop_class_uid": CAPTURE, "modality": "CT"},
        {"sop_class_uid": RADIOGRAPH, "modality": "DX"},
        {"sop_class_uid": RADIOGRAPH, "modality": "DX", "burned_in_annotation": "NO"},
        {"burned_in_annotation": "YES"},
        {"sop_class_uid": SEGMENTATION, "burned_in_annotation": "YES"},
        {"image_type": ("DERIVED", "SECONDARY", "SCREEN SAVE")},
        {"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")},
        {"conversion_type": "WSD"},
        {"modality": "OT"},
        {"series_description": "Dose Report"},
        {"series_description": "PET_CT Fused"},
        {"series_description": "Topogram 0.6"},
    ],
)
def test_these_must_be_looked_at(plain, changes):
    assert may_carry_pixel_text(replace(plain, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"burned_in_annotation": "NO"},
        {"image_type": ("DERIVED", "PRIMARY", "AXIAL")},
        {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI")},
        {"sop_class_uid": SEGMENTATION, "modality": "SEG"},
        {"sop_class_uid": ULTRASOUND, "modality": "US", "is_image": False},
    ],
)
def test_these_need_no_look(plain, changes):
    assert not may_carry_pixel_text(replace(plain, **changes))
