"""What the house asks of a store of objects, and the names under which it keeps things there. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from radcommons.server.platform.errors import UnavailableError

CHUNK_BYTES = 1 << 20
INSTANCES = "instances/"


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    size_bytes: int


class ObjectStore(Protocol):
    """What the house asks of a store of objects.

    Every method raises ``UnavailableError`` (``platform.store-unavailable``, ``platform.store-full``) when the store does not
    answer or takes nothing more, after it was tried again where that may help; reads of what is not there raise
    ``NotFoundError``.
    """

    def put_path(self, key: str, path: Path, *, replaces: bool = False) -> None:
        """Store a file's bytes; when this returns they are durable, before that nothing is visible.

        A key that holds as many bytes already is left alone unless the new bytes *replace* it.
        """

    def take_over(self, given: Sequence[tuple[str, Path]]) -> None:
        """Store files that their owner gives up, by key and path: on the disk already, and never written to again.

        As :meth:`put_path` for each; the files are left where they are, for their owner to remove. A file that is gone
        is no loss when another sender of the same bytes was faster.
        """

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes under a key, replacing what stood there."""

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from ``start``, all of the rest or ``length`` of them."""

    def read_at_once(
        self, key: str, *, start: int, length: int, before: bytes = b"", after: bytes = b""
    ) -> memoryview | None:
        """The same between two pieces, when it can be had without waiting for a disk or a network; None otherwise."""

    def stream(
        self, key: str, *, chunk_bytes: int = CHUNK_BYTES, start: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """The same in pieces, with constant memory."""

    def exists(self, key: str) -> bool:
        """Whether an object is there."""

    def size(self, key: str) -> int:
        """Its size in bytes."""

    def imprint(self, key: str) -> tuple[int, int, int] | None:
        """What changes when an object is written to: where it lies, its size in bytes, its time; None where nothing tells."""

    def version(self, key: str) -> str:
        """What changes when an object is written to, where :meth:`imprint` tells nothing; one question to the store.

        Raises
        ------
        NotFoundError
            When there is no such object.
        """

    def copy(self, source: str, target: str) -> None:
        """Make an object known under a second name as well, without moving its bytes where the store can."""

    def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects whose keys begin with a prefix that ends in a slash, in no order; unfinished writes are none."""

    def clean_up(self, *, older_than_s: float) -> int:
        """Remove what interrupted writes left behind; how many pieces that were."""

    def free_bytes(self) -> int | None:
        """How much more fits; None when the store does not say."""

    def local_path(self, key: str) -> Path | None:
        """The object as a local file for reading, when the store has one."""

    def signed_url(self, key: str, *, valid_s: int) -> str | None:
        """An address under which anybody can read this one object for some seconds; None where there is no such thing."""

    def where(self, key: str) -> str:
        """The key under which the bytes really lie; another one once a series was placed under its own prefix."""


class Places(Protocol):
    """Tells where an instance was placed; the archive knows, and the store asks when an object is not where it came in."""

    def __call__(self, sha256: str) -> str | None:
        """The series version under whose prefix an instance lies; None when it lies where it came in."""


def instance_key(sha256: str) -> str:
    """The key of an instance's bytes, by which the house asks for them wherever they lie."""
    return f"{INSTANCES}{sha256[:2]}/{sha256}.dcm"


def place_key(series_version: str, sha256: str) -> str:
    """The key of an instance below the prefix of a series version."""
    return f"{place_prefix(series_version)}{sha256}.dcm"


def place_prefix(series_version: str) -> str:
    """The prefix of a series version."""
    return f"series/{series_version}/"


def damaged_key(sha256: str) -> str:
    """Where bytes are laid aside that are not what their name says."""
    return f"damaged/{sha256}.dcm"


def full() -> UnavailableError:
    """The refusal of a store that takes nothing more."""
    message = "No space left in the object store. Nothing was stored. Free space or extend it, then retry."
    return UnavailableError("platform.store-full", message)
