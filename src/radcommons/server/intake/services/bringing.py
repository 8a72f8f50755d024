"""Storing what lies in a folder or under a prefix of a bucket: already de-identified, by the same door as STOW-RS.

For collections that exist before the hospital's program does. Nothing is trusted more for lying here: every file is looked
into, held back or stored as if its site had sent it. Doing it again stores nothing twice, so a run that broke off is
finished by another one.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from radcommons.server.intake.services.direct import store_directly
from radcommons.server.intake.services.first_look import FirstLook
from radcommons.server.intake.services.opening import DirectUpload
from radcommons.server.intake.services.settling import STORED_AT_ONCE
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import CHUNK_BYTES, CloudObjects

Reading = Callable[[], Iterator[bytes]]
UNREADABLE = "intake.source-unreadable"


@dataclass(slots=True)
class Brought:
    """What became of the files so far; ``reasons`` counts the codes for which files were not stored."""

    files: int = 0
    stored: int = 0
    held_back: int = 0
    left_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, object]:
        """The counts as commands print them."""
        names = ("files", "stored", "held_back", "left_out")
        return {name: getattr(self, name) for name in names} | {"reasons": dict(sorted(self.reasons.items()))}


def files_at(source: str) -> Iterator[Reading]:
    """The files of a folder, or of an address such as ``s3://bucket/prefix``, in no order that means anything.

    Raises
    ------
    NotFoundError
        When there is no such folder.
    """
    if "://" in source:
        store = CloudObjects(source)
        return (partial(store.stream, found.key) for found in store.list(""))
    if not Path(source).is_dir():
        raise NotFoundError("There is no folder of that name.")
    return (partial(_pieces, path) for path in _walk(source))


def bring_in(
    upload: DirectUpload, files: Iterable[Reading], *, software: str, progress: Callable[[Brought], None] | None = None
) -> Brought:
    """Store files that pass and hold back those that a person must see, some at a time, in constant memory.

    Raises
    ------
    UnavailableError
        When the disk or a store cannot be used; what was stored stays, and doing it again goes on.
    """
    done, remaining = Brought(), iter(files)
    while group := list(islice(remaining, STORED_AT_ONCE)):
        _bring(upload, group, done, software=software)
        if progress is not None:
            progress(done)
    return done


def _bring(upload: DirectUpload, group: list[Reading], done: Brought, *, software: str) -> None:
    look = FirstLook(upload)
    try:
        for reading in group:
            done.files += 1
            if not _copied(reading, look):
                done.left_out += 1
                done.reasons[UNREADABLE] += 1
        for result in store_directly(upload, look, software=software):
            if result.is_accepted:
                done.stored += 1
                continue
            done.held_back += bool(result.state)
            done.left_out += not result.state
            done.reasons.update({finding.code for finding in result.findings if finding.is_error})
    finally:
        look.close()


def _copied(reading: Reading, look: FirstLook) -> bool:
    """Whether the bytes could be read and are a file of our own now."""
    sink = look.new_file()
    pieces = reading()
    while True:
        try:
            piece = next(pieces, None)
        except (OSError, NotFoundError):
            sink.abort()
            return False
        if piece is None:
            look.add(sink)
            return True
        sink.write(piece)


def _walk(folder: str) -> Iterator[Path]:
    for current, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(current, name) for name in sorted(names))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(CHUNK_BYTES):
            yield piece
