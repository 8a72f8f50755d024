"""Single-frame and stacked scans: CT, MR, PET and nuclear medicine, in the transfer syntaxes in which they travel."""

from functools import partial

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, code_item, phantom

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
PET_IMAGE = "1.2.840.10008.5.1.4.1.1.128"
NM_IMAGE = "1.2.840.10008.5.1.4.1.1.20"


def _plane(draft: Draft) -> None:
    top = draft.top
    draft.kept(top, "ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"])
    draft.kept(top, "ImagePositionPatient", ["-180", "-180", str(draft.number * 5)])
    draft.kept(top, "PixelSpacing", ["2.8", "2.8"])
    draft.kept(top, "SliceThickness", "5")
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    draft.dataset.PositionReferenceIndicator = ""
    draft.dataset.PatientPosition = "HFS"


def _ct(draft: Draft) -> None:
    _plane(draft)
    draft.kept(draft.top, "BodyPartExamined", "CHEST")
    draft.kept(draft.top, "KVP", "120")
    draft.kept(draft.top, "RescaleIntercept", "-1024")
    draft.kept(draft.top, "RescaleSlope", "1")
    draft.kept(draft.top, "ConvolutionKernel", "B60f")
    draft.picture = Picture(phantom(draft.image_rng(), (1, 128, 128), highest=2000))


def _mr(draft: Draft) -> None:
    _plane(draft)
    draft.kept(draft.top, "BodyPartExamined", "BRAIN")
    draft.kept(draft.top, "MagneticFieldStrength", "1.5")
    draft.kept(draft.top, "EchoTime", "92")
    draft.kept(draft.top, "RepetitionTime", "4500")
    draft.kept(draft.top, "ScanningSequence", "SE")
    draft.dataset.SequenceVariant, draft.dataset.ScanOptions, draft.dataset.MRAcquisitionType = "SK", "", "2D"
    draft.picture = Picture(phantom(draft.image_rng(), (1, 128, 128), highest=1500))


def _pet(draft: Draft) -> None:
    _plane(draft)
    draft.kept(draft.top, "Units", "BQML")
    draft.kept(draft.top, "RescaleSlope", "2.5")
    draft.kept(draft.top, "RescaleIntercept", "0")
    draft.dataset.CountsSource, draft.dataset.SeriesType = "EMISSION", ["WHOLE BODY", "IMAGE"]
    draft.dataset.CorrectedImage, draft.dataset.DecayCorrection = ["DECY", "ATTN"], "START"
    drug = draft.top.item("RadiopharmaceuticalInformationSequence")
    draft.kept(drug, "Radiopharmaceutical", "Fluorodeoxyglucose")
    draft.kept(drug, "RadionuclideHalfLife", "6586.2")
    draft.date(drug, "RadiopharmaceuticalStartDateTime", f"{draft.day:%Y%m%d}081500", slot="nested")
    draft.picture = Picture(phantom(draft.image_rng(), (1, 96, 96), highest=1200))


def _nuclear(draft: Draft) -> None:
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]
    draft.dataset.FrameIncrementPointer = 0x00540010
    draft.dataset.EnergyWindowVector = [1, 1]
    draft.kept(draft.top, "PixelSpacing", ["4.4", "4.4"])
    draft.dataset.EnergyWindowInformationSequence = []
    region = draft.top.item("PatientOrientationCodeSequence")
    region.dataset.update(code_item("102538003", "SCT", "recumbent"))
    draft.picture = Picture(phantom(draft.image_rng(), (2, 64, 64), highest=800))


_CT, _MR = partial(Kind, _ct, "CT", CT_IMAGE), partial(Kind, _mr, "MR", MR_IMAGE)
SCANS = {
    "ct": _CT(),
    "ct-implicit": _CT(str(ImplicitVRLittleEndian)),
    "ct-jpeg-2000": _CT(str(JPEG2000Lossless)),
    "ct-jpeg-ls": _CT(str(JPEGLSLossless)),
    "ct-deflated": _CT(str(DeflatedExplicitVRLittleEndian)),
    "mr": _MR(),
    "mr-big-endian": _MR(str(ExplicitVRBigEndian)),
    "mr-rle": _MR(str(RLELossless)),
    "pt": Kind(_pet, "PT", PET_IMAGE),
    "nm-multi-frame": Kind(_nuclear, "NM", NM_IMAGE),
}
