"""Every call of NBIA that is answered: its method, its parameters, and who answers it. One table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from radcommons.server.access.nbia import documents, images, listing
from radcommons.server.access.nbia.formats import Encoded
from radcommons.server.access.nbia.listing import Table
from radcommons.server.access.nbia.requests import Asked
from radcommons.server.archive.models import Instance
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action


@dataclass(frozen=True, slots=True)
class SingleFile:
    """One stored instance, to be sent under a name."""

    release_id: int
    instance: Instance
    file_name: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of one stored instance, to be made."""

    sha256: str


Answer = Table | Encoded | images.Archive | SingleFile | Thumbnail


@dataclass(frozen=True, slots=True)
class Call:
    """A call.

    Parameters
    ----------
    is_form
        Whether its parameters come in the body of a POST; otherwise in the query of a GET.
    allowed
        Every parameter it knows, ``format`` among them when the answer is a table.
    any_name
        Whether other names are let through: the numbered ones of the search grammar.
    default_format
        The format of a table when none is asked for.
    """

    answer: Callable[[Asked], Answer]
    allowed: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    action: Action = Action.RELEASES_READ
    is_form: bool = False
    any_name: bool = False
    default_format: str = "JSON"
    versions: frozenset[str] = frozenset({"v1", "v2", "v4"})


def _archive(asked: Asked) -> Answer:
    parameters = asked.parameters
    return images.archive_of(
        parameters.uid("SeriesInstanceUID"),
        asked.actor,
        is_renamed=parameters.is_yes("NewFileNames"),
        has_hashes=parameters.is_yes("IncludeMD5"),
    )


def _archive_with_hashes(asked: Asked) -> Answer:
    return images.archive_of(asked.parameters.uid("SeriesInstanceUID"), asked.actor, is_renamed=False, has_hashes=True)


def _retriever_archive(asked: Asked) -> Answer:
    parameters = asked.parameters
    has_hashes = parameters.is_yes("MD5Verification")
    uid = parameters.uid("SeriesInstanceUID")
    return images.archive_of(uid, asked.actor, is_renamed=False, has_hashes=has_hashes, has_licence=False)


def _single(asked: Asked) -> Answer:
    uid = asked.parameters.uid("SOPInstanceUID")
    series, instance = images.instance_of(asked.parameters.uid("SeriesInstanceUID"), uid, asked.actor)
    return SingleFile(series.collection.release.pk, instance, f"{uid}.dcm")


def _thumbnail(asked: Asked) -> Answer:
    _, instance = images.instance_of(asked.parameters.uid("seriesUID"), asked.parameters.uid("objectUID"), asked.actor)
    if not instance.is_image:
        raise NotFoundError
    return Thumbnail(instance.sha256)


def _table(answer: Callable[[Asked], Table], *allowed: str, required: tuple[str, ...] = ()) -> Call:
    return Call(answer, (*allowed, "format"), required)


def _list(answer: Callable[[Asked], Table], name: str) -> Call:
    return Call(answer, (name, "format"), (name,), is_form=True, default_format="CSV-DOWNLOAD")


def _form(answer: Callable[[Asked], Encoded], *allowed: str, required: tuple[str, ...] = ()) -> Call:
    return Call(answer, (*allowed, "format"), required, is_form=True)


def _search(answer: Callable[[Asked], Encoded]) -> Call:
    return Call(answer, is_form=True, any_name=True)


def _bytes(answer: Callable[[Asked], Answer], *allowed: str, required: tuple[str, ...]) -> Call:
    return Call(answer, allowed, required, Action.ACCESS_DOWNLOAD)


_SERIES_UID = ("SeriesInstanceUID",)
_SERIES_FILTERS = tuple(name for name in listing.FILTERS if name != "PatientId")
_OF_VERSION_1 = frozenset({"v1", "v2"})

CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "getCollectionValues": _table(listing.collection_values),
        "getBodyPartValues": _table(
            listing.values_of("body_part_examined", "BodyPartExamined"), "Collection", "Modality"
        ),
        "getModalityValues": _table(listing.values_of("modality", "Modality"), "Collection", "BodyPartExamined"),
        "getManufacturerValues": _table(
            listing.values_of("manufacturer", "Manufacturer"), "Collection", "Modality", "BodyPartExamined"
        ),
        "getPatient": _table(listing.patients, "Collection", "PatientId"),
        "getPatientByCollectionAndModality": _table(
            listing.patients_by_modality, "Collection", "Modality", required=("Collection", "Modality")
        ),
        "NewPatientsInCollection": _table(
            listing.new_patients, "Collection", "fromDate", "Date", required=("Collection",)
        ),
        "getPatientStudy": _table(
            listing.studies, "Collection", "PatientID", "StudyInstanceUID", required=("Collection",)
        ),
        "NewStudiesInPatientCollection": _table(
            listing.new_studies, "Collection", "PatientID", "fromDate", "Date", required=("Collection",)
        ),
        "getSeries": _table(listing.series, "Collection", *_SERIES_FILTERS),
        "getUpdatedSeries": _table(listing.updated_series, "fromDate", "Date"),
        "getSeriesSize": _table(listing.series_size, "SeriesInstanceUID", required=_SERIES_UID),
        "getSOPInstanceUIDs": _table(listing.sop_instance_uids, "SeriesInstanceUID", required=_SERIES_UID),
        "getSeriesMetadata": _list(listing.series_metadata, "list"),
        "getSeriesMetadataCombined": _list(listing.series_metadata_combined, "list"),
        "getSeriesQCInfo": _list(listing.series_qc_info, "seriesId"),
        "getCollectionValuesAndCounts": _table(listing.collection_counts),
        "getModalityValuesAndCounts": _table(
            listing.counts_of("modality", "Modality"), "Collection", "BodyPartExamined"
        ),
        "getBodyPartValuesAndCounts": _table(
            listing.counts_of("body_part_examined", "BodyPart"), "Collection", "Modality"
        ),
        "getManufacturerValuesAndCounts": _table(
            listing.counts_of("manufacturer", "Manufacturer"), "Collection", "Modality", "BodyPartExamined"
        ),
        "getSpeciesValuesAndCounts": _table(listing.species_counts),
        "getSpeciesTax": Call(documents.species_tax, ("format",)),
        "getManufacturerTree": Call(documents.manufacturer_tree, ("format",)),
        "getMinMaxTimepoints": Call(documents.timepoints, ("format",)),
        "getCollectionDescriptions": Call(documents.collection_descriptions, ("collectionName", "format")),
        "getCollectionOrSeriesForDOI": _form(
            documents.collection_or_series_for_doi, "DOI", "CollectionOrSeries", required=("DOI",)
        ),
        "getDicomTags": Call(documents.dicom_tags, ("SeriesUID", "format"), ("SeriesUID",)),
        "getDicomTagsByImageID": Call(documents.dicom_tags_of_image, ("imageID", "format"), ("imageID",)),
        "getSimpleSearch": _search(documents.simple_search),
        "getRestrictionsForSimpleSearch": _search(documents.simple_search_restrictions),
        "getManifestForSimpleSearch": _search(documents.simple_search_manifest),
        "getManifestText": _form(documents.manifest_text, "list", "includeAnnotation", required=("list",)),
        "getManifestForCollection": _form(
            documents.collection_manifest, "collection", "visibility", "includeAnnotation", required=("collection",)
        ),
        "getManifestFromPatientStudySeries": _form(
            documents.manifest_of_parts, "patientIDs", "studyUIDs", "seriesUIDs", "anyOrAll", "includeAnnotation"
        ),
        "getImage": _bytes(_archive, "SeriesInstanceUID", "NewFileNames", "IncludeMD5", required=_SERIES_UID),
        "getImageWithMD5Hash": _bytes(_archive_with_hashes, "SeriesInstanceUID", required=_SERIES_UID),
        "getDCMImage": _bytes(
            _retriever_archive, "SeriesInstanceUID", "IncludeAnnotation", "MD5Verification", required=_SERIES_UID
        ),
        "getImageOther": _bytes(_retriever_archive, "SeriesInstanceUID", required=_SERIES_UID),
        "getSingleImage": _bytes(
            _single, "SeriesInstanceUID", "SOPInstanceUID", required=("SeriesInstanceUID", "SOPInstanceUID")
        ),
        "getThumbnail": Call(
            _thumbnail, ("seriesUID", "objectUID"), ("seriesUID", "objectUID"), Action.ACCESS_DOWNLOAD, is_form=True
        ),
        "getMD5HashForImage": Call(documents.md5_of_image, ("SOPInstanceUID",), action=Action.ACCESS_DOWNLOAD),
        "getM5HashForImage": Call(
            documents.md5_of_image, ("SOPInstanceUid",), action=Action.ACCESS_DOWNLOAD, versions=_OF_VERSION_1
        ),
        "getMD5Hierarchy": Call(
            documents.md5_hierarchy,
            ("SeriesInstanceUID", "StudyInstanceUID", "PatientID", "Collection"),
            action=Action.ACCESS_DOWNLOAD,
            is_form=True,
        ),
        "getDeniedSeries": _table(listing.denied_series, "seriesList", "userName"),
        "getSeriesMetaData": Call(
            listing.retriever_metadata,
            ("SeriesInstanceUID", "format"),
            _SERIES_UID,
            versions=_OF_VERSION_1,
        ),
        "getContentsByName": Call(
            listing.contents_by_name,
            ("name", "format"),
            ("name",),
            versions=_OF_VERSION_1,
        ),
        "getUserAgreementTxt": Call(documents.user_agreement, ("format",), versions=_OF_VERSION_1),
        "getAllSOPClassDefinition": Call(documents.sop_class_definitions, ("format",), versions=_OF_VERSION_1),
    }
)


def call_named(version: str, name: str) -> Call | None:
    """A call of a version; None when that version has none of that name."""
    call = CALLS.get(name)
    return call if call is not None and version in call.versions else None
