"""Which attributes an object must have, with a value or without (types 1 and 2 of PS3.3, PS3.5 7.4).

Only attributes that de-identification may touch matter here, and only the modules that common objects have. What is not
listed counts as optional: removing it breaks nothing.
"""

from enum import Enum

from pydicom.datadict import tag_for_keyword


class AttributeType(Enum):
    """How an object needs an attribute."""

    REQUIRED = "1"
    MAY_BE_EMPTY = "2"
    OPTIONAL = "3"


def _tags(keywords: str) -> frozenset[int]:
    return frozenset(tag for tag in map(tag_for_keyword, keywords.split()) if tag is not None)


# Patient, General Study, General Series, General Equipment, General Image, SR Document and Presentation State modules.
_MAY_BE_EMPTY = _tags(
    "AccessionNumber AcquisitionContextSequence BarcodeValue ContentCreatorName ContentDate ContentTime ContrastBolusAgent "
    "FillerOrderNumberImagingServiceRequest LabelText Laterality Manufacturer "
    "PatientBirthDate PatientID PatientName PatientOrientation PatientSex PlacerOrderNumberImagingServiceRequest "
    "PositionReferenceIndicator ReferencedFrameOfReferenceUID ReferringPhysicianName ReviewDate ReviewTime ROIInterpreter "
    "ROIName SeriesNumber StructureSetDate StructureSetTime StudyDate StudyID StudyTime "
    "TreatmentDate TreatmentTime VerifyingObserverIdentificationCodeSequence"
)
_REQUIRED = _tags(
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID Modality "
    "ContainerIdentifier ContextGroupVersion InstanceNumber PresentationCreationDate PresentationCreationTime "
    "RTPlanLabel SegmentLabel SpecimenIdentifier SpecimenUID StructureSetLabel "
    "VerificationDateTime VerifyingObserverName VerifyingOrganization"
)
_PATIENT_IDENTITY = _tags("PatientID PatientName")
_RADIOTHERAPY_CLASSES = "1.2.840.10008.5.1.4.1.1.481."
_MAY_BE_EMPTY_IN_RADIOTHERAPY = _tags("OperatorsName RTPlanDate RTPlanTime")
_REPORT_CLASSES = "1.2.840.10008.5.1.4.1.1.88."
_MAY_BE_EMPTY_IN_REPORTS = _tags("ReferencedPerformedProcedureStepSequence ReferencedRequestSequence")
# Presentation states, structured reports, segmentations and enhanced multi-frame images need a content date.
_DATED_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.11.",
    "1.2.840.10008.5.1.4.1.1.88.",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66.7",
    "1.2.840.10008.5.1.4.1.1.30",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.77.1.6",
)
_REQUIRED_WHERE_DATED = _tags("ContentDate ContentTime")
_REQUEST_ITEM = _tags("ReferencedRequestSequence")
_EMPTY_IN_REQUESTS = _tags(
    "AccessionNumber FillerOrderNumberImagingServiceRequest PlacerOrderNumberImagingServiceRequest RequestedProcedureCodeSequence "
    "RequestedProcedureDescription RequestedProcedureID"
)


def attribute_type(tag: int, sop_class_uid: str, parents: tuple[int, ...] = ()) -> AttributeType:
    """How an object of a SOP class needs an attribute.

    Parameters
    ----------
    tag
        The attribute.
    sop_class_uid
        The class of the whole object.
    parents
        The sequences the attribute is nested in, outermost first.
    """
    if parents and parents[-1] in _REQUEST_ITEM and tag in _EMPTY_IN_REQUESTS:
        return AttributeType.MAY_BE_EMPTY
    if not parents:
        if tag in _REQUIRED_WHERE_DATED and sop_class_uid.startswith(_DATED_CLASSES):
            return AttributeType.REQUIRED
        if tag in _MAY_BE_EMPTY_IN_RADIOTHERAPY and sop_class_uid.startswith(_RADIOTHERAPY_CLASSES):
            return AttributeType.MAY_BE_EMPTY
        if tag in _MAY_BE_EMPTY_IN_REPORTS and sop_class_uid.startswith(_REPORT_CLASSES):
            return AttributeType.MAY_BE_EMPTY
    if tag in _REQUIRED:
        return AttributeType.REQUIRED
    is_nested_identity = bool(parents) and tag in _PATIENT_IDENTITY
    return AttributeType.MAY_BE_EMPTY if tag in _MAY_BE_EMPTY and not is_nested_identity else AttributeType.OPTIONAL
