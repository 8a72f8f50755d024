"""Downloading the objects that a Gen3 manifest names, from any GA4GH DRS server that tells their SHA-256."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import orjson

from radcommons.client.digests import digest_of, is_right
from radcommons.client.errors import DigestError, Failures, ListError, RemoteError, made
from radcommons.client.journal import Item, Journal
from radcommons.client.lists import ObjectEntry
from radcommons.client.remote import Remote
from radcommons.client.run import Progress, Run
from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.release.canonical import canonical_json, sha256_hex
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.paths import is_sha256, is_size, safe_relative_path

OBJECTS = "ga4gh/drs/v1/objects/"
FILES = "files"
TOGETHER = 100


@dataclass(slots=True)
class ObjectDownload:
    """How the download of a list ended; ``by_size_only`` counts objects of which no digest is known."""

    objects: int
    fetched: int = 0
    already_there: int = 0
    size_bytes: int = 0
    by_size_only: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def is_complete(self) -> bool:
        """Whether every object is in place and right."""
        return not self.failures and self.fetched + self.already_there >= self.objects

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        return {
            "ok": self.is_complete,
            "objects": self.objects,
            "fetched": self.fetched,
            "already_there": self.already_there,
            "size_bytes": self.size_bytes,
            "compared_by_size_only": self.by_size_only,
            **self.failures.to_json(),
        }


def download_objects(
    entries: list[ObjectEntry],
    folder: Path,
    remote: Remote,
    *,
    threads: int = 8,
    report: Callable[[Progress], None] = lambda _: None,
) -> ObjectDownload:
    """Bring objects to ``files/`` below a folder, continuing where an earlier attempt stopped.

    Raises
    ------
    DiskSpaceError
        Before anything is fetched, when there is not enough room.
    FolderError
        When the folder was started for another list.
    """
    made(folder)
    outcome = ObjectDownload(len({entry.object_id for entry in entries}))
    with Journal(folder) as journal:
        names = sorted(entry.object_id for entry in entries)
        journal.bind(canonical_json(["gen3", sha256_hex(canonical_json(names))]).decode())
        journal.add(_planned(entries, remote, outcome.failures))
        run = Run(remote, "", folder=folder, journal=journal, threads=threads, report=report)
        run.fetch_pending()
        outcome.failures.take(run.failures)
        outcome.fetched = run.fetched
        outcome.already_there, outcome.size_bytes = audited(journal, folder, outcome)
    return outcome


def audited(journal: Journal, folder: Path, outcome: ObjectDownload) -> tuple[int, int]:
    """How many planned files are in place and were before, and their bytes. Each is compared with the disk; those whose digest this download compared are not read again."""
    right, size, items = 0, 0, journal.items()
    while some := list(islice(items, TOGETHER)):
        proofs = journal.proofs([item.path for item in some])
        for item in some:
            path = folder / item.path
            if not path.is_file():
                continue
            state = path.stat()
            is_proven = proofs.get(item.path) == state.st_mtime_ns
            is_whole = state.st_size == item.size_bytes
            if is_whole and (is_proven or is_right(digest_of(path, item.digest), item.digest)):
                right, size = right + 1, size + item.size_bytes
            else:
                outcome.failures.note(DigestError("A file was changed while the download ran."))
                journal.reopen([item.path])
    return max(0, right - outcome.fetched), size


def _planned(entries: Sequence[ObjectEntry], remote: Remote, failures: Failures) -> Iterator[Item]:
    unique = {entry.object_id: entry for entry in reversed(entries)}
    names = Counter(entry.file_name.casefold() for entry in unique.values())
    for entry in reversed(unique.values()):
        try:
            yield _item(entry, remote, is_shared=names[entry.file_name.casefold()] > 1)
        except RadCommonsError as error:
            failures.note(error)


def _item(entry: ObjectEntry, remote: Remote, *, is_shared: bool) -> Item:
    """An object to fetch; one whose name others of the list have too is told apart by its digest."""
    place = f"{OBJECTS}{quote(entry.object_id, safe='')}"
    try:
        document = orjson.loads(remote.document(place))
        digests = {each["type"].lower().replace("-", ""): each["checksum"].lower() for each in document["checksums"]}
        size, sha256 = document["size"], digests.get("sha256", "")
        address = _address(document, place, remote)
        name = str(safe_relative_path(entry.file_name))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ListError("The server's description of an object cannot be understood.") from error
    except ReleaseFormatError as error:
        raise ListError("The list names a file that cannot be stored safely.") from error
    if not is_sha256(sha256):
        raise ListError("The server tells no SHA-256 of an object, so it could not be verified.")
    if not is_size(size):
        raise ListError("The server tells no size of an object that one could have.")
    return Item(f"{FILES}/{sha256[:16]}-{name}" if is_shared else f"{FILES}/{name}", address, sha256, size)


def _address(document: dict[str, Any], place: str, remote: Remote) -> str:
    """Where an object is had over HTTP: as it says, or as the server answers for one of its ways."""
    methods = [each for each in document["access_methods"] if each["type"] in {"https", "http"}]
    for method in methods:
        if "access_url" in method:
            return str(method["access_url"]["url"])
    if not methods:
        raise RemoteError(ListError("").kind, "client.no-access", "The server names no HTTP address of an object.")
    answer = remote.document(f"{place}/access/{quote(methods[0]['access_id'], safe='')}")
    return urljoin(place, str(orjson.loads(answer)["url"]))
