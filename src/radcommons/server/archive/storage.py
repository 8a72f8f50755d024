"""Decisions about stored bytes: which are looked at, under which prefix a series goes, what may be purged. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.release.canonical import canonical_json, sha256_hex
from radcommons.transfer.release.merkle import leaf_hash, root_of

NAME_DIGITS = 32
_DIGEST_BYTES = 32
_SPACE = 1 << 64
PLAN_SCHEMA = "radcommons.purge-plan/1"


def series_version_name(digests: Iterable[str]) -> str:
    """The name of a series as it is now: the short form of the root over its instances' sorted SHA-256 digests."""
    return root_of(leaf_hash(b"", bytes.fromhex(digest)) for digest in sorted(digests)).hex()[:NAME_DIGITS]


def pack_digests(digests: Iterable[str]) -> bytes:
    """Digests one after the other, 32 bytes each, sorted."""
    return b"".join(bytes.fromhex(digest) for digest in sorted(digests))


def unpack_digests(packed: bytes | memoryview) -> list[str]:
    """The digests in a packed row."""
    return [packed[at : at + _DIGEST_BYTES].hex() for at in range(0, len(packed), _DIGEST_BYTES)]


def windows(first: str, fraction: float) -> list[tuple[str, str]]:
    """The ranges of digests that a look at a part of the archive covers: from ``first``, going round at the end.

    Digests are spread evenly, so a part of their space is a sample of the objects; the next look begins elsewhere.

    Returns
    -------
    Pairs (from, to before) of sixteen hexadecimal digits; "g" stands for the end, for it sorts behind every digit.

    Examples
    --------
    >>> windows("c000000000000000", 0.5)
    [('c000000000000000', 'g'), ('0000000000000000', '4000000000000000')]
    """
    if fraction >= 1:
        return [("", "g")]
    start = int(first[:16], 16)
    end = start + int(fraction * _SPACE)
    if end < _SPACE:
        return [(f"{start:016x}", f"{end:016x}")]
    return [(f"{start:016x}", "g"), (f"{0:016x}", f"{end - _SPACE:016x}")]


def verdict(sha256: str, expected_bytes: int, found: tuple[str, int] | None) -> Finding | None:
    """What is wrong with an object, given its digest and size as read; None for *found* means that it is not there."""
    if found is None:
        message = (
            "The object is missing from the store. Send the same files again, or restore it from a backup or an export."
        )
        return Finding(Severity.ERROR, "archive.object-missing", sha256, message)
    if found != (sha256, expected_bytes):
        message = (
            "The object's bytes are not those that were stored; it is no longer served. Send the same files again, or restore "
            "it from a backup or an export."
        )
        return Finding(Severity.ERROR, "archive.object-damaged", sha256, message)
    return None


def still_damaged(sha256: str) -> Finding:
    """The finding for an object that was out of service before a look and is still."""
    message = (
        "The object was found damaged or missing before and is not served. Send the same files again, or put it back into the "
        "store and verify again."
    )
    return Finding(Severity.ERROR, "archive.object-still-damaged", sha256, message)


def refusal_of_purged() -> Finding:
    """The finding for bytes that were purged and are offered again."""
    message = "These bytes were purged by a decision of this centre and are not taken again unless that is lifted."
    return Finding(Severity.ERROR, "archive.purged", "0008,0018", message)


@dataclass(frozen=True, slots=True)
class PurgeItem:
    """One instance of a plan; ``kept_for`` says what still needs it, empty when nothing does."""

    sha256: str
    size_bytes: int
    site_code: str
    project: str
    kept_for: str = ""


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What would be purged and what is kept, and why; named by its own digest, so that what is applied is what was read."""

    reason: str
    cause: str
    selection: str
    items: tuple[PurgeItem, ...]

    @property
    def purged(self) -> tuple[PurgeItem, ...]:
        """The instances that go."""
        return tuple(item for item in self.items if not item.kept_for)

    @property
    def size_bytes(self) -> int:
        """What is freed."""
        return sum(item.size_bytes for item in self.purged)

    @property
    def kept(self) -> Mapping[str, int]:
        """How many instances each reason keeps."""
        counts: dict[str, int] = {}
        for item in self.items:
            if item.kept_for:
                counts[item.kept_for] = counts.get(item.kept_for, 0) + 1
        return counts

    def canonical(self) -> bytes:
        """The plan as canonical JSON."""
        rows = [[item.sha256, item.size_bytes, item.site_code, item.project, item.kept_for] for item in self.items]
        head = {"reason": self.reason, "cause": self.cause, "selection": self.selection}
        return canonical_json({"schema": PLAN_SCHEMA, **head, "items": rows})

    @property
    def sha256(self) -> str:
        """The digest by which the plan is applied."""
        return sha256_hex(self.canonical())


def spread_over(digests: Sequence[str]) -> str:
    """One digest for many, in any order: ties an event to exactly these objects without listing thousands of them."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
