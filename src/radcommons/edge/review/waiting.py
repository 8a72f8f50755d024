"""Which series of an OUT folder wait for a person's look at their pictures, and why."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from radcommons.deid.pixel_text import PixelText
from radcommons.edge import findings as stored
from radcommons.edge.outfolder import OutFolder

MACHINE_UNSURE = frozenset({PixelText.NOT_CHECKED, PixelText.NEEDS_PERSON})
MACHINE_SURE = frozenset({PixelText.CLEAN, PixelText.REDACTED})
# What a person can let go although no rule can clean it.
RELEASABLE = frozenset({"deid.unsupported-object", "deid.private-object", "deid.unknown-object"})
VERDICT_WORDS = {
    "approved": "confirmed",
    "clean": "no writing found",
    "needs_person": "needs a person",
    "not_checked": "not checked",
    "redacted": "blackened",
}


@dataclass(frozen=True, slots=True)
class WaitingSeries:
    """One series in which a picture may carry writing, or which holds an object that cannot be cleaned.

    Parameters
    ----------
    series_instance_uid
        The new UID.
    pictures
        Instances to look at.
    waiting
        Of them, those that nobody decided.
    unsure
        Of these, those that no program can vouch for.
    """

    series_instance_uid: str
    pictures: int
    waiting: int
    unsure: int


def release_rule(connection: sqlite3.Connection, out: OutFolder) -> str:
    """``person`` or ``detector``: whose word lets pictures of this OUT folder leave."""
    row = connection.execute("SELECT pixel_release FROM out_profile WHERE out = ?", (out.name,)).fetchone()
    return "person" if row is None else str(row["pixel_release"])


def may_leave(row: sqlite3.Row, *, release: str) -> bool:
    """Whether the verdicts about an output, on writing and on faces, let it leave under the profile's rule of release."""
    if row["face"] == "held":
        return False
    verdict = PixelText(row["pixel_text"])
    if verdict in {PixelText.NOT_APPLICABLE, PixelText.APPROVED}:
        return True
    return release == "detector" and verdict in MACHINE_SURE


def codes_of(row: sqlite3.Row) -> frozenset[str]:
    """The codes of the findings about an output."""
    return frozenset(each.code for each in stored.load(row["findings"]))


def is_refused(row: sqlite3.Row) -> bool:
    """Whether an output could not be made, and a person can let its source go all the same."""
    return not row["is_kept"] and bool(codes_of(row) & RELEASABLE)


def waits(row: sqlite3.Row, state: str, *, release: str) -> bool:
    """Whether an output on that page waits for a person; ``state`` is the latest decision about its source, or empty."""
    if row["face"] == "held" and state != "rejected":
        return True
    if state in {"approved", "rejected"} or (state == "released" and not row["pixel_recipe"]):
        return False
    if state == "edited" or row["pixel_text"] != PixelText.NOT_APPLICABLE.value:
        return not may_leave(row, release=release)
    return is_refused(row)


def decided_states(connection: sqlite3.Connection, out: OutFolder) -> Mapping[str, str]:
    """The latest decision about each source of an OUT folder, by digest."""
    rows = connection.execute(
        "SELECT source_sha256, state FROM pixel_decision JOIN pixel_act USING (act_id) WHERE undone_at = ''"
        " AND state IN ('edited', 'approved', 'rejected', 'released')"
        " AND source_sha256 IN (SELECT source_sha256 FROM output WHERE out = ?) ORDER BY act_id",
        (out.name,),
    )
    return {row["source_sha256"]: row["state"] for row in rows}


def picture_rows(connection: sqlite3.Connection, out: OutFolder, *, series: str | None = None) -> Iterator[sqlite3.Row]:
    """The outputs to look at, by study, series and instance; of one series when it is named."""
    rows = connection.execute(
        "SELECT *, source_sha256 IN (SELECT source_sha256 FROM pixel_decision JOIN pixel_act USING (act_id)"
        " WHERE undone_at = '') AS is_decided FROM output WHERE out = ? AND (? IS NULL OR series_uid = ?)"
        " AND (pixel_text <> 'not_applicable' OR NOT is_kept OR is_decided OR face <> '')"
        " ORDER BY study_uid, series_uid, instance_number, sop_uid, token",
        (out.name, series, series),
    )
    return (row for row in rows.fetchall() if _is_picture(row))


def waiting_series(
    connection: sqlite3.Connection, out: OutFolder, *, excluded: Iterable[str] = ()
) -> tuple[WaitingSeries, ...]:
    """Every series with pictures to look at, in the order of the page; an excluded one waits for nobody."""
    release, kept_out = release_rule(connection, out), frozenset(excluded)
    states = decided_states(connection, out)
    found = []
    for uid, group in groupby(picture_rows(connection, out), key=lambda row: str(row["series_uid"])):
        rows = list(group)
        is_open = uid not in kept_out
        waiting = [row for row in rows if is_open and waits(row, states.get(row["source_sha256"], ""), release=release)]
        unsure = [row for row in waiting if PixelText(row["pixel_text"]) not in MACHINE_SURE]
        found.append(WaitingSeries(uid, len(rows), len(waiting), len(unsure)))
    return tuple(found)


def next_waiting(series: tuple[WaitingSeries, ...], *, after: str = "") -> str | None:
    """The first series that waits, looking on from another one and then from the start."""
    uids = [each.series_instance_uid for each in series]
    start = uids.index(after) + 1 if after in uids else 0
    ordered = (*series[start:], *series[:start])
    return next(
        (each.series_instance_uid for each in ordered if each.waiting and each.series_instance_uid != after), None
    )


def counts_by_verdict(rows: Iterable[sqlite3.Row]) -> Mapping[str, int]:
    """How many instances have which verdict about their pixels."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["pixel_text"]] = counts.get(row["pixel_text"], 0) + 1
    return dict(sorted(counts.items()))


def _is_picture(row: sqlite3.Row) -> bool:
    """Whether there is something in it for a person to decide, or decided."""
    if row["is_decided"] or row["face"] or row["pixel_text"] != PixelText.NOT_APPLICABLE.value:
        return True
    return bool(codes_of(row) & RELEASABLE)
