"""What a person can decide about pixels; each verb is one act in one transaction of the caller.

A result that a decision does not change is approved where it lies. Every other result made of a decided source is held
back in every OUT folder of the home until it was made anew.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.deciders import checked_name, checked_reason
from radcommons.edge.pixels.looks import HouseRules, SiteRectangle, boxes_json
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.pixels.orders import Order
from radcommons.transfer.manifest import ReleaseReason

_LONGEST_MARKER = 64
_MOST_BOXES = 500


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", checked_name(self.name))


class PixelDecisions:
    """The verbs of one home.

    Parameters
    ----------
    connection
        An open database, in a transaction.
    memory
        Its memory of pixels.
    markers
        Of the profile.
    """

    def __init__(self, connection: sqlite3.Connection, memory: PixelMemory, *, markers: Sequence[str] = ()) -> None:
        self._connection = connection
        self._memory = memory
        self._markers = tuple(markers)

    @property
    def house(self) -> HouseRules:
        """The rules as they are now."""
        return self._memory.house_rules(markers=self._markers)

    def edit(self, boxes: Mapping[str, Sequence[Box]], *, by: Person) -> int:
        """Keep the boxes somebody draws, by the digest of the source; they are blackened when they are confirmed."""
        return self._decide("edit", "edited", {sha256: _checked(each) for sha256, each in boxes.items()}, by=by)

    def confirm(self, boxes: Mapping[str, Sequence[Box]], *, by: Person) -> int:
        """Somebody looked: these boxes and nothing else carry writing that must not leave."""
        return self._decide("confirm", "approved", {sha256: _checked(each) for sha256, each in boxes.items()}, by=by)

    def reject(self, sources: Iterable[str], *, by: Person, reason: str) -> int:
        """These do not leave."""
        return self._decide("reject", "rejected", dict.fromkeys(sources), by=by, reason=checked_reason(reason))

    def release(self, sources: Iterable[str], *, by: Person, reason: str, why: ReleaseReason) -> int:
        """These may leave although they cannot be cleaned as a whole; the centre is told ``why``, never the reason."""
        verb = f"release {why.value}"
        return self._decide(verb, "released", dict.fromkeys(sources), by=by, reason=checked_reason(reason))

    def keep_faces(self, sources: Iterable[str], *, by: Person, reason: str) -> int:
        """These may leave with the face that can be made of them."""
        return self._decide("keep faces", "face-kept", dict.fromkeys(sources), by=by, reason=checked_reason(reason))

    def deface(self, sources: Iterable[str], *, by: Person) -> int:
        """The configured tool takes the face away."""
        return self._decide("deface", "defaced", dict.fromkeys(sources), by=by)

    def allow(self, marker: str, *, by: Person) -> int:
        """A word that may stay in every picture of this home.

        Raises
        ------
        RadCommonsError
            ``edge.no-marker`` when it is empty, too long, holds digits, or may stay already.
        """
        word = " ".join(marker.split())
        if not word or len(word) > _LONGEST_MARKER or not any(each.isalpha() for each in word):
            raise _invalid("edge.no-marker", "A marker is one word or a few, with letters, at most 64 characters.")
        if any(each.isdigit() for each in word):
            raise _invalid(
                "edge.no-marker", "Writing with digits may be a date or a number; it cannot become a marker."
            )
        if is_marker_text(word, marker_words(self.house.markers)):
            raise _invalid("edge.no-marker", "This word may stay already.")
        act_id = self._memory.act("allow", by=by.name)
        self._memory.add_rule(act_id, word)
        self.mark_undecided()
        return act_id

    def spread(self, rectangle: SiteRectangle, *, by: Person) -> int:
        """A box to blacken in every image of one device and size.

        Raises
        ------
        RadCommonsError
            ``edge.no-device`` when the header names none: the box would fall upon strangers of the same size.
        """
        if not rectangle.device.is_named:
            raise _invalid(
                "edge.no-device", "The header names neither manufacturer nor model; draw the box in each series."
            )
        act_id = self._memory.act("spread", by=by.name)
        self._memory.add_rule(act_id, rectangle)
        self.mark_undecided()
        return act_id

    def undo(self, act_id: int, *, by: Person) -> None:
        """Take an act back; what held before it holds again."""
        sources = self._memory.undo(act_id, by=by.name)
        if sources:
            self.hold_overtaken(sources)
        else:
            self.mark_undecided()

    def mark_undecided(self) -> None:
        """Hold back results that the rules of the house, as they are now, would not give."""
        decided = self._memory.decided_sources()
        rows = self._connection.execute(
            "SELECT DISTINCT source_sha256 FROM output WHERE pixel_text <> 'not_applicable' AND source_sha256 <> ''"
        )
        looked = [row[0] for row in rows.fetchall() if row[0] not in decided]
        self.hold_overtaken(sha256 for sha256 in looked if self._memory.look(sha256) is not None)

    def _decide(
        self, verb: str, state: str, boxes: Mapping[str, Sequence[Box] | None], *, by: Person, reason: str = ""
    ) -> int:
        if not boxes:
            raise RadCommonsError(Kind.INVALID, "edge.nothing-decided", "Nothing was named that could be decided.")
        act_id = self._memory.act(verb, by=by.name, reason=reason)
        self._memory.decide(act_id, state, boxes)
        self.hold_overtaken(boxes)
        return act_id

    def hold_overtaken(self, sources: Iterable[str]) -> None:
        """Hold back results of these sources that decisions, as they are now, would not give."""
        house = self.house
        for sha256 in sources:
            order = self._memory.order(sha256)
            rows = self._connection.execute("SELECT * FROM output WHERE source_sha256 = ?", (sha256,)).fetchall()
            for row in rows:
                if not order.is_met_by(row, house):
                    self._mark_row(row, order)

    def _mark_row(self, row: sqlite3.Row, order: Order) -> None:
        if order.state == "approved" and _is_same_file(row, order):
            values = ("approved", order.recipe(order.boxes))
        elif order.state == "edited" and row["pixel_recipe"]:
            # Whoever draws has not finished; it is made anew when it is confirmed, or at the next run.
            values = ("needs_person", "edited")
        else:
            values = ("not_checked", "")
        self._connection.execute(
            "UPDATE output SET pixel_text = ?, pixel_recipe = ? WHERE output_id = ?", (*values, row["output_id"])
        )


def _is_same_file(row: sqlite3.Row, order: Order) -> bool:
    """Whether the file that lies there has exactly the boxes of an order and was made with the same further wishes."""
    words = row["pixel_recipe"].partition(":")[0].split("+")[1:]
    wishes = [*["released"] * order.is_released, *["defaced"] * order.is_defaced]
    is_made = bool(row["is_kept"]) and bool(row["pixel_recipe"]) and row["boxes"] != ""
    return is_made and words == wishes and bool(row["boxes"] == boxes_json(order.boxes))


def _checked(boxes: Sequence[Box]) -> Sequence[Box]:
    if len(boxes) > _MOST_BOXES:
        raise _invalid("edge.too-many-boxes", f"A picture has at most {_MOST_BOXES} boxes; reject it instead.")
    return tuple(dict.fromkeys(boxes))


def _invalid(code: str, message: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, code, message)
