"""The lists of a version, each written once and kept in the object store: they never change, and may be long."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from radcommons.server.access.indexes.bucket import needed_bucket, path_part
from radcommons.server.access.indexes.idc import write_index
from radcommons.server.access.nbia import manifests
from radcommons.server.access.released import SERIES, STUDY, SUBJECT, collection_of, shelved
from radcommons.server.archive.queries import series_version
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import instance_key, object_store, place_key
from radcommons.server.platform.settings import settings
from radcommons.server.releases.models import Release, ReleaseAccess
from radcommons.server.releases.rows import release_rows

FOLDER = "lists/"
# Changes when what is written changes, so that a kept list of an older program is made anew.
_EDITION = "2"
_PARQUET = "application/vnd.apache.parquet"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class KeptList:
    """A list in the object store."""

    object_key: str
    sha256: str
    size_bytes: int
    media_type: str


def kept_list(release: Release, name: str) -> KeptList:
    """A list of a version; written now when nobody asked for it before.

    Raises
    ------
    NotFoundError
        When there is no list of that name.
    ObjectsOnDiskError
        When it lists addresses in a bucket, and there is none.
    """
    if name not in LISTS:
        raise NotFoundError
    if release.access == ReleaseAccess.RESTRICTED and name in _OF_BUCKET:
        raise NotFoundError("A restricted version has no addresses in a bucket. Use 'radcommons download'.")
    write, media_type = LISTS[name]
    if name in _OF_BUCKET:
        needed_bucket()
    key = _key(release, name)
    store = object_store()
    try:
        note = orjson.loads(store.read(f"{key}.note.json"))
    except NotFoundError:
        note = _write(release, key, write)
    return KeptList(key, note["sha256"], note["size_bytes"], media_type)


def _write(release: Release, key: str, write: Callable[[Release, Path], None]) -> dict[str, str | int]:
    staging = settings().staging_dir
    staging.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="list-", dir=staging) as aside:
        path = Path(aside) / "list"
        write(release, path)
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        note: dict[str, str | int] = {"sha256": sha256, "size_bytes": path.stat().st_size}
        # Two that write at once write the same bytes; the note comes last, so it never promises what is not there.
        object_store().put_path(key, path)
        object_store().put_bytes(f"{key}.note.json", orjson.dumps(note))
    return note


def _key(release: Release, name: str) -> str:
    """The addresses in a list are part of its name, for they are set by the operator."""
    current = settings()
    place = f"{_EDITION}\n{current.public_url}\n{current.objects_url}\n{release.root_hash}"
    folder = "lists" if release.access == ReleaseAccess.OPEN else "restricted/lists"
    return f"{folder}/{release.slug}/{release.version}/{hashlib.sha256(place.encode()).hexdigest()[:16]}/{name}"


def _index(release: Release, path: Path) -> None:
    write_index(collection_of(release), path)


def _tcia(release: Release, path: Path) -> None:
    name = f"{release.slug}-{release.version}"
    origin = settings().public_url.rstrip("/")
    path.write_text(manifests.tcia_manifest(_series(release), origin=origin, name=name, has_annotations=False))


def _csv(release: Release, path: Path) -> None:
    path.write_text(manifests.csv_manifest(_series(release)))


def _series(release: Release) -> Iterator[str]:
    order = (f"{SUBJECT}subject_id", f"{STUDY}study_instance_uid", f"{SERIES}series_instance_uid")
    rows = shelved([collection_of(release)]).order_by(*order)
    return rows.values_list(order[2], flat=True).iterator(chunk_size=2000)


def _gen3(release: Release, path: Path) -> None:
    host = urlsplit(settings().public_url).netloc
    with path.open("wb") as sink:
        separator = b"[\n"
        for row in release_rows(release):
            entry = {
                "object_id": row["sha256"],
                "file_name": f"{row['sop_instance_uid']}.dcm",
                "file_size": row["size_bytes"],
                "commons_url": host,
            }
            sink.write(separator + orjson.dumps(entry))
            separator = b",\n"
        sink.write(b"\n]\n")


def _s5cmd(release: Release, path: Path) -> None:
    store = needed_bucket()
    with path.open("w") as sink:
        sink.write(
            "# s5cmd run FILE; add --endpoint-url for a store that is not Amazon's, --no-sign-request for a public one\n"
        )
        for row, key in _placed(release):
            place = (
                release.slug,
                release.version,
                row["subject_id"],
                row["study_instance_uid"],
                row["series_instance_uid"],
            )
            folder = "/".join(path_part(part) for part in place)
            sink.write(f"cp {store.url(key)} {folder}/{row['sop_instance_uid']}.dcm\n")


def _rclone(release: Release, path: Path) -> None:
    store = needed_bucket()
    with path.open("w") as sink:
        sink.write(f"# rclone copy --files-from FILE REMOTE:{store.name} FOLDER\n")
        for _, key in _placed(release):
            sink.write(f"{store.key(key)}\n")


def _placed(release: Release) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The rows of a version, each with the key of its object: below the prefix of its series where that was placed."""
    for _, members in groupby(release_rows(release), key=lambda row: row["series_instance_uid"]):
        rows = list(members)
        name = series_version([row["sha256"] for row in rows])
        for row in rows:
            yield row, place_key(name, row["sha256"]) if name else instance_key(row["sha256"])


LISTS: Mapping[str, tuple[Callable[[Release, Path], None], str]] = MappingProxyType(
    {
        "idc_index.parquet": (_index, _PARQUET),
        "series.tcia": (_tcia, manifests.MEDIA_TYPE),
        "series.csv": (_csv, "text/csv; charset=utf-8"),
        "gen3.json": (_gen3, "application/json"),
        "s5cmd.txt": (_s5cmd, _TEXT),
        "rclone.txt": (_rclone, _TEXT),
    }
)
_OF_BUCKET = frozenset({"s5cmd.txt", "rclone.txt"})
