"""Where what is remembered is kept: a room for each job, and what is the same for every patient beside them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from radcommons.deid.fast.context import Context, encodings_in
from radcommons.deid.fast.layout import Layout, NotOrdinaryError, layout_of
from radcommons.deid.fast.look import Eye
from radcommons.deid.fast.memories import Anybody, Harvest, Memory
from radcommons.deid.fast.plan import Draft
from radcommons.deid.fast.recipe import Recipe
from radcommons.deid.fast.shelf import Habits, Shelf
from radcommons.deid.job import Job
from radcommons.deid.profile import Profile
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.deid.writing import PREAMBLE, meta_bytes
from radcommons.dicom.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding

_Kept = TypeVar("_Kept")
_MOST_ROOMS = 16
_MOST_BENCHES = 4
_MOST_SHARED = 8
_SPARE_BYTES = 2**10
# Larger headers are rare, and have to be walked.
_LARGEST_EXAMPLE_BYTES = 2**16
_SOP_CLASS_UID = 0x00080016


class _Recent(OrderedDict[Hashable, _Kept]):
    """The few things used last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, key: Hashable, make: Callable[[], _Kept]) -> _Kept:
        """The thing of a key, made when there is none."""
        found = self.get(key)
        if found is None:
            found = self[key] = make()
            if len(self) > self._most:
                self.popitem(last=False)
        self.move_to_end(key)
        return found


@dataclass(slots=True)
class Bench:
    """One context at work: examples of what was made in it, and of what was seen."""

    key: Hashable
    context: Context
    eye: Eye
    recipes: Shelf[Recipe]


class Room:
    """Everything remembered for one job."""

    def __init__(self, job: Job) -> None:
        # It keeps the profile alive, so that no other one can come to have its identity.
        self._job = job
        self._benches: _Recent[Bench] = _Recent(_MOST_BENCHES)
        self._metas: Memory[tuple[bytes, bytes]] = Memory()
        self.expected_bytes = 0
        """How much of the next file is likely to hold its header, with some to spare."""

    def draft(self, data: bytes, size: int) -> tuple[Bench, Draft]:
        """The new header of a file, and where it was made."""
        made = self.followed(data, size) or self._walked(data, size)
        self.expected_bytes = made[1].value_at + _SPARE_BYTES
        return made

    def followed(self, data: bytes, size: int) -> tuple[Bench, Draft] | None:
        """The new header of a file that is like one before; ``None`` when it is not, or not all of its header is there."""
        for bench in reversed(self._benches.values()):
            for recipe in bench.recipes:
                draft = recipe.follow(data, size)
                if draft is not None:
                    bench.recipes.bring_forward(recipe)
                    self._benches.move_to_end(bench.key)
                    return bench, draft
        return None

    def _walked(self, data: bytes, size: int) -> tuple[Bench, Draft]:
        layout = layout_of(data, size)
        bench = self._bench(layout)
        recipe = Recipe(layout, bench.context, data[layout.pixels_at : layout.value_at])
        if layout.value_at <= _LARGEST_EXAMPLE_BYTES:
            bench.recipes.put(recipe)
        return bench, recipe.own_draft

    def header(self, context: Context, draft: Draft) -> bytes:
        """The bytes of a new file up to the value of its pixel data.

        All of its meta information but the UID is the same for a class and a transfer syntax.
        """
        uid = draft.sop_instance_uid
        syntax = draft.pixels.transfer_syntax_uid
        key = (context.sop_class_uid, syntax, len(uid))
        halves = self._metas.get(key)
        if halves is None:
            stand_in = "7" * len(uid)
            whole = PREAMBLE + meta_bytes(context.sop_class_uid, stand_in, syntax)
            before, _, after = whole.partition(stand_in.encode("ascii"))
            halves = self._metas.keep(key, (before, after))
        return b"".join((halves[0], uid, halves[1], *draft.pieces))

    def _bench(self, layout: Layout) -> Bench:
        encoding = IMPLICIT_LITTLE if layout.is_implicit else EXPLICIT_LITTLE
        encodings = encodings_in(layout.tags, layout.raws, encoding)
        harvest = _shared.harvest(encoding, encodings)
        found = frozenset().union(*(harvest.of(*pair) for pair in zip(layout.tags, layout.raws, strict=True)))
        identifiers = self._job.identifiers(found)
        sop_class_uid = self._sop_class_uid(layout)
        key = (encoding, encodings, sop_class_uid, identifiers)
        return self._benches.of(key, lambda: self._new_bench(key, sop_class_uid, harvest, identifiers))

    def _new_bench(self, key: Hashable, sop_class_uid: str, harvest: Harvest, identifiers: frozenset[str]) -> Bench:
        anybody = _shared.anybody(self._job.profile, sop_class_uid, harvest.encoding)
        context = Context(self._job, sop_class_uid, harvest, identifiers, anybody=anybody)
        return Bench(key, context, Eye(context, _shared.habits), Shelf(_shared.habits))

    def _sop_class_uid(self, layout: Layout) -> str:
        if _SOP_CLASS_UID not in layout.tags:
            raise NotOrdinaryError
        raw = layout.raws[layout.tags.index(_SOP_CLASS_UID)]
        sop_class_uid = raw[8:].rstrip(b"\0 ").decode("ascii", "replace")
        if refusal_of_class(sop_class_uid, self._job.cleaning.released_classes):
            raise NotOrdinaryError
        return sop_class_uid


class _Shared:
    """What does not depend on the patient."""

    def __init__(self) -> None:
        self._harvests: _Recent[Harvest] = _Recent(_MOST_SHARED)
        self._anybodies: _Recent[tuple[Anybody, Profile]] = _Recent(_MOST_SHARED)
        self.habits = Habits()

    def harvest(self, encoding: Encoding, encodings: tuple[str, ...]) -> Harvest:
        """What elements of a character set identify."""
        return self._harvests.of((encoding, encodings), lambda: Harvest(encoding, encodings))

    def anybody(self, profile: Profile, sop_class_uid: str, encoding: Encoding) -> Anybody:
        """What is decided alike for everybody; it is kept with its profile, whose identity is part of the key."""
        key = (id(profile), sop_class_uid, encoding)
        return self._anybodies.of(key, lambda: (Anybody(encoding), profile))[0]

    def forget(self) -> None:
        """Forget all of it."""
        self._harvests.clear()
        self._anybodies.clear()
        self.habits.clear()


class _Own(threading.local):
    """The rooms of a thread: an example is compared with, and replaced by, one file after the other."""

    def __init__(self) -> None:
        self.rooms: _Recent[Room] = _Recent(_MOST_ROOMS)
        self.latest: tuple[Job, Room] | None = None


_own = _Own()
_shared = _Shared()


def forget() -> None:
    """Forget everything that was decided before, as a new process has."""
    _own.rooms.clear()
    _own.latest = None
    _shared.forget()


def room_of(job: Job) -> Room:
    """Where everything for a job is remembered."""
    cleaning, latest = job.cleaning, _own.latest
    # Most files are of the patient of the one before; decisions about texts may be other ones in the same mapping.
    if latest is not None and job.profile is latest[0].profile and not cleaning.text_decisions and job == latest[0]:
        return latest[1]
    decisions = frozenset(cleaning.text_decisions.items()) if cleaning.text_decisions else None
    key = (id(job.profile), job.key, job.patient, job.has_seen_pixels, decisions, cleaning.released_classes)
    room = _own.rooms.of(key, lambda: Room(job))
    _own.latest = (job, room)
    return room
