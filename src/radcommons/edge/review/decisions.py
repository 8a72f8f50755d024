"""Decisions of named persons about an OUT folder, bound to exactly the content they saw."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import journal
from radcommons.edge.deciders import checked_name, checked_reason
from radcommons.edge.outfolder import OutFolder, write_atomically

SCHEMA = "radcommons.review/1"


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody looked at content with this digest and answers for it; ``at`` is UTC, ISO 8601."""

    by: str
    at: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Somebody keeps a series out, whatever its content."""

    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Review:
    """All decisions about one OUT folder, by new Series Instance UID where they concern a series."""

    approval: Approval | None = None
    exclusions: Mapping[str, Exclusion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What lies in an OUT folder, by digest.

    Parameters
    ----------
    sha256
        Digest of all instances and of what was done to them.
    series
        The series in it, by new UID.
    """

    sha256: str
    series: frozenset[str]


def content_of(connection: sqlite3.Connection, out: OutFolder) -> Content:
    """The content of an OUT folder as its journal knows it; decisions that change no byte do not change it."""
    whole = hashlib.sha256()
    series: set[str] = set()
    for row in journal.kept(connection, out):
        whole.update(f"{row['sop_uid']} {row['sha256']} {row['actions']}\n".encode("ascii"))
        series.add(row["series_uid"])
    return Content(whole.hexdigest(), frozenset(series))


def read_review(out: OutFolder) -> Review:
    """The decisions so far.

    Raises
    ------
    RadCommonsError
        ``edge.review-damaged`` when ``review.json`` is not what this program writes.
    """
    if not out.review_path.exists():
        return Review()
    try:
        value = json.loads(out.review_path.read_text("utf-8"))
        approval = value["approval"]
        return Review(
            approval=None if approval is None else Approval(**approval),
            exclusions={uid: Exclusion(**each) for uid, each in value["exclusions"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RadCommonsError(
            Kind.INVALID, "edge.review-damaged", "review.json cannot be read. Remove it and review again."
        ) from error


def write_review(out: OutFolder, review: Review) -> None:
    """Replace the recorded decisions."""
    value = {"schema": SCHEMA, **asdict(review)}
    write_atomically(out.review_path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def is_approved(review: Review, content: Content) -> bool:
    """Whether somebody approved exactly this content."""
    return review.approval is not None and review.approval.content_sha256 == content.sha256


def approved(review: Review, content: Content, *, by: str) -> Review:
    """The review with the approval of the whole content."""
    return replace(review, approval=Approval(checked_name(by), _now(), content.sha256))


def with_excluded(review: Review, content: Content, *, series: Iterable[str], by: str, reason: str) -> Review:
    """The review with some series kept out."""
    cleaned, wanted = checked_reason(reason), sorted(set(series))
    if not content.series.issuperset(wanted):
        raise no_such_series()
    made = {uid: Exclusion(checked_name(by), _now(), cleaned) for uid in wanted}
    return replace(review, exclusions={**review.exclusions, **made})


def with_included(review: Review, *, series: Iterable[str]) -> Review:
    """The review with exclusions taken back; who approved before did so without these series, and has to look again.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-series`` when one is not excluded.
    """
    wanted = set(series)
    if not review.exclusions.keys() >= wanted:
        raise no_such_series()
    kept = {uid: each for uid, each in review.exclusions.items() if uid not in wanted}
    return replace(review, exclusions=kept, approval=None)


def withdrawn(review: Review, content: Content) -> Review:
    """The review without its approval; exclusions, and what was decided about pixels and texts, stay.

    Raises
    ------
    RadCommonsError
        ``edge.nothing-to-take-back`` when nobody approved this content.
    """
    if not is_approved(review, content):
        message = "Nobody approved exactly this content; there is no approval to take back."
        raise RadCommonsError(Kind.CONFLICT, "edge.nothing-to-take-back", message)
    return replace(review, approval=None)


def no_such_series() -> RadCommonsError:
    """The error for a series that is not in OUT."""
    return RadCommonsError(
        Kind.NOT_FOUND,
        "edge.no-such-series",
        "There is no such series in this OUT folder. Use the new Series Instance UID as the review page shows it.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
