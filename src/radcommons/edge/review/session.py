"""One person's sitting before the looking page: series one after the other, decisions kept, results made anew behind."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from radcommons.deid.profile import Profile
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import findings as stored
from radcommons.edge.database import database, transaction
from radcommons.edge.deciders import checked_name
from radcommons.edge.defacing import REFUSALS
from radcommons.edge.deidentify import make_again
from radcommons.edge.faces import evidence_of
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.outprofile import profile_of
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.pixels.looks import HouseRules
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.review.actions import Done, perform
from radcommons.edge.review.decisions import read_review
from radcommons.edge.review.frames import FrameDrawer, FrameOrder
from radcommons.edge.review.looking import (
    ShownSeriesPictures,
    memory_of,
    result_source,
    series_json,
    shown_series,
    source_of,
)
from radcommons.edge.review.rules_section import shown_rules
from radcommons.edge.review.waiting import WaitingSeries, next_waiting, waiting_series

_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a series stands among those with pictures to look at."""

    series: tuple[WaitingSeries, ...]
    uid: str

    @property
    def words(self) -> tuple[str, str]:
        """Which of how many, and how many wait."""
        uids = [each.series_instance_uid for each in self.series]
        number = uids.index(self.uid) + 1 if self.uid in uids else 0
        waiting = len([each for each in self.series if each.waiting])
        unsure = len([each for each in self.series if each.unsure])
        need = f", {unsure} need{'s' if unsure == 1 else ''} a person" if unsure else ""
        return f"Series {number} of {len(uids)}", f"{waiting} wait{'s' if waiting == 1 else ''}{need}"

    def beside(self, step: int) -> str | None:
        """The series before or after it, whether it waits or not."""
        uids = [each.series_instance_uid for each in self.series]
        position = uids.index(self.uid) + step if self.uid in uids else -1
        return uids[position] if 0 <= position < len(uids) else None

    def to_json(self) -> dict[str, object]:
        """The place as the page's script gets it."""
        position, waiting = self.words
        return {"next": self.beside(1), "position": position, "previous": self.beside(-1), "waiting": waiting}


class LookSession:
    """What the looking page asks of one OUT folder.

    Parameters
    ----------
    home, out
        Whose folder.

    Raises
    ------
    RadCommonsError
        ``edge.nothing-made``, ``edge.unknown-profile``.
    """

    def __init__(self, home: EdgeHome, out: OutFolder) -> None:
        self._home = home
        self._out = out
        with database(home) as connection:
            self._profile: Profile = profile_of(connection, home, out)
        self._drawer = FrameDrawer()
        self.maker = Maker(home, out, self._profile)

    def first(self) -> str | None:
        """The first series that waits."""
        with database(self._home) as connection:
            return next_waiting(waiting_series(connection, self._out, excluded=read_review(self._out).exclusions))

    def state(self, series: str) -> dict[str, object]:
        """A series as the page's script gets it."""
        with self._opened(series) as opened:
            return opened.to_json()

    def shown(self, series: str) -> tuple[ShownSeriesPictures, Place, HouseRules]:
        """A series, where it stands, and the rules of the house, for a page without script."""
        with self._opened(series) as opened:
            return opened.shown, opened.place, opened.house

    def act(self, series: str, request: Mapping[str, object]) -> dict[str, object]:
        """Do what the page asks for; what it changes is made anew behind.

        Raises
        ------
        RadCommonsError
            As :func:`~radcommons.edge.review.actions.perform`; nothing is done then.
        """
        with self._opened(series) as opened:
            done: Done = perform(
                opened.connection,
                opened.shown,
                request,
                memory=opened.memory,
                markers=self._profile.pixels.markers,
            )
        if request.get("verb") != "edit":
            self.maker.poke()
        with self._opened(series) as opened:
            following = next_waiting(opened.place.series, after=series)
            return {"act": done.act_id, "next": following, "said": done.said, "series": opened.to_json()}

    def take_back(self, act_id: str, *, by: str) -> None:
        """End a rule of the house; what it concerned is made anew behind.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-act``, ``edge.name-needed``.
        """
        person = Person(checked_name(by))
        with database(self._home) as connection:
            memory = memory_of(connection, self._profile)
            decisions = PixelDecisions(connection, memory, markers=self._profile.pixels.markers)
            rules = {each.act_id for each in shown_rules(connection)}
            if not act_id.isdigit() or int(act_id) not in rules:
                raise RadCommonsError(
                    Kind.NOT_FOUND, "edge.no-such-act", "There is no such rule, or it was taken back."
                )
            with transaction(connection):
                decisions.undo(int(act_id), by=person)

    def frame(self, key: str, *, place: str, side: str, is_small: bool) -> bytes:
        """A JPEG of a frame of an original, or of what was made of it.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-picture``, ``edge.original-gone``, ``edge.not-drawable``.
        """
        with database(self._home) as connection:
            row = connection.execute(
                "SELECT * FROM output WHERE out = ? AND token = ?", (self._out.name, f"source:{key}")
            ).fetchone()
            missing = row is None or side not in {"original", "result"} or (side == "result" and not row["is_kept"])
            if missing or not (place == "all" or place.isdigit()):
                raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-picture", "There is no such picture.")
            is_original = side == "original"
            source = source_of(connection, self._home, row) if is_original else result_source(self._out, row)
        frame_index = None if place == "all" else max(0, int(place) - 1)
        return self._drawer.draw(FrameOrder(source, frame_index, max(1, row["number_of_frames"]), is_small))

    def close(self) -> None:
        """Finish what is being made, and end the drawing."""
        self.maker.stop()
        self._drawer.close()

    @contextmanager
    def _opened(self, series: str) -> Iterator["_Opened"]:
        with database(self._home) as connection:
            memory = memory_of(connection, self._profile)
            house = memory.house_rules(markers=self._profile.pixels.markers)
            shown = shown_series(connection, self._out, series=series, memory=memory, house=house)
            excluded = read_review(self._out).exclusions
            place = Place(waiting_series(connection, self._out, excluded=excluded), series)
            yield _Opened(connection, memory, house, shown, place, bool(self._home.defacer))


class Maker:
    """Makes anew, in a thread of its own, what decisions changed. Killed at any moment, the next run finds the rest."""

    def __init__(self, home: EdgeHome, out: OutFolder, profile: Profile) -> None:
        self._home = home
        self._out = out
        self._profile = profile
        self.lock = threading.Lock()
        """Held while the home is worked on, so that other requests wait instead of being told that it is busy."""
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="making", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier sitting left."""
        self._wanted.set()
        self._thread.start()

    def poke(self) -> None:
        """Something was decided."""
        self._wanted.set()

    def stop(self) -> None:
        """Finish what was asked for."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            is_last = self._stopped.is_set()
            if not self._make() and not is_last:
                # Another command holds the home; what it leaves is made afterwards.
                self._stopped.wait(_RETRY_S)
                self._wanted.set()
            if is_last:
                return

    def _make(self) -> bool:
        try:
            with self.lock, exclusive(self._home), database(self._home) as connection:
                make_again(connection, self._home, out=self._out, profile=self._profile)
        except RadCommonsError as error:
            return error.code != "edge.busy"
        return True


@dataclass(frozen=True, slots=True)
class _Opened:
    """A series with everything that a request about it needs."""

    connection: sqlite3.Connection
    memory: PixelMemory
    house: HouseRules
    shown: ShownSeriesPictures
    place: Place
    can_deface: bool

    def to_json(self) -> dict[str, object]:
        value = series_json(self.shown, house=self.house, memory=self.memory, place=self.place.to_json())
        return {**value, "face": self._face()}

    def _face(self) -> dict[str, object] | None:
        """What is known of a head in the series; ``None`` when it shows none."""
        states = {str(each.row["face"]) for each in self.shown.pictures} - {""}
        if not states:
            return None
        evidence = evidence_of(self.connection, self.shown.series_instance_uid)
        told = [finding for each in self.shown.pictures for finding in stored.load(each.row["findings"])]
        return {
            "can_deface": self.can_deface,
            "refusal": next((each.message for each in told if each.code in REFUSALS), ""),
            "confidence": 0 if evidence is None else evidence.confidence,
            "reasons": [] if evidence is None else list(evidence.reasons),
            "state": "held" if "held" in states else min(states),
            "verdict": "unknown" if evidence is None else evidence.verdict,
        }


def request_of(data: bytes) -> Mapping[str, object]:
    """A request from JSON.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-request``.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise RadCommonsError(Kind.INVALID, "edge.invalid-request", "The request is no JSON object.")
    return value
