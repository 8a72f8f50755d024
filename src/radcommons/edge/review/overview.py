"""The overview of one OUT folder: what an address shows, and decisions about whole groups of pictures."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from radcommons.deid.profile import Profile
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database, transaction
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.outprofile import profile_of
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.pixels.memory import Act
from radcommons.edge.review.decisions import read_review
from radcommons.edge.review.groups import Counts, Group, Page, Query, counts_of, grouped, page_of
from radcommons.edge.review.listing import ListedPicture, Listing
from radcommons.edge.review.looking import memory_of
from radcommons.edge.review.pace import left_words, seconds_a_decision

_LATEST_ACTS = 40


@dataclass(frozen=True, slots=True)
class ShownOverview:
    """One page of the overview, with everything that is said beside it."""

    page: Page
    counts: Counts
    left: str
    last: tuple[Act, int] | None


class Overview:
    """Reads and decides groups of pictures.

    Parameters
    ----------
    home, out
        Whose folder.
    """

    def __init__(self, home: EdgeHome, out: OutFolder) -> None:
        self._home, self._out = home, out
        with database(home) as connection:
            self._profile: Profile = profile_of(connection, home, out)
        self._listing = Listing()

    def shown(self, query: Query, *, by: str = "") -> ShownOverview:
        """What an address shows to somebody."""
        with database(self._home) as connection:
            pictures = self._pictures(connection)
            undecided = len(grouped(pictures, Query(grouping=query.grouping)))
            pace = seconds_a_decision(_moments(connection, by))
            return ShownOverview(
                page_of(grouped(pictures, query), query),
                counts_of(pictures, query),
                left_words(undecided, pace),
                _last_act(connection, self._out),
            )

    def decide(self, query: Query, verb: str, named: Sequence[tuple[str, str]], *, by: str, reason: str = "") -> str:
        """Confirm groups or keep one out, in one act; ``named`` are their ids with what was seen of each.

        Returns
        -------
        What was done, in words.

        Raises
        ------
        RadCommonsError
            ``edge.pictures-changed`` when a group is not what the person saw, ``edge.invalid-request``,
            ``edge.must-be-seen`` when a group cannot be confirmed here, and those of
            :class:`~radcommons.edge.pixels.deciding.PixelDecisions`.
        """
        person = Person(by)
        with database(self._home) as connection:
            pictures = self._pictures(connection)
            chosen = _chosen({each.group_id: each for each in grouped(pictures, query)}, named)
            memory = memory_of(connection, self._profile)
            decisions = PixelDecisions(connection, memory, markers=self._profile.pixels.markers)
            number = sum(len(each.pictures) for each in chosen)
            noun = "1 picture" if number == 1 else f"{number:,} pictures"
            with transaction(connection):
                if verb == "confirm":
                    _confirm(decisions, chosen, by=person, is_large=bool(query.group))
                    return f"Confirmed: {noun}."
                if verb == "reject":
                    decisions.reject([each.shown.sha256 for each in _all(chosen)], by=person, reason=reason)
                    return f"Kept out: {noun}."
        raise _invalid("There is no such verb.")

    def undo(self, act_id: str, *, by: str) -> str:
        """Take the latest decision about pictures of this folder back; what it did in words.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-act`` when another decision was made meanwhile, or it was taken back.
        """
        person = Person(by)
        with database(self._home) as connection:
            last = _last_act(connection, self._out)
            if last is None or act_id != str(last[0].act_id):
                message = "Another decision was made since, or this one was taken back. Load the page again."
                raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-act", message)
            memory = memory_of(connection, self._profile)
            with transaction(connection):
                PixelDecisions(connection, memory, markers=self._profile.pixels.markers).undo(int(act_id), by=person)
        return f"Taken back: {last[0].verb}, {last[1]:,} {'picture' if last[1] == 1 else 'pictures'}."

    def _pictures(self, connection: sqlite3.Connection) -> tuple[ListedPicture, ...]:
        memory = memory_of(connection, self._profile)
        return self._listing.pictures(
            connection,
            self._out,
            memory=memory,
            house=memory.house_rules(markers=self._profile.pixels.markers),
            excluded=read_review(self._out).exclusions,
        )


def _chosen(groups: dict[str, Group], named: Sequence[tuple[str, str]]) -> list[Group]:
    if not named:
        raise _invalid("A decision names its groups.")
    chosen = []
    for group_id, seen in named:
        group = groups.get(group_id)
        if group is None or group.seen != seen:
            message = "The pictures changed since this page was shown. Load it again and look."
            raise RadCommonsError(Kind.CONFLICT, "edge.pictures-changed", message)
        chosen.append(group)
    return chosen


def _confirm(decisions: PixelDecisions, chosen: Sequence[Group], *, by: Person, is_large: bool) -> None:
    if not all(each.is_confirmable(is_large=is_large) for each in chosen):
        message = "No program vouches for these pictures: open the group and look at each of them, large."
        raise RadCommonsError(Kind.CONFLICT, "edge.must-be-seen", message)
    decisions.confirm({each.shown.sha256: each.shown.boxes or () for each in _all(chosen)}, by=by)


def _all(chosen: Sequence[Group]) -> list[ListedPicture]:
    return [picture for each in chosen for picture in each.pictures]


def _moments(connection: sqlite3.Connection, by: str) -> list[datetime]:
    """When somebody decided of late; anybody, while no name was given."""
    rows = connection.execute(
        "SELECT at FROM pixel_act WHERE undone_at = '' AND verb IN ('confirm', 'reject') AND (? = '' OR by = seal(?))"
        " ORDER BY act_id DESC LIMIT ?",
        (by, by, _LATEST_ACTS),
    )
    return [datetime.fromisoformat(row["at"]) for row in rows]


def _last_act(connection: sqlite3.Connection, out: OutFolder) -> tuple[Act, int] | None:
    """The latest decision about pictures of this folder that stands, and how many it settled."""
    row = connection.execute(
        "SELECT act_id, at, unseal(by) AS by, verb, unseal(reason) AS reason, undone_at, unseal(undone_by) AS undone_by,"
        " (SELECT count(*) FROM pixel_decision WHERE pixel_decision.act_id = pixel_act.act_id) AS pictures"
        " FROM pixel_act WHERE undone_at = '' AND EXISTS (SELECT 1 FROM pixel_decision JOIN output USING (source_sha256)"
        " WHERE pixel_decision.act_id = pixel_act.act_id AND out = ?) ORDER BY act_id DESC LIMIT 1",
        (out.name,),
    ).fetchone()
    if row is None:
        return None
    values = [row[each] for each in ("act_id", "at", "by", "verb", "reason", "undone_at", "undone_by")]
    return Act(*values), int(row["pictures"])


def _invalid(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-request", message)
