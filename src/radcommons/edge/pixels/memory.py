"""Looks, decisions and rules in the home's database. Whatever was read in pixels is sealed; nothing is ever deleted.

A decision concerns the bytes somebody looked at, by their digest: it holds for the same source in every OUT folder, and
never for other bytes. Decisions of one moment form one act, which is undone as a whole.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.pixels.looks import HouseRules, Look, SiteRectangle, boxes_json, boxes_of
from radcommons.edge.pixels.orders import Order
from radcommons.transfer.manifest import ReleaseReason, ReleaseStamp

# Of whoever decides at a hospital, as the centre is told.
ROLE = "site-reviewer"
STATES = ("edited", "approved", "rejected", "released", "face-kept", "defaced")


@dataclass(frozen=True, slots=True)
class Act:
    """What one person did at one moment; ``undone_at`` is empty while it holds."""

    act_id: int
    at: str
    by: str
    verb: str
    reason: str
    undone_at: str
    undone_by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds for one source now.

    Parameters
    ----------
    state, boxes
        As in :class:`Order`.
    is_released, face
        Whether the object was released; ``kept``, ``defaced`` or empty.
    by, at, reason
        Of the decision about the pixels.
    """

    state: str = ""
    boxes: tuple[Box, ...] | None = None
    is_released: bool = False
    face: str = ""
    by: str = ""
    at: str = ""
    reason: str = ""


NOTHING_DECIDED = Decided()


class PixelMemory:
    """The tables ``pixel_look``, ``pixel_act``, ``pixel_decision`` and ``pixel_rule`` of one home.

    Parameters
    ----------
    connection
        An open database; whoever writes holds a transaction.
    means
        Digest of detector and profile rules: a look by other means is not used.
    """

    def __init__(self, connection: sqlite3.Connection, *, means: str) -> None:
        self._connection = connection
        self._means = means

    def look(self, source_sha256: str) -> Look | None:
        """What was seen in a source by the present means."""
        row = self._connection.execute(
            "SELECT unseal(found) AS found FROM pixel_look WHERE source_sha256 = ? AND rules = ?",
            (source_sha256, self._means),
        ).fetchone()
        return None if row is None else Look.from_text(row["found"])

    def keep_look(self, source_sha256: str, look: Look) -> None:
        """Remember what was seen in a source."""
        self._connection.execute(
            "INSERT OR REPLACE INTO pixel_look (source_sha256, rules, verdict, found) VALUES (?, ?, ?, seal(?))",
            (source_sha256, self._means, look.verdict.value, look.to_text()),
        )

    def order(self, source_sha256: str) -> Order:
        """What is to be done with a source."""
        decided = self.decided(source_sha256)
        return Order(
            *(decided.state, decided.boxes, self.look(source_sha256), decided.is_released, decided.face == "defaced"),
            is_suspect=self.is_suspect(source_sha256),
        )

    def is_suspect(self, source_sha256: str) -> bool:
        """Whether writing was read in the series of a source although its headers say that there is none."""
        query = "SELECT 1 FROM pixel_suspect WHERE source_sha256 = ?"
        return self._connection.execute(query, (source_sha256,)).fetchone() is not None

    def decided(self, source_sha256: str) -> Decided:
        """What persons decided about a source."""
        rows = self._connection.execute(
            "SELECT state, boxes, unseal(by) AS by, at, unseal(reason) AS reason FROM pixel_decision JOIN pixel_act USING (act_id)"
            " WHERE source_sha256 = ? AND undone_at = '' ORDER BY act_id",
            (source_sha256,),
        )
        found = NOTHING_DECIDED
        for row in rows:
            found = _after(found, row)
        return found

    def every_decided(self) -> Mapping[str, Decided]:
        """What persons decided about every source that a decision speaks of, read at once."""
        rows = self._connection.execute(
            "SELECT source_sha256, state, boxes, unseal(by) AS by, at, unseal(reason) AS reason FROM pixel_decision"
            " JOIN pixel_act USING (act_id) WHERE undone_at = '' ORDER BY act_id"
        )
        found: dict[str, Decided] = {}
        for row in rows:
            found[row["source_sha256"]] = _after(found.get(row["source_sha256"], NOTHING_DECIDED), row)
        return found

    def release(self, source_sha256: str) -> ReleaseStamp | None:
        """When and why a person let a source go, in the words that may leave the hospital."""
        row = self._connection.execute(
            "SELECT at, verb FROM pixel_decision JOIN pixel_act USING (act_id)"
            " WHERE source_sha256 = ? AND state = 'released' AND undone_at = '' ORDER BY act_id DESC LIMIT 1",
            (source_sha256,),
        ).fetchone()
        return None if row is None else ReleaseStamp(ROLE, row["at"], ReleaseReason(row["verb"].partition(" ")[2]))

    def decided_sources(self) -> frozenset[str]:
        """Every source that a decision speaks of, so that the rest need not be asked for."""
        rows = self._connection.execute(
            "SELECT DISTINCT source_sha256 FROM pixel_decision JOIN pixel_act USING (act_id) WHERE undone_at = ''"
        )
        return frozenset(row[0] for row in rows)

    def house_rules(self, *, markers: Sequence[str] = ()) -> HouseRules:
        """The words and rectangles that persons added, beside the ``markers`` of the profile."""
        words, rectangles = list(markers), []
        rows = self._connection.execute(
            "SELECT kind, unseal(body) AS body FROM pixel_rule JOIN pixel_act USING (act_id) WHERE undone_at = '' ORDER BY act_id, kind"
        )
        for row in rows:
            if row["kind"] == "marker":
                words.append(row["body"])
            else:
                rectangles.append(SiteRectangle.from_text(row["body"]))
        return HouseRules(tuple(words), tuple(rectangles))

    def act(self, verb: str, *, by: str, reason: str = "") -> int:
        """Begin an act; its decisions and rules follow in the same transaction."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        cursor = self._connection.execute(
            "INSERT INTO pixel_act (at, by, verb, reason) VALUES (?, seal(?), ?, seal(?))", (at, by, verb, reason)
        )
        return int(cursor.lastrowid or 0)

    def decide(self, act_id: int, state: str, boxes: Mapping[str, Sequence[Box] | None]) -> None:
        """Write the decision of an act about each source, by digest."""
        self._connection.executemany(
            "INSERT INTO pixel_decision (source_sha256, act_id, state, boxes) VALUES (?, ?, ?, ?)",
            ((sha256, act_id, state, boxes_json(each)) for sha256, each in boxes.items()),
        )

    def add_rule(self, act_id: int, rule: str | SiteRectangle) -> None:
        """Write an allowed word or a rectangle for a device."""
        kind, body = ("marker", rule) if isinstance(rule, str) else ("rectangle", rule.to_text())
        self._connection.execute(
            "INSERT INTO pixel_rule (act_id, kind, body) VALUES (?, ?, seal(?))", (act_id, kind, body)
        )

    def undo(self, act_id: int, *, by: str) -> frozenset[str]:
        """End an act; returns the sources it had decided.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-act`` when there is none or it was undone before.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        changed = self._connection.execute(
            "UPDATE pixel_act SET undone_at = ?, undone_by = seal(?) WHERE act_id = ? AND undone_at = ''",
            (at, by, act_id),
        )
        if changed.rowcount != 1:
            raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-act", "There is no such decision, or it was undone.")
        rows = self._connection.execute("SELECT source_sha256 FROM pixel_decision WHERE act_id = ?", (act_id,))
        return frozenset(row[0] for row in rows)

    def history(self, sources: Iterable[str]) -> tuple[Act, ...]:
        """Every act about any of the sources, and every rule, the latest first."""
        rows = self._connection.execute(
            "SELECT act_id, at, unseal(by) AS by, verb, unseal(reason) AS reason, undone_at, unseal(undone_by) AS undone_by"
            " FROM pixel_act WHERE act_id IN"
            " (SELECT act_id FROM pixel_decision WHERE source_sha256 IN (SELECT value FROM json_each(?))"
            " UNION SELECT act_id FROM pixel_rule) ORDER BY act_id DESC",
            (orjson.dumps(sorted(set(sources))).decode("ascii"),),
        )
        return tuple(_act(row) for row in rows)


def _act(row: sqlite3.Row) -> Act:
    return Act(row["act_id"], row["at"], row["by"], row["verb"], row["reason"], row["undone_at"], row["undone_by"])


def _after(before: Decided, row: sqlite3.Row) -> Decided:
    """What holds after one more decision; the latest word about pixels and leaving counts."""
    state, boxes = row["state"], boxes_of(row["boxes"])
    who = (row["by"], row["at"], row["reason"])
    if state == "released":
        return Decided("" if before.state == "rejected" else before.state, before.boxes, True, before.face, *who)
    if state in {"face-kept", "defaced"}:
        face = state.removeprefix("face-")
        return Decided(before.state, before.boxes, before.is_released, face, before.by, before.at, before.reason)
    kept = before.boxes if state == "rejected" else boxes
    return Decided(state, kept, before.is_released, before.face, *who)
