"""Deciding about pixels from outside the looking page: whole series by name, or a file of decisions."""

import sqlite3
from collections.abc import Iterable

from radcommons.deid.profile import Profile
from radcommons.edge.database import transaction
from radcommons.edge.deidentify import make_again
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.outprofile import profile_of
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.review.decisions import Content, no_such_series
from radcommons.edge.review.looking import memory_of, shown_series
from radcommons.edge.review.waiting import waiting_series

ALL = "all"


def named_series(
    connection: sqlite3.Connection, out: OutFolder, named: Iterable[str], *, content: Content, excluded: Iterable[str]
) -> tuple[str, ...]:
    """Series with pictures to look at among those named; ``all`` stands for every one that waits.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-series``.
    """
    listed = waiting_series(connection, out, excluded=excluded)
    known = {each.series_instance_uid for each in listed}
    wanted: set[str] = set()
    for uid in named:
        if uid == ALL:
            wanted |= {each.series_instance_uid for each in listed if each.waiting}
        elif uid in known or uid in content.series:
            wanted.add(uid)
        else:
            raise no_such_series()
    return tuple(sorted(wanted & known))


def approve_pixels(
    connection: sqlite3.Connection, home: EdgeHome, *, out: OutFolder, series: Iterable[str], by: str
) -> int:
    """Confirm the pictures of some series as they stand; returns how many were confirmed.

    What cannot be cleaned and what was kept out stays as it is.
    """
    profile, person, confirmed = profile_of(connection, home, out), Person(by), 0
    memory = memory_of(connection, profile)
    for uid in series:
        decisions = PixelDecisions(connection, memory, markers=profile.pixels.markers)
        shown = shown_series(connection, out, series=uid, memory=memory, house=decisions.house)
        boxes = {each.sha256: each.boxes or () for each in shown.pictures if each.is_confirmable}
        if boxes:
            with transaction(connection):
                decisions.confirm(boxes, by=person)
            confirmed += len(boxes)
    make_now(connection, home, out=out, profile=profile)
    return confirmed


def make_now(connection: sqlite3.Connection, home: EdgeHome, *, out: OutFolder, profile: Profile) -> int:
    """Make anew what decisions changed; returns how many instances."""
    with exclusive(home):
        return make_again(connection, home, out=out, profile=profile)
