"""The Croissant 1.1 record: schema.org/Dataset for search engines, tables and columns for machine learning tools."""

from collections.abc import Mapping
from typing import Any

from radcommons.server.releases.metadata.citation import citation_text
from radcommons.server.releases.metadata.description import Description
from radcommons.server.releases.tables import ANNOTATION, ANNOTATION_PARQUET, DESCRIPTIONS, TABLES

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
PARQUET = "application/x-parquet"
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "BOOLEAN": "sc:Boolean",
    "VARCHAR": "sc:Text",
    "BIGINT": "sc:Integer",
    "DOUBLE": "sc:Float",
    "DATE": "sc:Date",
}
# No cr:references between the tables: mlcroissant 1.1 then joins them and fails on Parquet. Equal names mean equal keys.
_KEYS = {
    "subject": "subject_id",
    "study": "study_instance_uid",
    "series": "series_instance_uid",
    "instance": "sop_instance_uid",
}


def croissant(description: Description) -> dict[str, Any]:
    """The whole record; its tables are the Parquet files of the release with their digests."""
    return {
        "@context": dict(CONTEXT),
        **dataset(description),
        "conformsTo": CONFORMS_TO,
        "citeAs": citation_text(description),
        "isLiveDataset": False,
        "distribution": _distribution(description),
        "recordSet": [_record_set(name, columns) for name, columns in _tables(description).items()],
    }


def _tables(description: Description) -> Mapping[str, Mapping[str, str]]:
    has_annotations = any(file.path == ANNOTATION_PARQUET for file in description.files)
    return {**TABLES, "annotation": ANNOTATION} if has_annotations else TABLES


def dataset(description: Description) -> dict[str, Any]:
    """The properties of schema.org/Dataset, as search engines read them from the landing page."""
    properties: dict[str, Any] = {
        "@type": "sc:Dataset",
        "name": description.slug,
        "alternateName": description.title,
        "description": description.description or description.title,
        "identifier": description.address,
        "url": description.landing_url,
        "version": description.version,
        "license": description.licence.url,
        "usageInfo": f"http://purl.obolibrary.org/obo/{description.licence.duo.replace(':', '_')}",
        "creator": [{"@type": "sc:Organization", "name": name} for name in description.creators],
        "publisher": {"@type": "sc:Organization", "name": description.publisher},
        "datePublished": description.published_at.date().isoformat(),
        "inLanguage": "en",
        "isAccessibleForFree": True,
        "keywords": list(description.keywords),
    }
    if description.amounts:
        properties["size"] = ", ".join(description.amounts)
    if description.is_restricted:
        properties["conditionsOfAccess"] = f"Granted on request, under the terms on the page: {description.landing_url}"
    if description.parent_url:
        properties["isBasedOn"] = description.parent_url
    return properties


def json_ld(description: Description) -> dict[str, Any]:
    """schema.org/Dataset with its own context, for the landing page."""
    properties = dataset(description)
    properties["@type"] = "Dataset"
    properties["creator"] = [{"@type": "Organization", "name": name} for name in description.creators]
    properties["publisher"] = {"@type": "Organization", "name": description.publisher}
    if description.is_restricted:
        return {"@context": "https://schema.org/", **properties}
    properties["distribution"] = [
        {"@type": "DataDownload", "contentUrl": f"{description.files_url}{name}", "encodingFormat": kind}
        for name, kind in (("release.json", "application/json"), ("croissant.json", "application/ld+json"))
    ]
    return {"@context": "https://schema.org/", **properties}


def _distribution(description: Description) -> list[dict[str, Any]]:
    entries = []
    for file in description.files:
        is_table = file.path.endswith(".parquet")
        entries.append(
            {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "description": _file_description(file.path),
                "contentUrl": f"{description.files_url}{file.path}",
                "contentSize": f"{file.size_bytes} B",
                "encodingFormat": PARQUET if is_table else file.media_type,
                "sha256": file.sha256,
            }
        )
    return entries


def _file_description(path: str) -> str:
    name = path.removeprefix("tables/").removesuffix(".parquet")
    if path.startswith("manifest/"):
        return "One row per instance: its path below the release, size, SHA-256 and leaf salt of the hash tree."
    return DESCRIPTIONS.get(name, path)


def _record_set(name: str, columns: Mapping[str, str]) -> dict[str, Any]:
    fields = []
    for column, kind in columns.items():
        field: dict[str, Any] = {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": column.replace("_", " "),
            "dataType": _TYPES[kind],
            "source": {"fileObject": {"@id": f"tables/{name}.parquet"}, "extract": {"column": column}},
        }
        fields.append(field)
    made: dict[str, Any] = {"@type": "cr:RecordSet", "@id": name, "name": name, "description": DESCRIPTIONS[name]}
    if name in _KEYS:
        made["key"] = {"@id": f"{name}/{_KEYS[name]}"}
    return {**made, "field": fields}
