"""Downloading objects that a list of s5cmd or rclone names, straight from their bucket.

A repository of ours names objects by their SHA-256, and each is compared with it. Of others the tag tells the MD5 where they
were stored in one piece; what is left is compared by its size, and said to be.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from radcommons.client.bucket_lists import BucketEntry, path_below
from radcommons.client.by_drs import ObjectDownload, audited
from radcommons.client.errors import ListError, RemoteError, made
from radcommons.client.journal import Item, Journal
from radcommons.client.remote import Address, Remote
from radcommons.client.run import Progress, Run
from radcommons.client.s3 import Bucket, Object
from radcommons.dicom.errors import Kind
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

# So many are asked for one by one; more of one folder are found in its listing.
FEW = 10
MISSING = RemoteError(Kind.NOT_FOUND, "client.no-object", "The bucket has no object of a name that the list says.")
_SHA256_NAME = re.compile(r"(?:.*/)?([0-9a-f]{64})(?:\.[A-Za-z]{1,8})?")


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of a list, each made once."""

    make: Callable[[str], Bucket]

    def located(self, items: Sequence[Item]) -> dict[str, Address]:
        """Addresses of some planned files, signed now."""
        found = {}
        for item in items:
            name, _, key = item.address.removeprefix("s3://").partition("/")
            found[item.path] = self.make(name).address(key)
        return found


def opened(endpoint: str, access_key: str) -> Callable[[str], Bucket]:
    """Opens each bucket of one store once; see :class:`.s3.Bucket`."""
    return cache(partial(Bucket, endpoint=endpoint, access_key=access_key))


def download_bucket_list(
    entries: Sequence[BucketEntry],
    folder: Path,
    make_bucket: Callable[[str], Bucket],
    *,
    threads: int = 8,
    report: Callable[[Progress], None] = lambda _: None,
) -> ObjectDownload:
    """Bring objects to where the list files them, below a folder, continuing where an earlier attempt stopped.

    Raises
    ------
    DiskSpaceError
        Before anything is fetched, when there is not enough room.
    FolderError
        When the folder was started for another list.
    ListError
        When two objects go to one place.
    """
    made(folder)
    buckets, outcome = Buckets(make_bucket), ObjectDownload(0)
    # The repository of these files is nobody; each has its own address.
    with Remote("http://nowhere.invalid") as remote, Journal(folder) as journal:
        names = sorted(f"{each.bucket}/{each.key} {each.path}" for each in entries)
        journal.bind(canonical_json(["bucket", sha256_hex(canonical_json(names))]).decode())
        journal.add(_planned(entries, buckets, outcome))
        run = Run(remote, "", folder=folder, journal=journal, threads=threads, report=report)
        run.locate = buckets.located
        run.fetch_pending()
        outcome.failures.take(run.failures)
        outcome.fetched = run.fetched
        outcome.already_there, outcome.size_bytes = audited(journal, folder, outcome)
    return outcome


def _planned(entries: Sequence[BucketEntry], buckets: Buckets, outcome: ObjectDownload) -> Iterator[Item]:
    taken: dict[str, str] = {}
    for bucket, entry, found in _found(entries, buckets):
        outcome.objects += 1
        if found is None:
            outcome.failures.note(MISSING)
            continue
        path = path_below(entry.path, found.key, entry.key) if entry.is_prefix else entry.path
        address = f"s3://{bucket}/{found.key}"
        if taken.setdefault(path.casefold(), address) != address:
            raise ListError("Two objects of the list go to one place. Give them folders of their own.")
        named = _SHA256_NAME.fullmatch(found.key)
        digest = named[1] if named else found.md5
        outcome.by_size_only += not digest
        yield Item(path, address, digest, found.size_bytes)


def _found(entries: Sequence[BucketEntry], buckets: Buckets) -> Iterator[tuple[str, BucketEntry, Object | None]]:
    """Each object of a list with its size; several of one folder are asked for together."""
    singles: dict[tuple[str, str], dict[str, list[BucketEntry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        if not entry.is_prefix:
            singles[entry.bucket, entry.key[: entry.key.rfind("/") + 1]][entry.key].append(entry)
            continue
        is_empty = True
        for each in buckets.make(entry.bucket).objects(entry.key):
            is_empty = False
            yield entry.bucket, entry, each
        if is_empty:
            yield entry.bucket, entry, None
    for (name, prefix), wanted in singles.items():
        listed = _listed(buckets.make(name), prefix, wanted)
        for key, several in wanted.items():
            for entry in several:
                yield name, entry, listed.get(key)


def _listed(bucket: Bucket, prefix: str, wanted: Collection[str]) -> dict[str, Object]:
    """Those of one folder that are there."""
    if len(wanted) <= FEW:
        return {key: found for key in wanted if (found := bucket.find(key)) is not None}
    listed: dict[str, Object] = {}
    for each in bucket.objects(prefix):
        if each.key in wanted:
            listed[each.key] = each
            if len(listed) == len(wanted):
                break
    return listed
