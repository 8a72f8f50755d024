"""Which attributes can be searched, at which level, in which column, and which are returned (PS3.18 10.6)."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The levels of the information model, by their names in addresses."""

    STUDY = "studies"
    SERIES = "series"
    INSTANCE = "instances"


ORDER = (Level.STUDY, Level.SERIES, Level.INSTANCE)


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute that can be matched.

    Parameters
    ----------
    column
        The path of its column from the table of its level; None for an attribute that the archive knows to be empty,
        since de-identification empties it.
    """

    tag: str
    keyword: str
    vr: str
    level: Level
    column: str | None


def _keys(level: Level, *rows: tuple[str, str, str, str | None]) -> tuple[Key, ...]:
    return tuple(Key(tag, keyword, vr, level, column) for tag, keyword, vr, column in rows)


KEYS = (
    *_keys(
        Level.STUDY,
        ("00080020", "StudyDate", "DA", "study_date"),
        ("00080030", "StudyTime", "TM", "study_time"),
        ("00080050", "AccessionNumber", "SH", "accession_number"),
        ("00080061", "ModalitiesInStudy", "CS", "modality"),
        ("00080090", "ReferringPhysicianName", "PN", None),
        ("00081030", "StudyDescription", "LO", "study_description"),
        ("00100010", "PatientName", "PN", "patient_name"),
        ("00100020", "PatientID", "LO", "subject__subject_id"),
        ("00100030", "PatientBirthDate", "DA", None),
        ("00100040", "PatientSex", "CS", "patient_sex"),
        ("0020000D", "StudyInstanceUID", "UI", "study_instance_uid"),
        ("00200010", "StudyID", "SH", "study_id"),
    ),
    *_keys(
        Level.SERIES,
        ("00080060", "Modality", "CS", "modality"),
        ("00080070", "Manufacturer", "LO", "manufacturer"),
        ("0008103E", "SeriesDescription", "LO", "series_description"),
        ("00081090", "ManufacturerModelName", "LO", "manufacturer_model_name"),
        ("00180015", "BodyPartExamined", "CS", "body_part_examined"),
        ("00181030", "ProtocolName", "LO", "protocol_name"),
        ("0020000E", "SeriesInstanceUID", "UI", "series_instance_uid"),
        ("00200011", "SeriesNumber", "IS", "series_number"),
        ("00400244", "PerformedProcedureStepStartDate", "DA", "performed_date"),
        ("00400245", "PerformedProcedureStepStartTime", "TM", "performed_time"),
        # The procedure's numbers of the hospital inside it are never sent (PS3.15 Table E.1-1).
        ("00400275", "RequestAttributesSequence", "SQ", None),
    ),
    *_keys(
        Level.INSTANCE,
        ("00080016", "SOPClassUID", "UI", "sop_class_uid"),
        ("00080018", "SOPInstanceUID", "UI", "sop_instance_uid"),
        ("00083002", "AvailableTransferSyntaxUID", "UI", "transfer_syntax_uid"),
        ("00200013", "InstanceNumber", "IS", "instance_number"),
        ("00280008", "NumberOfFrames", "IS", "number_of_frames"),
        ("00280010", "Rows", "US", "rows"),
        ("00280011", "Columns", "US", "columns"),
    ),
)
KEY_BY_TAG = {key.tag: key for key in KEYS}
MODALITIES_IN_STUDY = "00080061"

# Returned whether asked for or not, with their value representations (Tables 10.6.3-3 to 10.6.3-5).
RETURNED: dict[Level, dict[str, str]] = {
    Level.STUDY: {
        "00080020": "DA",
        "00080030": "TM",
        "00080050": "SH",
        "00080061": "CS",
        "00080090": "PN",
        "00100010": "PN",
        "00100020": "LO",
        "00100030": "DA",
        "00100040": "CS",
        "0020000D": "UI",
        "00200010": "SH",
        "00201206": "IS",
        "00201208": "IS",
    },
    Level.SERIES: {
        "00080060": "CS",
        "0008103E": "LO",
        "0020000D": "UI",
        "0020000E": "UI",
        "00200011": "IS",
        "00201209": "IS",
        "00400244": "DA",
        "00400245": "TM",
        "00400275": "SQ",
    },
    Level.INSTANCE: {
        "00080016": "UI",
        "00080018": "UI",
        "00083002": "UI",
        "0020000D": "UI",
        "0020000E": "UI",
        "00200013": "IS",
        "00280008": "IS",
        "00280010": "US",
        "00280011": "US",
        "00280100": "US",
    },
}


def levels_down_to(level: Level) -> tuple[Level, ...]:
    """A level and those above it, from the study down."""
    return ORDER[: ORDER.index(level) + 1]
