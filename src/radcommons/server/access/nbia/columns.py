"""What NBIA calls the attributes of patients, studies and series, and in which order its answers hold them. Pure.

The names and their order are those of NBIA's source, spelling included. What this archive does not keep of a series (its
site's own timepoint, a commercial restriction) is absent from answers, as a null is in NBIA.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from radcommons.server.access.nbia.formats import Value
from radcommons.server.access.released import ReleasedSeries
from radcommons.server.archive.metadata import text_of
from radcommons.server.releases.describing import landing_url
from radcommons.server.releases.rules import LICENCES

Getter = Callable[[ReleasedSeries], Value]
DATE = "%m-%d-%Y"
MOMENT = "%m-%d-%Y %H:%M:%S"
HUMAN = ("337915000", "Homo sapiens")
# NBIA's code for "visible", the only state that the public meets.
VISIBLE = "Visible"


def day(value: date | datetime | None) -> str:
    """A date as version 4 writes it, ``MM-DD-YYYY``; empty for none."""
    return value.strftime(DATE) if value else ""


def dicom_day(value: str) -> str:
    """A DICOM date (``YYYYMMDD``) as version 4 writes it; empty when it is none."""
    return f"{value[4:6]}-{value[6:8]}-{value[:4]}" if len(value) == 8 and value.isdigit() else ""  # noqa: PLR2004


def description_uri(series: ReleasedSeries) -> str:
    """Where the collection is described: its DOI, or the page of the version."""
    release = series.collection.release
    return f"https://doi.org/{release.doi}" if release.doi else landing_url(release)


def species(header: Mapping[str, Any]) -> tuple[str, str]:
    """Code and name of the species; a person unless the header says otherwise."""
    coded = (header.get("00102202", {}).get("Value") or [{}])[0]
    name = text_of(coded, "00080104") or text_of(header, "00102201")
    return (text_of(coded, "00080100"), name) if name else HUMAN


def _header(tag: str) -> Getter:
    return lambda series: text_of(series.header, tag)


def _pixel_spacing(series: ReleasedSeries) -> Value:
    values = series.header.get("00280030", {}).get("Value") or [None]
    return values[0] if isinstance(values[0], int | float) else None


GETTERS: Mapping[str, Getter] = MappingProxyType(
    {
        "PatientId": lambda series: series.subject_id,
        "PatientID": lambda series: series.subject_id,
        "PatientName": lambda series: series.patient_name,
        "PatientSex": lambda series: series.patient_sex,
        "PatientAge": _header("00101010"),
        "EthnicGroup": _header("00102160"),
        "Phantom": lambda _: "NO",
        "SpeciesCode": lambda series: species(series.header)[0],
        "SpeciesDescription": lambda series: species(series.header)[1],
        "Collection": lambda series: series.collection.name,
        "Site": lambda series: series.site_code,
        "StudyInstanceUID": lambda series: series.study_instance_uid,
        "StudyDate": lambda series: day(series.study_date),
        "StudyDescription": lambda series: series.study_description,
        "StudyDesc": lambda series: series.study_description,
        "StudyID": lambda series: series.study_id,
        "AdmittingDiagnosesDescription": _header("00081080"),
        "AdmittingDiagnosisDescription": _header("00081080"),
        "LongitudinalTemporalEventType": _header("00120053"),
        "LongitudinalTemporalOffsetFromEvent": _header("00120052"),
        "SeriesInstanceUID": lambda series: series.series_instance_uid,
        "Modality": lambda series: series.modality,
        "ProtocolName": lambda series: series.protocol_name,
        "SeriesDate": lambda series: dicom_day(text_of(series.header, "00080021")),
        "SeriesDescription": lambda series: series.series_description,
        "BodyPartExamined": lambda series: series.body_part_examined,
        "SeriesNumber": lambda series: series.series_number,
        "AnnotationsFlag": lambda _: None,
        "Manufacturer": lambda series: series.manufacturer,
        "ManufacturerModelName": lambda series: series.manufacturer_model_name,
        "SoftwareVersions": _header("00181020"),
        "PixelSpacing(mm)-Row": _pixel_spacing,
        "SliceThickness(mm)": lambda series: series.slice_thickness_mm,
        "ImageCount": lambda series: series.instances,
        "MaxSubmissionTimestamp": lambda series: series.created_at.strftime(MOMENT),
        "LicenseName": lambda series: LICENCES[series.collection.release.licence].name,
        "LicenseURI": lambda series: LICENCES[series.collection.release.licence].url,
        "DataDescriptionURI": description_uri,
        "FileSize": lambda series: series.size_bytes,
        "ReleasedStatus": lambda _: "Yes",
        "DateReleased": lambda series: day(series.released_at),
        "ThirdPartyAnalysis": lambda _: "NO",
        "Visibility": lambda _: VISIBLE,
        # Every published version is open; the column is there for programs that look at it.
        "Authorized": lambda _: 1,
    }
)

PATIENT = (
    "PatientId",
    "PatientName",
    "PatientSex",
    "EthnicGroup",
    "Collection",
    "Phantom",
    "SpeciesCode",
    "SpeciesDescription",
    "Authorized",
)
# SeriesCount stands behind Collection and is counted over the study.
STUDY = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyDescription",
    "AdmittingDiagnosesDescription",
    "StudyID",
    "PatientAge",
    "PatientID",
    "PatientName",
    "PatientSex",
    "EthnicGroup",
    "Collection",
    "SeriesCount",
    "LongitudinalTemporalEventType",
    "LongitudinalTemporalOffsetFromEvent",
    "Authorized",
)
SERIES = (
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "ProtocolName",
    "SeriesDate",
    "SeriesDescription",
    "BodyPartExamined",
    "SeriesNumber",
    "AnnotationsFlag",
    "Collection",
    "Site",
    "PatientID",
    "PatientSex",
    "PatientAge",
    "AdmittingDiagnosisDescription",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "ImageCount",
    "MaxSubmissionTimestamp",
    "LicenseName",
    "LicenseURI",
    "DataDescriptionURI",
    "FileSize",
    "ReleasedStatus",
    "DateReleased",
    "StudyDesc",
    "StudyDate",
    "ThirdPartyAnalysis",
    "Authorized",
)
METADATA = (
    "PatientID",
    "PatientName",
    "PatientSex",
    "EthnicGroup",
    "Phantom",
    "SpeciesCode",
    "SpeciesDescription",
    "StudyInstanceUID",
    "StudyDate",
    "StudyDesc",
    "AdmittingDiagnosisDescription",
    "StudyID",
    "PatientAge",
    "LongitudinalTemporalEventType",
    "LongitudinalTemporalOffsetFromEvent",
    "SeriesInstanceUID",
    "Collection",
    "Site",
    "Modality",
    "ProtocolName",
    "SeriesDate",
    "SeriesDescription",
    "BodyPartExamined",
    "SeriesNumber",
    "AnnotationsFlag",
    "Manufacturer",
    "ManufacturerModelName",
    "PixelSpacing(mm)-Row",
    "SliceThickness(mm)",
    "SoftwareVersions",
    "ImageCount",
    "MaxSubmissionTimestamp",
    "LicenseName",
    "LicenseURI",
    "DataDescriptionURI",
    "FileSize",
    "ReleasedStatus",
    "DateReleased",
    "ThirdPartyAnalysis",
    "Authorized",
)
# getSeriesMetadataCombined: another title for each column of METADATA.
COMBINED: Mapping[str, str] = MappingProxyType(
    {
        "PatientID": "Patient ID",
        "PatientName": "Patient Name",
        "PatientSex": "Patient Sex",
        "EthnicGroup": "Ethnic Group",
        "Phantom": "Phantom",
        "SpeciesCode": "Species Code",
        "SpeciesDescription": "Species Description",
        "StudyInstanceUID": "Study Instance UID",
        "StudyDate": "Study Date",
        "StudyDesc": "Study Description",
        "AdmittingDiagnosisDescription": "Admitting Diagnosis Description",
        "StudyID": "Study ID",
        "PatientAge": "Patient Age",
        "LongitudinalTemporalEventType": "Longitudinal Temporal Event Type",
        "LongitudinalTemporalOffsetFromEvent": "Longitudinal Temporal Offset From Event",
        "SeriesInstanceUID": "Series Instance UID",
        "Collection": "Collection",
        "Site": "Site",
        "Modality": "Modality",
        "ProtocolName": "Protocol Name",
        "SeriesDate": "Series Date",
        "SeriesDescription": "Series Description",
        "BodyPartExamined": "Body Part Examined",
        "SeriesNumber": "Series Number",
        "AnnotationsFlag": "Annotations Flag",
        "Manufacturer": "Manufacturer",
        "ManufacturerModelName": "Manufacturer Model Name",
        "PixelSpacing(mm)-Row": "Pixel Spacing(mm)- Row",
        "SliceThickness(mm)": "Slice Thickness(mm)",
        "SoftwareVersions": "Software Versions",
        "ImageCount": "Image Count",
        "MaxSubmissionTimestamp": "Max Submission Timestamp",
        "LicenseName": "License Name",
        "LicenseURI": "License URI",
        "DataDescriptionURI": "Data Description URI",
        "FileSize": "File Size",
        "ReleasedStatus": "Released Status",
        "DateReleased": "Date Released",
        "ThirdPartyAnalysis": "Third Party Analysis",
        "Authorized": "Authorized",
    }
)
# Version 1's own table of a series, which the Data Retriever reads by position.
RETRIEVER: Mapping[str, Getter] = MappingProxyType(
    {
        "Series UID": GETTERS["SeriesInstanceUID"],
        "Collection": GETTERS["Collection"],
        "3rd Party Analysis": GETTERS["ThirdPartyAnalysis"],
        "Data Description URI": GETTERS["DataDescriptionURI"],
        "Subject ID": GETTERS["PatientID"],
        "Study UID": GETTERS["StudyInstanceUID"],
        "Study Description": GETTERS["StudyDesc"],
        "Study Date": GETTERS["StudyDate"],
        "Series Description": GETTERS["SeriesDescription"],
        "Manufacturer": GETTERS["Manufacturer"],
        "Modality": GETTERS["Modality"],
        "SOP Class UID": lambda series: series.sop_class_uid,
        "Number of Images": GETTERS["ImageCount"],
        "File Size": GETTERS["FileSize"],
        "File Location": lambda _: None,
        "Series Number": GETTERS["SeriesNumber"],
        "License Name": GETTERS["LicenseName"],
        "License URL": GETTERS["LicenseURI"],
        "Annotation Size": lambda _: 0,
        "Date Released": GETTERS["DateReleased"],
        "Series Date": GETTERS["SeriesDate"],
        "Protocol Name": GETTERS["ProtocolName"],
        "Body Part Examined": GETTERS["BodyPartExamined"],
        "Annotations Flag": GETTERS["AnnotationsFlag"],
        "Manufacturer Model Name": GETTERS["ManufacturerModelName"],
        "Software Versions": GETTERS["SoftwareVersions"],
        "TimeStamp": GETTERS["MaxSubmissionTimestamp"],
    }
)


def row(series: ReleasedSeries, columns: Sequence[str], **counted: Value) -> list[Value]:
    """The values of a series for some columns; those that are counted over more than it are given."""
    return [counted[name] if name in counted else GETTERS[name](series) for name in columns]
