"""Verdicts about pixels as one list, for programs; the same list, with decisions in it, is taken in again."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from radcommons.deid.pixels.boxes import Box
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database, transaction
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder, opened
from radcommons.edge.outprofile import profile_of
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.review.approving import make_now
from radcommons.edge.review.decisions import read_review
from radcommons.edge.review.looking import ShownPicture, memory_of, shown_series
from radcommons.edge.review.waiting import counts_by_verdict, is_refused, picture_rows, waiting_series
from radcommons.transfer.manifest import ReleaseReason

SCHEMA = "radcommons.pixels/1"
_LARGEST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class PixelInstance:
    """The verdict about the pixels of one instance; what was read in them is not in it.

    Parameters
    ----------
    sop_instance_uid, source
        The new UID; for what was kept out, the token of its source instead.
    path
        Where it lies below OUT; empty for what was kept out.
    verdict
        ``clean``, ``redacted``, ``needs_person``, ``not_checked``, ``approved``, ``rejected``, ``refused``, ``released``.
    boxes
        What is blackened, ``None`` when nobody looked.
    decision, reason, by, at
        ``confirm``, ``reject``, ``release``, or empty while nobody decided; why, who, when.
    is_waiting
        Whether a person has to decide.
    """

    sop_instance_uid: str
    source: str
    path: str
    series_instance_uid: str
    verdict: str
    boxes: tuple[Mapping[str, object], ...] | None
    decision: str
    reason: str
    by: str
    at: str
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class PixelVerdicts:
    """The verdicts about one OUT folder, with numbers.

    Parameters
    ----------
    schema
        The form of this list.
    series, series_waiting
        Series with pictures to look at, and how many of them wait for a person.
    instances_by_verdict
        How many instances have which verdict.
    decided, made_again
        How many decisions were taken in now, and how many instances were made anew for them.
    instances
        One after the other, by series.
    """

    schema: str
    series: int
    series_waiting: int
    instances_by_verdict: Mapping[str, int]
    decided: int
    made_again: int
    instances: tuple[PixelInstance, ...]


def pixel_verdicts(home: EdgeHome, out: Path) -> PixelVerdicts:
    """The verdicts about an OUT folder.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-out``, ``edge.out-of-another-home``, ``edge.nothing-made``, ``edge.unknown-profile``.
    """
    folder = opened(home, out)
    with database(home) as connection:
        return _verdicts(connection, home, folder, decided=0, made_again=0)


def take_decisions(home: EdgeHome, out: Path, *, path: Path, by: str) -> PixelVerdicts:
    """Take in a list of verdicts in which some instances carry a decision, and make anew what it changes.

    Each instance with a ``decision`` counts: ``confirm`` with its ``boxes``, ``reject`` with a ``reason``, or ``release``
    of what cannot be cleaned with a ``reason`` and the ``why`` that the centre is told.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-decisions`` when the file is malformed or names an instance that is not in OUT; nothing is
        recorded then. ``edge.name-needed``, ``edge.reason-needed``, and those of :func:`pixel_verdicts`.
    """
    folder, person, entries = opened(home, out), Person(by), _entries(path)
    with database(home) as connection:
        profile = profile_of(connection, home, folder)
        memory = memory_of(connection, profile)
        known = _Known(connection, folder)
        with transaction(connection):
            decisions = PixelDecisions(connection, memory, markers=profile.pixels.markers)
            _decide(decisions, entries, known, by=person)
        made = make_now(connection, home, out=folder, profile=profile)
        return _verdicts(connection, home, folder, decided=len(entries), made_again=made)


def _verdicts(
    connection: sqlite3.Connection, home: EdgeHome, out: OutFolder, *, decided: int, made_again: int
) -> PixelVerdicts:
    profile = profile_of(connection, home, out)
    memory = memory_of(connection, profile)
    house = memory.house_rules(markers=profile.pixels.markers)
    listed = waiting_series(connection, out, excluded=read_review(out).exclusions)
    instances = tuple(
        _instance(picture, each.series_instance_uid, out)
        for each in listed
        for picture in shown_series(
            connection, out, series=each.series_instance_uid, memory=memory, house=house
        ).pictures
    )
    return PixelVerdicts(
        schema=SCHEMA,
        series=len(listed),
        series_waiting=len([each for each in listed if each.waiting]),
        instances_by_verdict=counts_by_verdict(picture_rows(connection, out)),
        decided=decided,
        made_again=made_again,
        instances=instances,
    )


def _instance(picture: ShownPicture, series: str, out: OutFolder) -> PixelInstance:
    row, decided = picture.row, picture.decided
    path = out.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"])
    words = {"approved": "confirm", "rejected": "reject", "": "release" if decided.is_released else ""}
    return PixelInstance(
        sop_instance_uid=row["sop_uid"],
        source="" if row["is_kept"] else row["token"],
        path=path.relative_to(out.path).as_posix() if row["is_kept"] else "",
        series_instance_uid=series,
        verdict=picture.state,
        boxes=None if picture.boxes is None else tuple(each.to_json() for each in picture.boxes),
        decision=words.get(decided.state, ""),
        reason=decided.reason,
        by=decided.by,
        at=decided.at,
        is_waiting=picture.is_waiting,
    )


def _entries(path: Path) -> list[dict[str, object]]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _invalid("the file is too large")
        value = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _invalid("it cannot be read as JSON") from error
    listed = value.get("instances") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("schema") != SCHEMA or not isinstance(listed, list):
        raise _invalid(f"it is no list of the form {SCHEMA}")
    entries = [each for each in listed if isinstance(each, dict) and each.get("decision")]
    if not entries or any(each["decision"] not in {"confirm", "reject", "release"} for each in entries):
        raise _invalid("no instance carries a decision, or one is none of confirm, reject and release")
    return entries


class _Known:
    """The outputs that a list can name."""

    def __init__(self, connection: sqlite3.Connection, out: OutFolder) -> None:
        rows = picture_rows(connection, out)
        self._rows = {row["sop_uid"] if row["is_kept"] else row["token"]: row for row in rows}

    def source(self, entry: Mapping[str, object]) -> str:
        """The digest of the source that an entry speaks of."""
        for name in ("sop_instance_uid", "source"):
            row = self._rows.get(str(entry.get(name, "")))
            if row is not None and row["source_sha256"]:
                if entry["decision"] == "release" and not is_refused(row):
                    raise _invalid("it releases an instance that can be cleaned")
                return str(row["source_sha256"])
        raise _invalid("it names an instance that is not in OUT")


def _decide(decisions: PixelDecisions, entries: Sequence[Mapping[str, object]], known: _Known, *, by: Person) -> None:
    confirmed: dict[str, tuple[Box, ...]] = {}
    rejected: dict[str, list[str]] = {}
    released: dict[tuple[ReleaseReason, str], list[str]] = {}
    for entry in entries:
        source = known.source(entry)
        if entry["decision"] == "confirm":
            confirmed[source] = _boxes(entry)
        elif entry["decision"] == "reject":
            rejected.setdefault(_reason(entry), []).append(source)
        else:
            released.setdefault((_why(entry), _reason(entry)), []).append(source)
    if confirmed:
        decisions.confirm(confirmed, by=by)
    for reason, sources in sorted(rejected.items()):
        decisions.reject(sources, by=by, reason=reason)
    for (why, reason), sources in sorted(released.items()):
        decisions.release(sources, by=by, reason=reason, why=why)


def _why(entry: Mapping[str, object]) -> ReleaseReason:
    try:
        return ReleaseReason(str(entry.get("why", "")))
    except ValueError as error:
        raise _invalid("a release says why in none of the words read, no-patient, cleaned-before") from error


def _boxes(entry: Mapping[str, object]) -> tuple[Box, ...]:
    listed = entry.get("boxes")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise _invalid("a confirmed instance has no list of boxes")
    try:
        return tuple(Box.from_json(each) for each in listed)
    except ValueError as error:
        raise _invalid("a box is no box") from error


def _reason(entry: Mapping[str, object]) -> str:
    reason = entry.get("reason")
    return reason if isinstance(reason, str) else ""


def _invalid(why: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-decisions", f"The decisions cannot be taken in: {why}.")
