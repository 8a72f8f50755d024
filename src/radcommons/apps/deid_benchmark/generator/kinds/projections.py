"""Radiographs, mammograms and angiograms, some with a name plate burned in."""

from pydicom.uid import JPEGBaseline8Bit, JPEGLSLossless

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture
from radcommons.apps.deid_benchmark.generator.glyphs import burn
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, code_item, name_plate, phantom

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
DX_IMAGE = "1.2.840.10008.5.1.4.1.1.1.1"
MG_IMAGE = "1.2.840.10008.5.1.4.1.1.1.2"
XA_IMAGE = "1.2.840.10008.5.1.4.1.1.12.1"
_SHAPE = (1, 360, 320)
_HIGHEST = 3000


def _film(draft: Draft, part: str, view: str) -> None:
    top = draft.top
    draft.kept(top, "BodyPartExamined", part)
    if view:
        draft.kept(top, "ViewPosition", view)
    draft.kept(top, "KVP", "117")
    draft.kept(top, "ImagerPixelSpacing", ["0.9", "0.9"])
    draft.dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    draft.dataset.PatientOrientation = ["L", "F"]


def _dx(draft: Draft) -> None:
    """A chest film whose plate says who it is, and a side marker that may stay."""
    _film(draft, "CHEST", "PA")
    draft.dataset.PresentationIntentType = "FOR PRESENTATION"
    draft.dataset.AnatomicRegionSequence = [code_item("43799004", "SCT", "Thorax")]
    draft.dataset.BurnedInAnnotation = "YES"
    draft.picture = Picture(phantom(draft.image_rng(), _SHAPE, highest=_HIGHEST))
    burn(draft, name_plate(draft), at=(10, 300))
    burn(draft, [("L", "marker")], at=(280, 20), size=24)


def _cr(draft: Draft) -> None:
    """An inverted film that denies the writing in it."""
    _film(draft, "CHEST", "AP")
    draft.dataset.BurnedInAnnotation = "NO"
    draft.picture = Picture(_HIGHEST - phantom(draft.image_rng(), _SHAPE, highest=_HIGHEST), "MONOCHROME1")
    burn(draft, name_plate(draft)[:2], at=(12, 12), size=16)


def _mg(draft: Draft) -> None:
    """A mammogram without any writing."""
    _film(draft, "BREAST", "MLO")
    draft.kept(draft.top, "ImageLaterality", "L")
    draft.dataset.PresentationIntentType = "FOR PRESENTATION"
    draft.picture = Picture(phantom(draft.image_rng(), (1, 256, 192), highest=3500))


def _xa(draft: Draft) -> None:
    """A run of which only the middle frames carry a name."""
    _film(draft, "HEART", "")
    draft.kept(draft.top, "FrameTime", "66.7")
    draft.dataset.FrameIncrementPointer = 0x00181063
    draft.kept(draft.top, "PositionerPrimaryAngle", "-30")
    draft.picture = Picture(phantom(draft.image_rng(), (4, 256, 256), highest=240, dtype="u1"), bits_stored=8)
    burn(draft, name_plate(draft)[:1], at=(8, 10), frames=(1, 2))


def _jpeg_film(draft: Draft) -> None:
    _film(draft, "CHEST", "LATERAL")
    draft.dataset.LossyImageCompression, draft.dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
    draft.picture = Picture(phantom(draft.image_rng(), _SHAPE, highest=200, dtype="u1"), bits_stored=8)
    burn(draft, name_plate(draft)[:2], at=(12, 320), size=16)


PROJECTIONS = {
    "dx": Kind(_dx, "DX", DX_IMAGE),
    "cr": Kind(_cr, "CR", CR_IMAGE),
    "cr-jpeg": Kind(_jpeg_film, "CR", CR_IMAGE, str(JPEGBaseline8Bit)),
    "mg": Kind(_mg, "MG", MG_IMAGE),
    "mg-jpeg-ls": Kind(_mg, "MG", MG_IMAGE, str(JPEGLSLossless)),
    "xa-multi-frame": Kind(_xa, "XA", XA_IMAGE),
}
