"""Enhanced CT and MR: many frames whose functional groups hold dates and comments of their own."""

from datetime import timedelta

from pydicom.dataset import Dataset

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture, Spot, made_uid
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, code_item, phantom

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
_FRAMES = 3


def _enhanced(draft: Draft) -> None:
    dataset = draft.dataset
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    draft.kept(draft.top, "ContentQualification", "RESEARCH")
    draft.kept(draft.top, "PixelPresentation", "MONOCHROME")
    draft.uid(draft.top, "ConcatenationUID", made_uid(draft.seed, "concatenation", draft.number), slot="table")
    shared = draft.top.item("SharedFunctionalGroupsSequence")
    measures = shared.item("PixelMeasuresSequence")
    draft.kept(measures, "PixelSpacing", ["2.8", "2.8"])
    draft.kept(measures, "SliceThickness", "4")
    _organisation(draft)
    for frame in range(_FRAMES):
        _frame(draft, frame)
    draft.picture = Picture(phantom(draft.image_rng(), (_FRAMES, 96, 96), highest=2000))


def _organisation(draft: Draft) -> None:
    uid = made_uid(draft.seed, "dimension", draft.number)
    organisation = draft.top.item("DimensionOrganizationSequence")
    draft.uid(organisation, "DimensionOrganizationUID", uid, slot="nested")
    index = Dataset()
    index.DimensionOrganizationUID, index.DimensionIndexPointer = uid, 0x00200032
    draft.dataset.DimensionIndexSequence = [index]


def _frame(draft: Draft, frame: int) -> None:
    group = draft.top.item("PerFrameFunctionalGroupsSequence")
    content = group.item("FrameContentSequence")
    moment = f"{draft.day:%Y%m%d}0930{15 + frame:02d}"
    draft.date(content, "FrameAcquisitionDateTime", moment, slot="nested")
    draft.date(content, "FrameReferenceDateTime", moment, slot="nested")
    content.dataset.DimensionIndexValues = [frame + 1]
    if frame == 1:
        value = f"Frame repeated for {draft.person.family}"
        content.dataset.FrameComments = value
        draft.must_go(content.prefix + "FrameComments", value, [(draft.person.family, "name")], slot="nested")
    position = group.item("PlanePositionSequence")
    draft.kept(position, "ImagePositionPatient", ["-134", "-134", str(4 * frame)])
    _source(draft, group)


def _source(draft: Draft, group: Spot) -> None:
    derivation = group.item("DerivationImageSequence")
    derivation.dataset.DerivationCodeSequence = [code_item("113072", "DCM", "Multiplanar reformatting")]
    source = derivation.item("SourceImageSequence")
    targets = [sibling for sibling in draft.siblings if sibling.picture is not None]
    if targets:
        draft.reference(source, targets[0])
    else:
        source.dataset.ReferencedSOPClassUID = draft.sop_class_uid
        draft.uid(
            source, "ReferencedSOPInstanceUID", made_uid(draft.seed, "raw", draft.day - timedelta(1)), slot="nested"
        )


ENHANCED = {
    "enhanced-ct": Kind(_enhanced, "CT", ENHANCED_CT),
    "enhanced-mr": Kind(_enhanced, "MR", ENHANCED_MR),
}
