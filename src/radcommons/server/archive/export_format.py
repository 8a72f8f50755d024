"""A whole archive as plain folders: what lies where, and what the manifests say. Pure.

.. code-block:: text

    archive.json, archive.dsse.json, signing-key.pem   what there is, signed by the centre that wrote it
    SHA256SUMS                                         every file, for ``sha256sum --check``
    manifests/SITE/PROJECT.jsonl                       a line an instance: path, digest, size
    instances/SITE/PROJECT/SUBJECT/STUDY/SERIES/SOP.dcm
    releases/SLUG/VERSION/…                            the signed files of every published version
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import orjson

from radcommons.transfer.release.canonical import canonical_json, sha256_hex
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.paths import is_sha256, safe_relative_path

SCHEMA = "radcommons.archive-export/1"
ARCHIVE_JSON, ENVELOPE_JSON, KEY_PEM, SUMS = "archive.json", "archive.dsse.json", "signing-key.pem", "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class ExportedInstance:
    """A line of a manifest; ``pixel_text`` is what the site knew of writing in the pixels."""

    path: str
    sha256: str
    size_bytes: int
    pixel_text: str = ""

    def line(self) -> bytes:
        """The line."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, line: bytes) -> "ExportedInstance":
        """A line as it was written.

        Raises
        ------
        ReleaseFormatError
            When it is malformed or names a place outside the export.
        """
        try:
            found = cls(**orjson.loads(line))
        except (ValueError, TypeError) as error:
            raise ReleaseFormatError("A line of a manifest is malformed.") from error
        texts = (found.path, found.sha256, found.pixel_text)
        if not all(isinstance(text, str) for text in texts) or not isinstance(found.size_bytes, int):
            raise ReleaseFormatError("A line of a manifest is malformed.")
        safe_relative_path(found.path)
        if not is_sha256(found.sha256) or found.size_bytes < 1:
            raise ReleaseFormatError("A line of a manifest holds no digest or no size.")
        return found


@dataclass(frozen=True, slots=True)
class ExportedSite:
    """A site as an import makes it where it is missing."""

    code: str
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class ExportedManifest:
    """One manifest: the instances of a project at a site."""

    path: str
    site_code: str
    project: str
    sha256: str
    instances: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ArchiveExport:
    """The whole export, as ``archive.json`` says it."""

    centre: str
    software: str
    made_at: str
    sites: tuple[ExportedSite, ...]
    manifests: tuple[ExportedManifest, ...]
    companions: int

    def to_bytes(self) -> bytes:
        """The document."""
        return canonical_json({"schema": SCHEMA, **asdict(self)})

    @classmethod
    def from_bytes(cls, document: bytes) -> "ArchiveExport":
        """The document as it was written.

        Raises
        ------
        ReleaseFormatError
            When it is malformed or of an unknown schema.
        """
        try:
            values = orjson.loads(document)
            if values.pop("schema") != SCHEMA:
                raise ReleaseFormatError("The export is of an unknown schema.")
            sites = tuple(ExportedSite(**site) for site in values.pop("sites"))
            manifests = tuple(ExportedManifest(**manifest) for manifest in values.pop("manifests"))
            found = cls(**values, sites=sites, manifests=manifests)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseFormatError("archive.json is malformed.") from error
        for manifest in found.manifests:
            safe_relative_path(manifest.path)
        return found


def place_of(parts: Mapping[str, str]) -> str:
    """Where an instance lies in an export, from its site, project, subject and identifiers."""
    names = ("site_code", "project", "subject_id", "study_instance_uid", "series_instance_uid", "sop_instance_uid")
    return "/".join(["instances", *(_name(parts[name]) for name in names)]) + ".dcm"


def manifest_path(site_code: str, project: str) -> str:
    """Where the manifest of a project at a site lies."""
    return f"manifests/{_name(site_code)}/{_name(project)}.jsonl"


def sums(lines: Iterable[tuple[str, str]]) -> bytes:
    """Digests and paths as ``sha256sum`` writes them."""
    return b"".join(f"{sha256}  {path}\n".encode() for sha256, path in lines)


def _name(text: str) -> str:
    """Text as one part of a path; what no file system should be asked to keep is named by its digest."""
    try:
        return text if len(safe_relative_path(text).parts) == 1 else _digest(text)
    except ReleaseFormatError:
        return _digest(text)


def _digest(text: str) -> str:
    return "x-" + sha256_hex(text.encode())[:16]
