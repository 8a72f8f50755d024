"""What happens to attributes that Table E.1-1 does not list: what names or dates somebody goes, what people type is cleaned.

The table lists what the writers of the standard thought of. Retired order numbers, births in other calendars and the
labels that a person gives to a segment or a beam are not among it.
"""

from functools import lru_cache

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from radcommons.deid.folding import listed
from radcommons.dicom.elements import PIXEL_TAGS, vr_of_tag

# The names of classes and of the standard itself.
_KEPT_UID_KEYWORDS = listed(
    """
AffectedSOPClassUID AvailableTransferSyntaxUID CodingSchemeUID ContextGroupExtensionCreatorUID ContextUID
EncryptedContentTransferSyntaxUID MACCalculationTransferSyntaxUID MappingResourceUID OriginalSpecializedSOPClassUID
ReferencedRelatedGeneralSOPClassUIDInFile ReferencedSOPClassUID ReferencedTransferSyntaxUIDInFile RelatedGeneralSOPClassUID
RequestedSOPClassUID SOPClassUID SOPClassesInStudy SOPClassesSupported TransferSyntaxUID
"""
)
# Addresses that name a vocabulary; all others name servers, files and persons.
_KEPT_URL_KEYWORDS = listed("CodingSchemeURL URNCodeValue")
# Bytes that a picture or a signal needs; all other unlisted ones may be documents, images or encrypted.
_KEPT_BYTES_KEYWORDS = listed("ICCProfile FillPattern")
_IDENTIFYING_KEYWORDS = listed(
    """
ComponentWelderIDs ConfidentialityCode FillerOrderNumberImagingServiceRequestRetired FillerOrderNumberProcedure HangingProtocolCreator
HangingProtocolUserGroupName ItineraryID ItineraryIDAssigningAuthority LocalNamespaceEntityID PatientAlternativeCalendar
PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PlacerOrderNumberImagingServiceRequestRetired
PlacerOrderNumberProcedure PrintJobID PrintQueueID PrinterName StorageMediaFileSetID UniversalEntityID
"""
)
_DEVICE_KEYWORDS = listed(
    "DeviceID GridID RadiationMachineName RepairID RespiratorySignalSourceID SubstanceAdministrationDeviceID"
)
# Narrative value representations of what is a code or the name of one, or the text that a report consists of.
_NO_NARRATIVES = listed(
    "CodingSchemeExternalID CodingSchemeName CodingSchemeResponsibleOrganization ExtendedCodeMeaning LongCodeValue TextValue TrackingID"
)
_TYPED_ENDINGS = ("Comment", "Comments", "Description", "Explanation", "Label", "Notes", "Reason")
_TYPED_KEYWORDS = listed(
    """
AcquisitionProtocolName ApplicationSetupName BeamName BlockName ConfigurationName DataSetName DataSetSource EventTimerNames FrameLabelVector
HangingProtocolName ImageID InstructionText PatientAdditionalPosition PatientReliabilityIndicator PotentialDiagnosticTasks
PotentialReasonsForProcedure ProtocolElementName RTImageName Reference ReferenceToRecordedSound StageName SurgicalTechnique TemplateName
TestResultComment TrackingID TransducerData TreatmentProtocols
"""
)
_NARRATIVE_VRS = frozenset({"LT", "ST", "UC", "UT"})
_TYPED_VRS = frozenset({"LO", "SH", "UC"})
_DATE_OPTIONS = frozenset({"retain_longitudinal_full_dates", "retain_longitudinal_modified_dates"})
_DENIED = "X/Z/D"


def tags_of(keywords: frozenset[str]) -> frozenset[int]:
    """The attributes that keywords name."""
    return frozenset(tag for tag in map(tag_for_keyword, keywords) if tag is not None)


KEPT_UID_TAGS = tags_of(_KEPT_UID_KEYWORDS)
_KEPT_URLS, _KEPT_BYTES = tags_of(_KEPT_URL_KEYWORDS), tags_of(_KEPT_BYTES_KEYWORDS)
_IDENTIFYING, _DEVICES = tags_of(_IDENTIFYING_KEYWORDS), tags_of(_DEVICE_KEYWORDS)


@lru_cache(maxsize=4096)
def is_typed_by_people(tag: int) -> bool:
    """Whether people type into an attribute of short texts what they like, as into descriptions, labels and comments."""
    keyword = keyword_for_tag(tag)
    return vr_of_tag(tag) in _TYPED_VRS and (keyword in _TYPED_KEYWORDS or keyword.endswith(_TYPED_ENDINGS))


@lru_cache(maxsize=4096)
def unlisted_code(tag: int, vr: str, options: tuple[str, ...]) -> tuple[str, str]:
    """The code for an attribute that the table does not list, and why, in a sentence.

    Parameters
    ----------
    tag, vr
        The attribute, with its value representation in the object.
    options
        Those of the profile.
    """
    proper = vr_of_tag(tag)
    if proper == "UN":
        return "X", "The dictionary does not know it, so it is removed."
    if "UR" in {vr, proper} and tag not in _KEPT_URLS:
        return "X", "Addresses name servers and persons; only those of vocabularies stay."
    if proper == "OB" and tag not in _KEPT_BYTES:
        return "X", "Bytes may be documents, pictures or encrypted, so they are removed."
    if tag in _IDENTIFYING:
        return _DENIED, "It numbers or dates a person, an order or an institution."
    if tag in _DEVICES and "retain_device_identity" not in options:
        return _DENIED, "It names a single device."
    return _code_of_form(tag, vr, options)


def _code_of_form(tag: int, vr: str, options: tuple[str, ...]) -> tuple[str, str]:
    """The code that follows from the value representation."""
    if vr == "PN":
        return "Z", "It names a person, so it is emptied."
    if vr == "UI":
        if tag in KEPT_UID_TAGS:
            return "K", "It names a class or a vocabulary; what is none of the standard is replaced all the same."
        return "K" if "retain_uids" in options else "U", "UIDs of objects are replaced unless they are retained."
    if vr in {"DA", "DT"}:
        has_dates = not _DATE_OPTIONS.isdisjoint(options)
        return (
            "C" if has_dates else _DENIED,
            "Dates that no row lists move or stay with the option for dates, and go without one.",
        )
    if vr in _NARRATIVE_VRS and keyword_for_tag(tag) not in _NO_NARRATIVES:
        is_kept = "clean_descriptors" in options
        return (
            "C" if is_kept else _DENIED,
            "Free text that no row lists is cleaned with the option for descriptors, and goes without it.",
        )
    if is_typed_by_people(tag):
        return "C", "People type into it what they like, so it is cleaned as a description is."
    if tag in PIXEL_TAGS:
        return "K", "Writing in it is looked for, and heads are held, as the rules for pixels say; its numbers stay."
    return "K", "It cannot name or date anybody; texts are still searched for the study's own identifiers."
