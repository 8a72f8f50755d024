"""``release.json``: what a release is, as values; reading, writing and the rows of its manifest."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.paths import is_sha256, is_size, safe_relative_path

SCHEMA = "radcommons.release/1"
TREE = "rfc6962-sha256-salted/1"


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One instance of a release: the row that its leaf of the hash tree covers."""

    subject_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sha256: str
    size_bytes: int

    def canonical(self) -> bytes:
        """The bytes that are hashed."""
        # Written out: the general way takes ten times as long, and a release has millions of rows.
        return canonical_json(
            {
                "subject_id": self.subject_id,
                "study_instance_uid": self.study_instance_uid,
                "series_instance_uid": self.series_instance_uid,
                "sop_instance_uid": self.sop_instance_uid,
                "sha256": self.sha256,
                "size_bytes": self.size_bytes,
            }
        )


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the release folder that the signature covers."""

    path: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in a release."""

    subjects: int
    studies: int
    series: int
    instances: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ReleaseManifest:
    """The signed core of a release. Nothing in it depends on the time or place of publication.

    Parameters
    ----------
    slug, version
        Together the name of the release; the version is ``MAJOR.MINOR.PATCH``.
    parent
        The version it follows, or None.
    root_hash
        Root of the hash tree over the instance rows, 64 hexadecimal digits.
    instance_tables
        The Parquet files with the instance rows and salts, in the order of the tree.
    files
        The files of the folder, sorted by path.
    """

    slug: str
    version: str
    title: str
    description: str
    parent: str | None
    licence: str
    licence_url: str
    creators: tuple[str, ...]
    publisher: str
    counts: Counts
    root_hash: str
    instance_tables: tuple[str, ...]
    files: tuple[FileEntry, ...]
    software: str

    @property
    def name(self) -> str:
        """``slug@version``."""
        return f"{self.slug}@{self.version}"

    def to_bytes(self) -> bytes:
        """``release.json`` in canonical form."""
        return canonical_json(
            {
                "schema": SCHEMA,
                "slug": self.slug,
                "version": self.version,
                "title": self.title,
                "description": self.description,
                "parent": self.parent,
                "licence": {"spdx": self.licence, "url": self.licence_url},
                "creators": list(self.creators),
                "publisher": self.publisher,
                "counts": asdict(self.counts),
                "tree": {"kind": TREE, "root": self.root_hash, "tables": list(self.instance_tables)},
                "files": [asdict(entry) for entry in sorted(self.files, key=lambda entry: entry.path)],
                "software": self.software,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "ReleaseManifest":
        """Read ``release.json`` as an untrusted document.

        Raises
        ------
        ReleaseFormatError
            When it is not JSON, of an unknown schema, incomplete, or names a file outside the folder.
        """
        try:
            document = orjson.loads(data)
            if document["schema"] != SCHEMA or document["tree"]["kind"] != TREE:
                raise ReleaseFormatError("The release is of a format that this version of RadCommons does not know.")
            return cls._from_document(document)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseFormatError("release.json is malformed or incomplete.") from error

    @classmethod
    def _from_document(cls, document: Mapping[str, Any]) -> "ReleaseManifest":
        tree = document["tree"]
        if not is_sha256(tree["root"]):
            raise ReleaseFormatError("The root hash of the release is malformed.")
        tables = tuple(str(safe_relative_path(path)) for path in tree["tables"])
        files = tuple(_file_entry(entry) for entry in document["files"])
        if not set(tables) <= {entry.path for entry in files}:
            raise ReleaseFormatError("The release does not list the tables its hash tree is built of.")
        return cls(
            slug=str(safe_relative_path(document["slug"])),
            version=str(safe_relative_path(document["version"])),
            title=document["title"],
            description=document["description"],
            parent=document["parent"],
            licence=document["licence"]["spdx"],
            licence_url=document["licence"]["url"],
            creators=tuple(document["creators"]),
            publisher=document["publisher"],
            counts=Counts(**document["counts"]),
            root_hash=tree["root"],
            instance_tables=tables,
            files=files,
            software=document["software"],
        )


def _file_entry(entry: Mapping[str, Any]) -> FileEntry:
    if not is_sha256(entry["sha256"]) or not is_size(entry["size_bytes"]):
        raise ReleaseFormatError("A file of the release has a malformed digest or size.")
    return FileEntry(str(safe_relative_path(entry["path"])), entry["sha256"], entry["size_bytes"], entry["media_type"])
