"""What higher rooms keep in the object store beside instances, and what they need: they say so, the archive asks.

The archive verifies and exports these files with its own, and purges nothing that a room needs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Companion:
    """A file in the object store that belongs to a higher room; ``path`` is where an export lays it."""

    path: str
    object_key: str
    sha256: str
    size_bytes: int


Files = Callable[[], Iterable[Companion]]
# From the ids of instances to the reasons why some of them are needed.
Needs = Callable[[Iterable[int]], Mapping[int, str]]

_files: dict[str, Files] = {}
_needs: dict[str, Needs] = {}


def register(room: str, *, files: Files | None = None, needs: Needs | None = None) -> None:
    """Say what a room keeps and needs; done once where the rooms are joined."""
    if files is not None:
        _files[room] = files
    if needs is not None:
        _needs[room] = needs


def companions() -> Iterator[Companion]:
    """Every file of every room."""
    for room in sorted(_files):
        yield from _files[room]()


def needed(instance_ids: Iterable[int]) -> dict[int, str]:
    """Why some of these instances are needed, the first reason of each."""
    ids = list(instance_ids)
    found: dict[int, str] = {}
    for room in sorted(_needs):
        for instance_id, reason in _needs[room](ids).items():
            found.setdefault(instance_id, reason)
    return found
