"""Which attributes a blinded reader may see: what displaying and measuring need, and what the project opens. Pure.

A list of what is shown, not of what is hidden: an attribute that nobody thought of stays hidden.
"""

from radcommons.server.annotation.rules.wishes import Blinding
from radcommons.server.archive.aliases import Aliases
from radcommons.server.archive.scopes import Veil

# Image pixels and their modules (0028), functional groups (5200), pixel data (7FE0).
_GROUPS = frozenset({"0028", "5200", "7FE0"})
_DISPLAY = frozenset(
    {
        "00080005",  # SpecificCharacterSet
        "00080008",  # ImageType
        "00080016",  # SOPClassUID
        "00080018",  # SOPInstanceUID
        "00080056",  # InstanceAvailability
        "00080060",  # Modality
        "00080061",  # ModalitiesInStudy
        "00081190",  # RetrieveURL
        "00082218",  # AnatomicRegionSequence
        "00080100",  # CodeValue
        "00080102",  # CodingSchemeDesignator
        "00080104",  # CodeMeaning
        "00083002",  # AvailableTransferSyntaxUID
        "00089205",  # PixelPresentation
        "00089206",  # VolumetricProperties
        "00089207",  # VolumeBasedCalculationTechnique
        "00180015",  # BodyPartExamined
        "00180050",  # SliceThickness
        "00180060",  # KVP
        "00180088",  # SpacingBetweenSlices
        "00181110",  # DistanceSourceToDetector
        "00181111",  # DistanceSourceToPatient
        "00181114",  # EstimatedRadiographicMagnificationFactor
        "00181120",  # GantryDetectorTilt
        "00181164",  # ImagerPixelSpacing
        "00181210",  # ConvolutionKernel
        "00185100",  # PatientPosition
        "00185101",  # ViewPosition
        "0020000D",  # StudyInstanceUID
        "0020000E",  # SeriesInstanceUID
        "00200011",  # SeriesNumber
        "00200012",  # AcquisitionNumber
        "00200013",  # InstanceNumber
        "00200020",  # PatientOrientation
        "00200032",  # ImagePositionPatient
        "00200037",  # ImageOrientationPatient
        "00200052",  # FrameOfReferenceUID
        "00200060",  # Laterality
        "00200062",  # ImageLaterality
        "00201041",  # SliceLocation
        "00201206",  # NumberOfStudyRelatedSeries
        "00201208",  # NumberOfStudyRelatedInstances
        "00201209",  # NumberOfSeriesRelatedInstances
        "00209056",  # StackID
        "00209057",  # InStackPositionNumber
        "00209111",  # FrameContentSequence
        "00209113",  # PlanePositionSequence
        "00209116",  # PlaneOrientationSequence
        "00209157",  # DimensionIndexValues
        "00409096",  # RealWorldValueMappingSequence
        "20500020",  # PresentationLUTShape
    }
)
_CLINICAL = frozenset(
    {
        "00080020",  # StudyDate
        "00080021",  # SeriesDate
        "00080022",  # AcquisitionDate
        "00080023",  # ContentDate
        "00080030",  # StudyTime
        "00080031",  # SeriesTime
        "00080032",  # AcquisitionTime
        "00080033",  # ContentTime
        "00081030",  # StudyDescription
        "0008103E",  # SeriesDescription
        "00081080",  # AdmittingDiagnosesDescription
        "00100040",  # PatientSex
        "00101010",  # PatientAge
        "00101020",  # PatientSize
        "00101030",  # PatientWeight
        "001021B0",  # AdditionalPatientHistory
        "00180010",  # ContrastBolusAgent
        "00181030",  # ProtocolName
        "00204000",  # ImageComments
        "00321060",  # RequestedProcedureDescription
    }
)
_SITE = frozenset(
    {
        "00080070",  # Manufacturer
        "00080080",  # InstitutionName
        "00081010",  # StationName
        "00081090",  # ManufacturerModelName
        "00100010",  # PatientName
        "00100020",  # PatientID
        "00120030",  # ClinicalTrialSiteID
        "00120031",  # ClinicalTrialSiteName
        "00120040",  # ClinicalTrialSubjectID
        "00181020",  # SoftwareVersions
    }
)


def veil_of(blinding: Blinding, aliases: Aliases | None) -> Veil:
    """What a root shows of the attributes, and under which identifiers."""
    tags = _DISPLAY
    if blinding.shows_clinical_data:
        tags |= _CLINICAL
    if blinding.shows_site:
        tags |= _SITE
    return Veil(tags, _GROUPS, aliases)
