"""The answers that are one document: searches, manifests, trees, descriptions, headers, digests."""

from datetime import UTC, datetime
from html import escape
from typing import Any

import orjson
from django.db.models import Q
from pydicom._uid_dict import UID_dictionary

from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.access.nbia import columns, images, manifests
from radcommons.server.access.nbia.dicom_tags import tag_rows
from radcommons.server.access.nbia.formats import Encoded
from radcommons.server.access.nbia.requests import Asked
from radcommons.server.access.nbia.search_grammar import parse_search
from radcommons.server.access.nbia.simple_search import answer, find_patients, is_commercially_restricted
from radcommons.server.access.released import (
    SERIES,
    STUDY,
    SUBJECT,
    Collection,
    collections_named,
    current_collections,
    every_collection,
    instances_in,
    place_of,
    released_series,
    series_of,
    shelved,
)
from radcommons.server.archive.metadata import attributes_of
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import older_digests
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.queries import instances_of

# More would be read from the store for one answer.
MOST_HASHED_BYTES = 2 << 30
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


def simple_search(asked: Asked) -> Encoded:
    """``getSimpleSearch``."""
    return _json(answer(parse_search(asked.parameters), asked.actor))


def simple_search_restrictions(asked: Asked) -> Encoded:
    """``getRestrictionsForSimpleSearch``: whether anything found may not be used commercially."""
    return _text("yes" if is_commercially_restricted(parse_search(asked.parameters), asked.actor) else "no")


def simple_search_manifest(asked: Asked) -> Encoded:
    """``getManifestForSimpleSearch``: all that is found, not a page of it."""
    found = find_patients(parse_search(asked.parameters), asked.actor)
    return _manifest(asked, [uid for patient in found for uid in patient.series])


def manifest_text(asked: Asked) -> Encoded:
    """``getManifestText``: the published ones of a list."""
    wanted = asked.parameters.texts("list")
    known = series_of(wanted, asked.actor)
    return _manifest(asked, [uid for uid in wanted if uid in known])


def collection_manifest(asked: Asked) -> Encoded:
    """``getManifestForCollection``."""
    return _manifest(asked, _uids(collections_named(asked.parameters.text("collection"), asked.actor), Q()))


def manifest_of_parts(asked: Asked) -> Encoded:
    """``getManifestFromPatientStudySeries``: series that any, or all, of three lists name."""
    lists = {
        f"{SUBJECT}subject_id__in": asked.parameters.texts("patientIDs"),
        f"{STUDY}study_instance_uid__in": asked.parameters.texts("studyUIDs"),
        f"{SERIES}series_instance_uid__in": asked.parameters.texts("seriesUIDs"),
    }
    given = [Q(**{column: values}) for column, values in lists.items() if values]
    if not given:
        raise NbiaRefusalError("One of patientIDs, studyUIDs and seriesUIDs is required for this API call.")
    where = given[0]
    for condition in given[1:]:
        where = where & condition if asked.parameters.text("anyOrAll").lower() == "all" else where | condition
    return _manifest(asked, _uids(current_collections(asked.actor), where))


def collection_descriptions(asked: Asked) -> Encoded:
    """``getCollectionDescriptions``: what a release says of itself, as HTML."""
    name = asked.parameters.text("collectionName")
    found = collections_named(name, asked.actor) if name else current_collections(asked.actor)
    return _json([_description(collection) for collection in found])


def collection_or_series_for_doi(asked: Asked) -> Encoded:
    """``getCollectionOrSeriesForDOI``; a DOI with or without ``https://doi.org/``, or the address of a release's page."""
    wanted = _bare(asked.parameters.text("DOI"))
    found = [each for each in every_collection(asked.actor) if each.release.doi and _bare(each.release.doi) == wanted]
    if not found:
        first = (next(released_series([each]), None) for each in current_collections(asked.actor))
        found = [each.collection for each in first if each and _bare(columns.description_uri(each)) == wanted]
    # NBIA's spelling.
    common = {"thirdPartyAnanlysis": "NO", "authorized": 1}
    if asked.parameters.text("CollectionOrSeries").lower() != "series":
        return _json([{"collection": each.name, **common} for each in found])
    uids = [(each.name, uid) for each in found for uid in _uids([each], Q())]
    return _json([{"collection": name, "seriesInstanceUID": uid, **common} for name, uid in uids])


def species_tax(asked: Asked) -> Encoded:
    """``getSpeciesTax``."""
    found = {columns.HUMAN} | {
        columns.species(each.header) for each in released_series(current_collections(asked.actor))
    }
    return _json([{"speciesCode": code, "speciesDescription": name} for code, name in sorted(found)])


def manufacturer_tree(asked: Asked) -> Encoded:
    """``getManufacturerTree``: manufacturer, model, versions of software."""
    tree: dict[str, dict[str, set[str]]] = {}
    for each in released_series(current_collections(asked.actor)):
        models = tree.setdefault(each.manufacturer or "Not Specified", {})
        version = columns.GETTERS["SoftwareVersions"](each)
        models.setdefault(each.manufacturer_model_name or "Not Specified", set()).add(str(version or "Not Specified"))
    return _json(
        [
            {
                "manufacturer": name,
                "models": [
                    {"model": model, "softwareVersions": sorted(tree[name][model])} for model in sorted(tree[name])
                ],
            }
            for name in sorted(tree)
        ]
    )


def timepoints(_: Asked) -> Encoded:
    """``getMinMaxTimepoints``: none, because the dates of subjects are shifted and no event is kept."""
    return _json({"maxTimepoints": {}, "minTimepoints": {}})


def dicom_tags(asked: Asked) -> Encoded:
    """``getDicomTags``: the header of the first instance of a series; nothing for an unknown one."""
    try:
        instance = instances_in(place_of(asked.parameters.uid("SeriesUID"), asked.actor)).first()
    except NotFoundError:
        instance = None
    return _tags(instance)


def dicom_tags_of_image(asked: Asked) -> Encoded:
    """``getDicomTagsByImageID``; an image is named by its SOP Instance UID here."""
    try:
        return _tags(_published_instance(asked.parameters.uid("imageID"), asked.actor))
    except NotFoundError:
        return _tags(None)


def md5_of_image(asked: Asked) -> Encoded:
    """``getMD5HashForImage``."""
    names = ("SOPInstanceUID", "SOPInstanceUid")
    uid = next((found for name in names if (found := asked.parameters.uid(name))), "")
    if not uid:
        raise NbiaRefusalError("A parameter, SOPInstanceUID, is required for this API call.")
    sha256 = _published_instance(uid, asked.actor).sha256
    return _text(older_digests([sha256])[sha256].md5)


def md5_hierarchy(asked: Asked) -> Encoded:
    """``getMD5Hierarchy``: one digest for a series, a study, a patient or a collection.

    Raises
    ------
    NbiaRefusalError
        When nothing is named, or more than two gigabytes would have to be read.
    """
    parameters = asked.parameters
    if uid := parameters.uid("SeriesInstanceUID"):
        found = list(series_of([uid], asked.actor).values())
    else:
        where = Q()
        for name, column in (
            ("StudyInstanceUID", f"{STUDY}study_instance_uid"),
            ("PatientID", f"{SUBJECT}subject_id__iexact"),
        ):
            if value := parameters.text(name):
                where &= Q(**{column: value})
        name = parameters.text("Collection")
        if not where and not name:
            raise NbiaRefusalError("One of SeriesInstanceUID, StudyInstanceUID, PatientID and Collection is required.")
        found = list(
            released_series(collections_named(name, asked.actor) if name else current_collections(asked.actor), where)
        )
    if sum(each.size_bytes for each in found) > MOST_HASHED_BYTES:
        raise NbiaRefusalError("This is too much to be hashed at once. Ask study by study.")
    tree: dict[str, dict[str, list[str]]] = {}
    for each in found:
        members = instances_in(each).values_list("sha256", flat=True)
        digests = [found.md5 for found in older_digests(members).values()]
        studies = tree.setdefault(each.subject_id, {})
        studies.setdefault(each.study_instance_uid, []).append(images.hash_of_hashes(digests))
    if uid:
        return _text(
            next((digest for studies in tree.values() for all_of in studies.values() for digest in all_of), "")
        )
    patients = {key: [images.hash_of_hashes(each) for each in studies.values()] for key, studies in tree.items()}
    if parameters.text("StudyInstanceUID"):
        return _text(next((digest for digests in patients.values() for digest in digests), ""))
    levels = [images.hash_of_hashes(digests) for digests in patients.values()]
    return _text("".join(levels[:1]) if parameters.text("PatientID") else images.hash_of_hashes(levels))


def user_agreement(_: Asked) -> Encoded:
    """``getUserAgreementTxt``: empty, because what is published needs no agreement but its licence."""
    return _text("")


def sop_class_definitions(_: Asked) -> Encoded:
    """``getAllSOPClassDefinition``: a Java properties file from UID to name."""
    lines = [f"{uid}={entry[0]}" for uid, entry in sorted(UID_dictionary.items()) if entry[1] == "SOP Class"]
    return _text("\n".join(lines) + "\n")


def _description(collection: Collection) -> dict[str, Any]:
    release = collection.release
    paragraphs = (release.title, release.description, release.changes)
    text = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs if paragraph.strip())
    first = next(released_series([collection]), None)
    published = release.published_at.strftime(columns.DATE) if release.published_at else ""
    return {
        "id": release.pk,
        "collectionName": collection.name,
        "description": text,
        "descriptionURI": columns.description_uri(first) if first else "",
        "collectionDescTimestamp": published,
    }


def _uids(collections: list[Collection], where: Q) -> list[str]:
    path = f"{SERIES}series_instance_uid"
    found = shelved(collections, where).order_by(f"{SUBJECT}subject_id", f"{STUDY}study_instance_uid", path)
    return list(dict.fromkeys(found.values_list(path, flat=True)))


def _published_instance(sop_instance_uid: str, actor: Actor) -> Instance:
    """An instance of any version that an actor may read.

    Raises
    ------
    NotFoundError
        When none holds it.
    """
    for collection in every_collection(actor):
        instance = instances_of(collection.release).filter(sop_instance_uid=sop_instance_uid).first()
        if instance is not None:
            return instance
    raise NotFoundError


def _tags(instance: Instance | None) -> Encoded:
    if instance is None:
        return Encoded(b"", JSON)
    meta = {
        "00020002": instance.sop_class_uid,
        "00020003": instance.sop_instance_uid,
        "00020010": instance.transfer_syntax_uid,
    }
    return _json(tag_rows(attributes_of(instance.dicom_json), meta=meta))


def _manifest(asked: Asked, uids: list[str]) -> Encoded:
    name = f"manifest-{round(datetime.now(UTC).timestamp() * 1000)}"
    has_annotations = asked.parameters.text("includeAnnotation").lower() != "false"
    text = manifests.tcia_manifest(uids, origin=asked.origin, name=name, has_annotations=has_annotations)
    return Encoded(text.encode(), manifests.MEDIA_TYPE, f"{name}.tcia") if uids else Encoded(b"", manifests.MEDIA_TYPE)


def _bare(doi: str) -> str:
    return doi.strip().lower().removeprefix("https://").removeprefix("http://").removeprefix("doi.org/").strip("/")


def _json(value: object) -> Encoded:
    return Encoded(orjson.dumps(value) if value else b"", JSON)


def _text(text: str) -> Encoded:
    return Encoded(text.encode(), TEXT)
