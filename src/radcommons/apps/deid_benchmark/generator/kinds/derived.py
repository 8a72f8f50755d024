"""What is computed from images: segmentations and the objects of radiotherapy, with references that have to keep leading somewhere."""

import numpy as np

from radcommons.apps.deid_benchmark.generator.draft import Draft, Picture, Spot, made_uid
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind, code_item, phantom

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"


def _targets(draft: Draft) -> list[Draft]:
    return [sibling for sibling in draft.siblings if sibling.modality in {"CT", "MR"} and sibling.picture is not None]


def _series_references(draft: Draft) -> None:
    series = draft.top.item("ReferencedSeriesSequence")
    draft.uid(series, "SeriesInstanceUID", _targets(draft)[0].series_instance_uid, slot="reference")
    for target in _targets(draft):
        draft.reference(series.item("ReferencedInstanceSequence"), target)


def _segmentation(draft: Draft) -> None:
    dataset = draft.dataset
    dataset.ImageType, dataset.SegmentationType = ["DERIVED", "PRIMARY"], "BINARY"
    draft.kept(draft.top, "ContentLabel", "LUNG")
    draft.name(draft.top, "ContentCreatorName", draft.person.second_physician, slot="table")
    segment = draft.top.item("SegmentSequence")
    draft.kept(segment, "SegmentNumber", 1)
    value = f"Lung, drawn by Dr. {draft.person.physician.partition('^')[0]}"
    segment.dataset.SegmentDescription = value
    path = segment.prefix + "SegmentDescription"
    draft.must_go(path, value, [(draft.person.physician.partition("^")[0], "name")], slot="nested")
    draft.must_stay(path, value, "Lung", slot="nested")
    draft.kept(segment, "SegmentLabel", "Left lung")
    segment.dataset.SegmentAlgorithmType = "MANUAL"
    segment.dataset.SegmentedPropertyCategoryCodeSequence = [code_item("123037004", "SCT", "Anatomical Structure")]
    segment.dataset.SegmentedPropertyTypeCodeSequence = [code_item("39607008", "SCT", "Lung")]
    if _targets(draft):
        _series_references(draft)
    for frame in range(2):
        group = draft.top.item("PerFrameFunctionalGroupsSequence")
        group.item("SegmentIdentificationSequence").dataset.ReferencedSegmentNumber = 1
        if _targets(draft):
            source = group.item("DerivationImageSequence").item("SourceImageSequence")
            draft.reference(source, _targets(draft)[frame % len(_targets(draft))])
    bits = phantom(draft.image_rng(), (2, 64, 64), highest=4) > 1
    draft.picture = Picture(bits.astype(np.uint8), "MONOCHROME2", 1)


def _structures(draft: Draft) -> None:
    draft.identifier(draft.top, "StructureSetLabel", draft.code()[:11], kind="id", slot="table")
    draft.date(draft.top, "StructureSetDate", f"{draft.day:%Y%m%d}", slot="table")
    if _targets(draft):
        frame = draft.top.item("ReferencedFrameOfReferenceSequence")
        uid = made_uid(draft.seed, "frame", draft.person.ordinal, draft.visit)
        draft.uid(frame, "FrameOfReferenceUID", uid, slot="reference")
        study = frame.item("RTReferencedStudySequence")
        study.dataset.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
        draft.uid(study, "ReferencedSOPInstanceUID", draft.study_instance_uid, slot="reference")
        series = study.item("RTReferencedSeriesSequence")
        draft.uid(series, "SeriesInstanceUID", _targets(draft)[0].series_instance_uid, slot="reference")
        for target in _targets(draft):
            draft.reference(series.item("ContourImageSequence"), target)
    region = draft.top.item("StructureSetROISequence")
    draft.kept(region, "ROINumber", "1")
    region.dataset.ROIName, region.dataset.ROIGenerationAlgorithm = f"GTV {draft.person.family}", "MANUAL"
    draft.must_go(
        region.prefix + "ROIName", str(region.dataset.ROIName), [(draft.person.family, "name")], slot="nested"
    )
    contour = draft.top.item("ROIContourSequence").item("ContourSequence")
    contour.dataset.ContourGeometricType = "CLOSED_PLANAR"
    draft.kept(contour, "ContourData", ["1.5", "2.5", "3", "4", "5", "6", "7", "8", "9.25"])
    draft.kept(contour, "NumberOfContourPoints", "3")
    seen = draft.top.item("RTROIObservationsSequence")
    seen.dataset.ObservationNumber, seen.dataset.RTROIInterpretedType = 1, "GTV"
    draft.name(seen, "ROIInterpreter", draft.person.operator, slot="nested")


def _dose(draft: Draft) -> None:
    draft.kept(draft.top, "DoseUnits", "GY")
    draft.kept(draft.top, "DoseType", "PHYSICAL")
    draft.kept(draft.top, "DoseGridScaling", "0.0001")
    draft.kept(draft.top, "PixelSpacing", ["5", "5"])
    draft.dataset.DoseSummationType, draft.dataset.GridFrameOffsetVector = "PLAN", ["0", "5"]
    draft.dataset.FrameIncrementPointer = 0x3004000C
    _refer_to(draft, draft.top, "ReferencedRTPlanSequence", RT_PLAN)
    draft.picture = Picture(phantom(draft.image_rng(), (2, 24, 24), highest=50000), bits_stored=16)


def _plan(draft: Draft) -> None:
    draft.dataset.RTPlanGeometry = "PATIENT"
    draft.identifier(draft.top, "RTPlanLabel", draft.code()[:11], kind="id", slot="table")
    draft.date(draft.top, "RTPlanDate", f"{draft.day:%Y%m%d}", slot="table")
    _refer_to(draft, draft.top, "ReferencedStructureSetSequence", RT_STRUCTURES)
    beam = draft.top.item("BeamSequence")
    draft.kept(beam, "BeamNumber", "1")
    draft.kept(beam, "BeamType", "STATIC")
    beam.dataset.RadiationType, beam.dataset.TreatmentDeliveryType = "PHOTON", "TREATMENT"
    point = beam.item("ControlPointSequence")
    draft.kept(point, "GantryAngle", "181.5")
    draft.kept(point, "NominalBeamEnergy", "6")
    fraction = draft.top.item("FractionGroupSequence")
    draft.kept(fraction, "NumberOfFractionsPlanned", "25")
    tolerance = draft.top.item("ToleranceTableSequence")
    tolerance.dataset.ToleranceTableNumber = 1
    draft.identifier(tolerance, "ToleranceTableLabel", draft.person.family[:16], kind="name", slot="nested-unlisted")


def _refer_to(draft: Draft, spot: Spot, keyword: str, sop_class_uid: str) -> None:
    for target in draft.siblings:
        if target.sop_class_uid == sop_class_uid:
            draft.reference(spot.item(keyword), target)


DERIVED = {
    "seg": Kind(_segmentation, "SEG", SEGMENTATION),
    "rtstruct": Kind(_structures, "RTSTRUCT", RT_STRUCTURES),
    "rtplan": Kind(_plan, "RTPLAN", RT_PLAN),
    "rtdose": Kind(_dose, "RTDOSE", RT_DOSE),
}
