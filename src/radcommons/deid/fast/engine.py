"""De-identifying an ordinary file the short way, or leaving it to the long one."""

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from radcommons.deid.fast.context import Context, Harvest, Memory, encodings_in
from radcommons.deid.fast.layout import Layout, NotOrdinaryError, layout_of, must
from radcommons.deid.fast.look import Eye
from radcommons.deid.fast.recipe import Draft, Recipe
from radcommons.deid.fast.shelf import bring_forward, put
from radcommons.deid.job import Job
from radcommons.deid.outcome import Outcome
from radcommons.deid.verify import refusal_of_class
from radcommons.deid.writing import PREAMBLE, meta_bytes
from radcommons.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from radcommons.dicom.part10 import MAX_FILE_BYTES
from radcommons.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

# A header larger than this is not ordinary; most files are smaller as a whole.
_HEAD_BYTES = 2**20
_USUAL_HEAD_BYTES = 2**16
_MOST_JOBS = 16
_MOST_CONTEXTS = 4
_SOP_CLASS_UID = 0x00080016


@dataclass(slots=True)
class _Bench:
    """One context at work."""

    context: Context
    eye: Eye
    recipes: list[Recipe] = field(default_factory=list)


class _Room:
    """Everything remembered for one job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._harvests: dict[Hashable, Harvest] = {}
        self._benches: OrderedDict[Hashable, _Bench] = OrderedDict()
        self._metas: Memory[tuple[bytes, bytes]] = Memory()

    def draft(self, data: bytes, size: int) -> tuple[_Bench, Draft]:
        """The new header of a file, and where it was made."""
        for bench in reversed(self._benches.values()):
            for recipe in bench.recipes:
                draft = recipe.follow(data, size)
                if draft is not None:
                    bring_forward(bench.recipes, recipe)
                    return bench, draft
        layout = layout_of(data, size)
        bench = self._bench(layout)
        recipe = Recipe(layout, bench.context, data[layout.pixels_at : layout.value_at])
        put(bench.recipes, recipe)
        return bench, recipe.draft()

    def meta(self, context: Context, sop_instance_uid: bytes) -> bytes:
        """The meta information of a new object; all of it but the UID is the same for a class."""
        key = (context.sop_class_uid, context.encoding, len(sop_instance_uid))
        halves = self._metas.get(key)
        if halves is None:
            stand_in = "7" * len(sop_instance_uid)
            syntax = IMPLICIT_VR_LITTLE_ENDIAN if context.encoding.is_implicit else EXPLICIT_VR_LITTLE_ENDIAN
            whole = meta_bytes(context.sop_class_uid, stand_in, syntax)
            before, _, after = whole.partition(stand_in.encode("ascii"))
            halves = self._metas.keep(key, (before, after))
        return b"".join((halves[0], sop_instance_uid, halves[1]))

    def _bench(self, layout: Layout) -> _Bench:
        encoding = IMPLICIT_LITTLE if layout.is_implicit else EXPLICIT_LITTLE
        encodings = encodings_in(layout.tags, layout.raws, encoding)
        harvest = self._harvests.setdefault((encoding, encodings), Harvest(encoding, encodings))
        found = frozenset().union(*(harvest.of(*pair) for pair in zip(layout.tags, layout.raws, strict=True)))
        identifiers = self._job.identifiers(found)
        sop_class_uid = self._sop_class_uid(layout)
        key = (encoding, encodings, sop_class_uid, identifiers)
        bench = self._benches.get(key)
        if bench is None:
            context = Context(self._job, sop_class_uid, harvest, identifiers)
            bench = self._benches[key] = _Bench(context, Eye(context))
            if len(self._benches) > _MOST_CONTEXTS:
                self._benches.popitem(last=False)
        self._benches.move_to_end(key)
        return bench

    def _sop_class_uid(self, layout: Layout) -> str:
        if _SOP_CLASS_UID not in layout.tags:
            raise NotOrdinaryError
        raw = layout.raws[layout.tags.index(_SOP_CLASS_UID)]
        sop_class_uid = raw[8:].rstrip(b"\0 ").decode("ascii", "replace")
        if refusal_of_class(sop_class_uid, self._job.cleaning.released_classes):
            raise NotOrdinaryError
        return sop_class_uid


class _Own(threading.local):
    """A buffer for each thread: memory that is already there takes files in at the speed of copying."""

    def __init__(self) -> None:
        self._bytes = memoryview(bytearray(_HEAD_BYTES))

    def buffer(self) -> memoryview:
        """The buffer; what was in it is gone with the next file."""
        return self._bytes


_own = _Own()
_rooms: OrderedDict[Hashable, tuple[_Room, Job]] = OrderedDict()


def forget() -> None:
    """Forget everything that was decided before, as a new process has."""
    _rooms.clear()


def deidentify_ordinary(source: Path, destination: Path, job: Job) -> Outcome | None:
    """De-identify a file, or ``None`` when it has to go the long way; then nothing was written.

    What comes of a file never depends on what was remembered, only how fast.
    """
    if job.cleaning.boxes:
        return None
    reading = None
    try:
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        return _deidentify(reading, os.fspath(destination), _room(job))
    except (NotOrdinaryError, OSError):
        return None
    finally:
        if reading is not None:
            os.close(reading)


def _room(job: Job) -> _Room:
    cleaning = job.cleaning
    decisions = frozenset(cleaning.text_decisions.items()) if cleaning.text_decisions else None
    # The job kept with the room keeps its profile alive, so that no other one can come to have its identity.
    key = (id(job.profile), job.key, job.patient, job.has_seen_pixels, decisions, cleaning.released_classes)
    known = _rooms.get(key)
    if known is None:
        known = _rooms[key] = (_Room(job), job)
        if len(_rooms) > _MOST_JOBS:
            _rooms.popitem(last=False)
    return known[0]


def _deidentify(reading: int, destination: str, room: _Room) -> Outcome:
    size = os.fstat(reading).st_size
    buffer = _own.buffer()
    available = os.readv(reading, [buffer])
    must(0 < size <= MAX_FILE_BYTES and available == min(size, len(buffer)))
    try:
        bench, draft = room.draft(bytes(buffer[: min(available, _USUAL_HEAD_BYTES)]), size)
    except NotOrdinaryError:
        if available <= _USUAL_HEAD_BYTES:
            raise
        bench, draft = room.draft(bytes(buffer[:available]), size)
    meta = room.meta(bench.context, draft.sop_instance_uid)
    header = b"".join((PREAMBLE, meta, *draft.pieces, buffer[draft.pixels_at : draft.value_at]))
    new_size = len(header) + size - draft.value_at
    partial = destination + ".part"
    try:
        with _new_file(partial) as writing:
            _write(writing, header, buffer[draft.value_at : available])
            for _ in range(available, size, len(buffer)):
                _write(writing, b"", buffer[: os.readv(reading, [buffer])])
            must(os.fstat(writing).st_size == new_size)
            written = os.pread(writing, len(header), 0)
        seen = bench.eye.look(written, Path(partial), new_size, draft.originals)
        _put_in_place(partial, destination)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    notes = draft.notes
    return Outcome(seen.description, notes.report, seen.findings, seen.pixel_text, notes.kept_texts, notes.redactions)


@contextmanager
def _new_file(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, first: bytes, then: memoryview) -> None:
    written = os.writev(descriptor, [first, then])
    if written < len(first) + len(then):
        rest = memoryview(first + bytes(then))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def _put_in_place(partial: str, destination: str) -> None:
    """Rename; what stands there goes first, since replacing it would make the file system write everything out at once."""
    with suppress(FileNotFoundError):
        os.unlink(destination)  # noqa: PTH108  paths as objects cost as much as the header
    os.rename(partial, destination)  # noqa: PTH104  as above
