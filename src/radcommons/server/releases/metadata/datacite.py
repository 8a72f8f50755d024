"""The DataCite record, schema 4.7: as JSON for the REST API and as XML for everybody else."""

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as ET

from radcommons.server.releases.metadata.description import Description

NAMESPACE = "http://datacite.org/schema/kernel-4"
SCHEMA_LOCATION = f"{NAMESPACE} https://schema.datacite.org/meta/kernel-4.7/metadata.xsd"
SPDX = "https://spdx.org/licenses/"
COAR = "http://purl.org/coar/access_right/"
# DataCite's word for a value that is still to be assigned (appendix 3 of the schema).
UNASSIGNED = "(:tba)"


def datacite(description: Description) -> dict[str, Any]:
    """The attributes as the DataCite REST API takes them."""
    record: dict[str, Any] = {
        "schemaVersion": NAMESPACE,
        "creators": [{"name": name, "nameType": "Organizational"} for name in description.creators],
        "titles": [{"title": description.title}],
        "publisher": {"name": description.publisher},
        "publicationYear": str(description.published_at.year),
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Medical images (DICOM)"},
        "subjects": [{"subject": keyword} for keyword in description.keywords],
        "contributors": [
            {"name": description.publisher, "nameType": "Organizational", "contributorType": "HostingInstitution"}
        ],
        "dates": _dates(description),
        "language": "en",
        "alternateIdentifiers": [
            {"alternateIdentifier": f"{description.slug}@{description.version}", "alternateIdentifierType": "Release"},
            {"alternateIdentifier": description.root_hash, "alternateIdentifierType": "Root hash (SHA-256, RFC 6962)"},
        ],
        "relatedIdentifiers": _relations(description),
        "sizes": list(description.amounts),
        "formats": ["application/dicom", "application/vnd.apache.parquet"],
        "version": description.version,
        "rightsList": [
            {
                "rights": description.licence.name,
                "rightsUri": description.licence.url,
                "rightsIdentifier": description.licence.spdx,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": SPDX,
            },
            _access_right(description),
        ],
        "descriptions": _descriptions(description),
        "url": description.landing_url,
    }
    if description.doi:
        record["doi"] = description.doi
    return record


def datacite_xml(description: Description) -> bytes:
    """The same record as XML of the official schema."""
    record = datacite(description)
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root = ET.Element(_tag("resource"), {"{http://www.w3.org/2001/XMLSchema-instance}schemaLocation": SCHEMA_LOCATION})
    _text(root, "identifier", record.get("doi", UNASSIGNED), {"identifierType": "DOI"})
    creators = _group(root, "creators")
    for entry in record["creators"]:
        _text(_group(creators, "creator"), "creatorName", entry["name"], {"nameType": entry["nameType"]})
    _texts(root, "titles", "title", ((entry["title"], {}) for entry in record["titles"]))
    _text(root, "publisher", record["publisher"]["name"])
    _text(root, "publicationYear", record["publicationYear"])
    kind = record["types"]
    _text(root, "resourceType", kind["resourceType"], {"resourceTypeGeneral": kind["resourceTypeGeneral"]})
    _texts(root, "subjects", "subject", ((entry["subject"], {}) for entry in record["subjects"]))
    contributors = _group(root, "contributors")
    for entry in record["contributors"]:
        element = _group(contributors, "contributor", {"contributorType": entry["contributorType"]})
        _text(element, "contributorName", entry["name"], {"nameType": entry["nameType"]})
    _texts(root, "dates", "date", ((entry["date"], _less(entry, "date")) for entry in record["dates"]))
    _text(root, "language", record["language"])
    _later_elements(root, record)
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _later_elements(root: ET.Element, record: dict[str, Any]) -> None:
    alternates = (
        (entry["alternateIdentifier"], _less(entry, "alternateIdentifier")) for entry in record["alternateIdentifiers"]
    )
    _texts(root, "alternateIdentifiers", "alternateIdentifier", alternates)
    related = (
        (entry["relatedIdentifier"], _less(entry, "relatedIdentifier")) for entry in record["relatedIdentifiers"]
    )
    _texts(root, "relatedIdentifiers", "relatedIdentifier", related)
    _texts(root, "sizes", "size", ((size, {}) for size in record["sizes"]))
    _texts(root, "formats", "format", ((kind, {}) for kind in record["formats"]))
    _text(root, "version", record["version"])
    rights = (
        (
            entry["rights"],
            {
                "rightsURI": entry["rightsUri"],
                "rightsIdentifier": entry["rightsIdentifier"],
                "rightsIdentifierScheme": entry["rightsIdentifierScheme"],
                "schemeURI": entry["schemeUri"],
            },
        )
        for entry in record["rightsList"]
    )
    _texts(root, "rightsList", "rights", rights)
    described = ((entry["description"], _less(entry, "description")) for entry in record["descriptions"])
    _texts(root, "descriptions", "description", described)


def _dates(description: Description) -> list[dict[str, str]]:
    dates = [{"date": description.published_at.date().isoformat(), "dateType": "Issued"}]
    if description.withdrawn_on:
        dates.append(
            {
                "date": description.withdrawn_on.isoformat(),
                "dateType": "Withdrawn",
                "dateInformation": description.withdrawal_reason,
            }
        )
    return dates


def _relations(description: Description) -> list[dict[str, str]]:
    # The Croissant record of a restricted version is among what is restricted.
    record = "datacite.json" if description.is_restricted else "croissant.json"
    relations = [
        {
            "relatedIdentifier": f"{description.files_url}{record}",
            "relatedIdentifierType": "URL",
            "relationType": "HasMetadata",
        }
    ]
    if description.parent_url:
        relations.append(_relation(description.parent_url, "IsNewVersionOf"))
    if description.replaced_by_url:
        relations.append(_relation(description.replaced_by_url, "IsPreviousVersionOf"))
    return relations


def _relation(url: str, kind: str) -> dict[str, str]:
    return {"relatedIdentifier": url, "relatedIdentifierType": "URL", "relationType": kind}


def _descriptions(description: Description) -> list[dict[str, str]]:
    described = [{"description": description.description or description.title, "descriptionType": "Abstract"}]
    if description.withdrawn_on:
        reason = f"Withdrawn on {description.withdrawn_on.isoformat()}: {description.withdrawal_reason}"
        described.append({"description": reason, "descriptionType": "Other"})
    return described


def _access_right(description: Description) -> dict[str, str]:
    """Who may have the data, in the vocabulary that catalogues of repositories harvest."""
    identifier, label = description.access_right
    return {
        "rights": label,
        "rightsUri": f"{COAR}{identifier}",
        "rightsIdentifier": identifier,
        "rightsIdentifierScheme": "COAR Access Rights",
        "schemeUri": COAR,
    }


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _group(parent: ET.Element, name: str, attributes: dict[str, str] | None = None) -> ET.Element:
    return ET.SubElement(parent, _tag(name), attributes or {})


def _text(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    _group(parent, name, attributes).text = text


def _texts(parent: ET.Element, group: str, name: str, items: Iterable[tuple[str, dict[str, str]]]) -> None:
    element = _group(parent, group)
    for text, attributes in items:
        _text(element, name, text, attributes)


def _less(entry: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in entry.items() if key != name}
