"""Ultrasound, screens, photographs and slides: colour, palettes, cine, and writing in the picture."""

import numpy as np
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture
from radcommons.apps.deid_benchmark.generator.glyphs import burn
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, coloured, name_plate, phantom

US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.3.1"
SC_IMAGE = "1.2.840.10008.5.1.4.1.1.7"
SC_TRUE_COLOUR = "1.2.840.10008.5.1.4.1.1.7.4"
VL_PHOTOGRAPH = "1.2.840.10008.5.1.4.1.1.77.1.4"
VL_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_REGION = (20, 110, 300, 236)


def _grey_levels(draft: Draft, shape: tuple[int, int, int]) -> np.ndarray:
    return phantom(draft.image_rng(), shape, highest=230, dtype="u1")


def _banner(draft: Draft) -> list[tuple[str, str]]:
    return [(draft.person.hospital, "institution"), *name_plate(draft)]


def _us(draft: Draft) -> None:
    """A screen with a banner above the region that the transducer saw; beside the region there is nothing."""
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    left, top, right, bottom = _REGION
    region = draft.top.item("SequenceOfUltrasoundRegions")
    draft.kept(region, "RegionLocationMinX0", left)
    draft.kept(region, "RegionLocationMinY0", top)
    draft.kept(region, "RegionLocationMaxX1", right)
    draft.kept(region, "RegionLocationMaxY1", bottom)
    region.dataset.RegionSpatialFormat, region.dataset.RegionDataType, region.dataset.RegionFlags = 1, 1, 0
    draft.kept(region, "PhysicalDeltaX", 0.03)
    samples = np.zeros((1, 240, 320, 3), dtype="u1")
    seen = (slice(None), slice(top, bottom + 1), slice(left, right + 1))
    samples[seen] = coloured(_grey_levels(draft, (1, 240, 320)))[seen]
    draft.picture = Picture(samples, "RGB", 8)
    burn(draft, _banner(draft), at=(8, 6))


def _us_cine(draft: Draft) -> None:
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    draft.kept(draft.top, "FrameTime", "33.3")
    draft.dataset.FrameIncrementPointer = 0x00181063
    samples = coloured(_grey_levels(draft, (3, 240, 320)))
    samples[:, :60] = 0
    draft.picture = Picture(samples, "RGB", 8)
    burn(draft, name_plate(draft)[:2], at=(8, 6))


def _screen(draft: Draft) -> None:
    """A dose page: nothing but writing, of which some names nobody."""
    draft.dataset.ConversionType, draft.dataset.ImageType = "WSD", ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    draft.picture = Picture(np.full((1, 256, 320, 3), 24, dtype=np.uint8), "RGB", 8)
    draft.picture.samples[:, 120:] = coloured(_grey_levels(draft, (1, 136, 320)))
    burn(draft, _banner(draft), at=(12, 12))


def _palette(draft: Draft) -> None:
    draft.dataset.ConversionType, draft.dataset.ImageType = "WSD", ["DERIVED", "SECONDARY"]
    ramp = (np.arange(256, dtype="<u2") * 257).tobytes()
    for colour in ("Red", "Green", "Blue"):
        setattr(draft.dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(draft.dataset, f"{colour}PaletteColorLookupTableData", ramp)
    draft.picture = Picture(_grey_levels(draft, (1, 240, 320)), "PALETTE COLOR", 8)
    burn(draft, name_plate(draft), at=(10, 170), size=16)


def _photograph(draft: Draft) -> None:
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    draft.dataset.LossyImageCompression = "00"
    draft.picture = Picture(coloured(_grey_levels(draft, (1, 200, 240))), "RGB", 8)
    draft.dataset.PatientOrientation = ["L", "F"]


def _slide(draft: Draft) -> None:
    """Tiles of a slide; the specimen's label and container name the patient."""
    dataset = draft.dataset
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    draft.kept(draft.top, "TotalPixelMatrixColumns", 128)
    draft.kept(draft.top, "TotalPixelMatrixRows", 128)
    draft.kept(draft.top, "FocusMethod", "AUTO")
    dataset.VolumetricProperties, dataset.ExtendedDepthOfField = "VOLUME", "NO"
    for keyword, kind in (("BarcodeValue", "id"), ("LabelText", "name"), ("ContainerIdentifier", "id")):
        value = draft.person.family if kind == "name" else draft.code()
        if keyword not in dataset:
            draft.identifier(draft.top, keyword, value, kind=kind, slot="table")
    specimen = draft.top.item("SpecimenDescriptionSequence")
    draft.identifier(specimen, "SpecimenIdentifier", draft.code(), kind="id", slot="nested")
    draft.uid(specimen, "SpecimenUID", f"{draft.sop_instance_uid}.7", slot="nested")
    draft.picture = Picture(coloured(_grey_levels(draft, (4, 64, 64))), "RGB", 8)


CAPTURES = {
    "us": Kind(_us, "US", US_IMAGE),
    "us-jpeg-2000": Kind(_us, "US", US_IMAGE, str(JPEG2000Lossless)),
    "us-multi-frame": Kind(_us_cine, "US", US_MULTI_FRAME),
    "us-multi-frame-jpeg": Kind(_us_cine, "US", US_MULTI_FRAME, str(JPEGBaseline8Bit)),
    "sc-rgb": Kind(_screen, "CT", SC_IMAGE),
    "sc-rle": Kind(_screen, "OT", SC_IMAGE, str(RLELossless)),
    "sc-palette": Kind(_palette, "OT", SC_IMAGE),
    "vl-photograph": Kind(_photograph, "XC", VL_PHOTOGRAPH),
    "vl-slide": Kind(_slide, "SM", VL_SLIDE),
}
