"""From a published version to its dated records: DataCite, Croissant, citation, status.

They are made when asked for, because they change when a version is superseded or withdrawn; the signed core never does.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import orjson

from radcommons.server.platform import keys
from radcommons.server.platform.settings import settings
from radcommons.server.releases.metadata.citation import bibtex, citation_cff, citation_text, ris
from radcommons.server.releases.metadata.croissant import croissant
from radcommons.server.releases.metadata.datacite import datacite, datacite_xml
from radcommons.server.releases.metadata.description import Description
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseState
from radcommons.server.releases.queries import modalities_of, successor, told
from radcommons.transfer.release.attestation import public_key_pem
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.manifest import FileEntry
from radcommons.transfer.release.paths import ENVELOPE_JSON, PUBLIC_KEY_PEM, RELEASE_JSON, STATUS_JSON

STATUS_SCHEMA = "radcommons.release-status/1"
CROISSANT = "croissant.json"
UNSIGNED = frozenset({RELEASE_JSON, ENVELOPE_JSON})


def describe(release: Release) -> Description:
    """Gather what the records say of a version that is or was public."""
    if release.published_at is None:
        raise ValueError("a draft has no records")
    later = successor(release)
    return Description(
        slug=release.slug,
        version=release.version,
        title=release.title,
        description=release.description,
        licence_id=release.licence,
        creators=tuple(release.creators),
        publisher=release.publisher,
        doi=release.doi,
        landing_url=landing_url(release),
        files_url=files_url(release),
        published_at=release.published_at,
        counts=told(release),
        modalities=modalities_of(release),
        root_hash=release.root_hash,
        files=tuple(
            FileEntry(file.path, file.sha256, file.size_bytes, file.media_type)
            for file in release.files.exclude(path__in=UNSIGNED)
        ),
        parent=release.parent.version if release.parent else None,
        parent_url=landing_url(release.parent) if release.parent else None,
        replaced_by=later.version if later else None,
        replaced_by_url=landing_url(later) if later else None,
        withdrawn_on=release.withdrawn_at.date() if release.withdrawn_at else None,
        withdrawal_reason=release.withdrawal_reason,
        is_restricted=release.access == ReleaseAccess.RESTRICTED,
    )


def landing_url(release: Release) -> str:
    """Absolute address of the version's page."""
    return f"{_root()}/releases/{release.slug}/{release.version}/"


def files_url(release: Release) -> str:
    """Absolute address of the version's folder, with a slash at the end."""
    return f"{_root()}/files/releases/{release.slug}/{release.version}/"


def dicomweb_url(release: Release) -> str:
    """Absolute address of the version's DICOMweb root."""
    return f"{_root()}/dicom-web/releases/{release.slug}/{release.version}"


def record(release: Release, path: str) -> tuple[bytes, str] | None:
    """A dated record of a version as bytes and media type, or None when there is none of that name.

    Who serves it asks :func:`is_public` whether everybody may have it.
    """
    if path == PUBLIC_KEY_PEM:
        return public_key_pem(keys.signing_key().public_key()), "application/x-pem-file"
    if path == STATUS_JSON:
        return status(release), "application/json"
    if path not in RECORDS:
        return None
    return RECORDS[path](describe(release)), MEDIA_TYPES[path]


def is_public(release: Release, path: str) -> bool:
    """Whether a path is a record for everybody: of a restricted version not the one that lists its files."""
    is_record = path in RECORDS or path in {STATUS_JSON, PUBLIC_KEY_PEM}
    return is_record and (release.access == ReleaseAccess.OPEN or path != CROISSANT)


def public_records(release: Release) -> tuple[str, ...]:
    """The names of the records that everybody may have."""
    return tuple(path for path in RECORDS if is_public(release, path))


def status(release: Release) -> bytes:
    """``status.json``: what has become of a version, and the digests of its dated records."""
    description = describe(release)
    rendered = {path: RECORDS[path](description) for path in public_records(release)}
    state = "superseded" if description.replaced_by else "current"
    document = {
        "schema": STATUS_SCHEMA,
        "slug": release.slug,
        "version": release.version,
        "access": release.access,
        "state": "withdrawn" if release.state == ReleaseState.WITHDRAWN else state,
        "published_at": description.published_at.isoformat(timespec="seconds"),
        "replaced_by": description.replaced_by,
        "withdrawn_on": description.withdrawn_on.isoformat() if description.withdrawn_on else None,
        "withdrawal_reason": description.withdrawal_reason or None,
        "root_hash": release.root_hash,
        "doi": release.doi or None,
        "records": [
            {"path": path, "sha256": sha256_hex(body), "size_bytes": len(body)} for path, body in rendered.items()
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _pretty(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


RECORDS: Mapping[str, Callable[[Description], bytes]] = MappingProxyType(
    {
        "CITATION.bib": lambda description: bibtex(description).encode(),
        "CITATION.cff": lambda description: citation_cff(description).encode(),
        "CITATION.ris": lambda description: ris(description).encode(),
        "CITATION.txt": lambda description: f"{citation_text(description)}\n".encode(),
        CROISSANT: lambda description: _pretty(croissant(description)),
        "datacite.json": lambda description: _pretty(datacite(description)),
        "datacite.xml": datacite_xml,
    }
)
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "CITATION.bib": "application/x-bibtex; charset=utf-8",
        "CITATION.cff": "text/yaml; charset=utf-8",
        "CITATION.ris": "application/x-research-info-systems; charset=utf-8",
        "CITATION.txt": "text/plain; charset=utf-8",
        CROISSANT: "application/ld+json",
        "datacite.json": "application/vnd.datacite.datacite+json",
        "datacite.xml": "application/vnd.datacite.datacite+xml",
    }
)


def _root() -> str:
    return settings().public_url.rstrip("/")
