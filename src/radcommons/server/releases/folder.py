"""Building the signed core of a release in a folder: tables, manifest, texts, ``release.json`` and its signature."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from radcommons import __version__
from radcommons.server.releases import documents
from radcommons.server.releases.annotations import NO_ANNOTATIONS, Annotations
from radcommons.server.releases.documents import Facets, VersionNote
from radcommons.server.releases.provenance import provenance_json
from radcommons.server.releases.rules import LICENCES
from radcommons.server.releases.tables import Spool, manifest_row
from radcommons.transfer.release.attestation import sign, statement
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.manifest import Counts, FileEntry, ReleaseManifest
from radcommons.transfer.release.merkle import MerkleRoot, leaf_hash
from radcommons.transfer.release.paths import ENVELOPE_JSON, RELEASE_JSON, SHA256SUMS

CHUNK_BYTES = 1 << 20
MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".json": "application/json",
    "": "text/plain",
}


# The data-use terms of a restricted version, so that they travel with the data.
TERMS = "DATA-USE-TERMS.txt"


@dataclass(frozen=True, slots=True)
class Heading:
    """What the release manager decided about a version; nothing here depends on the hour."""

    slug: str
    version: str
    title: str
    description: str
    licence: str
    creators: tuple[str, ...]
    publisher: str
    parent: str | None
    notes: tuple[VersionNote, ...]
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Core:
    """The core as built: the parsed manifest, and each file with its place on disk."""

    manifest: ReleaseManifest
    manifest_sha256: str
    files: tuple[tuple[FileEntry, Path], ...]


def build(
    folder: Path,
    heading: Heading,
    rows: Iterable[Mapping[str, Any]],
    key: Ed25519PrivateKey,
    *,
    provenance: Sequence[Mapping[str, object]] = (),
    annotations: Annotations = NO_ANNOTATIONS,
) -> Core:
    """Write the core of a version below *folder* from its rows, in the order of the hash tree.

    Equal headings, rows, salts, provenance, annotations and key give equal bytes in every file.
    """
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest").mkdir()
    content = _write_tables(folder, rows)
    annotations.write(folder)
    _write_texts(folder, heading, content, annotations.projects)
    (folder / "provenance.json").write_bytes(provenance_json(provenance, annotations.projects))
    entries = [_entry(folder, path) for path in _paths_below(folder)]
    (folder / SHA256SUMS).write_text(documents.sha256sums(entries), encoding="utf-8")
    entries.append(_entry(folder, folder / SHA256SUMS))
    licence = LICENCES[heading.licence]
    manifest = ReleaseManifest(
        slug=heading.slug,
        version=heading.version,
        title=heading.title,
        description=heading.description,
        parent=heading.parent,
        licence=licence.spdx,
        licence_url=licence.url,
        creators=heading.creators,
        publisher=heading.publisher,
        counts=content.counts,
        root_hash=content.root_hash,
        instance_tables=content.shards,
        files=tuple(sorted(entries, key=lambda entry: entry.path)),
        software=f"RadCommons {__version__}",
    )
    document = manifest.to_bytes()
    (folder / RELEASE_JSON).write_bytes(document)
    envelope = sign(_statement(manifest, document), key)
    (folder / ENVELOPE_JSON).write_bytes(envelope)
    signed = [*entries, _entry(folder, folder / RELEASE_JSON), _entry(folder, folder / ENVELOPE_JSON)]
    return Core(manifest, sha256_hex(document), tuple((entry, folder / entry.path) for entry in signed))


@dataclass(frozen=True, slots=True)
class _Content:
    """What one pass over the rows came to."""

    counts: Counts
    root_hash: str
    shards: tuple[str, ...]
    facets: Facets


def _write_tables(folder: Path, rows: Iterable[Mapping[str, Any]]) -> _Content:
    tree = MerkleRoot()
    with TemporaryDirectory(dir=folder.parent) as aside, Spool(Path(aside)) as spool:
        for row in rows:
            salt = bytes(row["leaf_salt"])
            tree.add(leaf_hash(salt, manifest_row(row).canonical()))
            spool.add({**row, "leaf_salt": salt.hex()})
        spool.close()
        spool.write_tables(folder / "tables")
        shards = spool.write_manifest(folder / "manifest")
        return _Content(
            spool.counts(),
            tree.digest().hex(),
            tuple(f"manifest/{name}" for name in shards),
            Facets(
                modalities=spool.frequencies("modality", per="study_instance_uid"),
                body_parts=spool.frequencies("body_part_examined", per="study_instance_uid"),
                sites=spool.frequencies("site_code", per="subject_key"),
                statuses=spool.frequencies("covid19_status", per="subject_key"),
            ),
        )


def _write_texts(folder: Path, heading: Heading, content: _Content, annotations: Sequence[Mapping[str, Any]]) -> None:
    texts = {
        "LICENSE.txt": documents.licence_text(heading.title, LICENCES[heading.licence]),
        "CHANGELOG.md": documents.changelog(heading.title, heading.notes),
        "DATASHEET.md": documents.datasheet(
            heading.title, heading.description, content.counts, content.facets, annotations
        ),
    }
    if heading.terms:
        texts[TERMS] = heading.terms
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _statement(manifest: ReleaseManifest, document: bytes) -> bytes:
    predicate = {"release": manifest.name, "root": manifest.root_hash, "software": manifest.software}
    return statement({RELEASE_JSON: sha256_hex(document)}, predicate)


def _paths_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _entry(folder: Path, path: Path) -> FileEntry:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    name = path.relative_to(folder).as_posix()
    return FileEntry(name, digest.hexdigest(), path.stat().st_size, MEDIA_TYPES[path.suffix])
