"""Decisions of named persons about an OUT folder, bound to exactly the content they saw."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import journal
from radcommons.edge.outfolder import OutFolder, write_atomically
from radcommons.transfer.sender import file_sha256

SCHEMA = "radcommons.review/1"
_LONGEST_NAME = 120
_LONGEST_REASON = 500


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
    pixel_approvals: Mapping[str, Approval] = field(default_factory=dict)
    exclusions: Mapping[str, Exclusion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What lies in an OUT folder, by digest.

    Parameters
    ----------
    sha256
        Digest of all instances and the report.
    series
        Digest of the instances of each series.
    unchecked_series
        Series with at least one instance whose pixels nobody looked at for text.
    """

    sha256: str
    series: Mapping[str, str]
    unchecked_series: frozenset[str]


def content_of(connection: sqlite3.Connection, out: OutFolder) -> Content:
    """The content of an OUT folder as its journal knows it."""
    whole = hashlib.sha256(file_sha256(out.report_path).encode("ascii"))
    series: dict[str, Any] = {}
    unchecked: set[str] = set()
    for row in journal.kept(connection, out):
        line = f"{row['sop_uid']} {row['sha256']} {row['pixel_text']}\n".encode("ascii")
        whole.update(line)
        series.setdefault(row["series_uid"], hashlib.sha256()).update(line)
        if row["pixel_text"] == "not_checked":
            unchecked.add(row["series_uid"])
    return Content(whole.hexdigest(), {uid: each.hexdigest() for uid, each in series.items()}, frozenset(unchecked))


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
            pixel_approvals={uid: Approval(**each) for uid, each in value["pixel_approvals"].items()},
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


def are_pixels_approved(review: Review, content: Content, *, series_uid: str) -> bool:
    """Whether somebody looked at the pixels of exactly these instances of a series and found no identifying text."""
    approval = review.pixel_approvals.get(series_uid)
    return approval is not None and approval.content_sha256 == content.series.get(series_uid)


def approved(review: Review, content: Content, *, by: str) -> Review:
    """The review with the approval of the whole content."""
    return replace(review, approval=Approval(checked_name(by), _now(), content.sha256))


def with_pixels_approved(review: Review, content: Content, *, series: Iterable[str], by: str) -> Review:
    """The review with the pixels of some series approved; ``all`` stands for every series that waits for it."""
    wanted = _known(series, content, every=content.unchecked_series - review.exclusions.keys())
    made = {uid: Approval(checked_name(by), _now(), content.series[uid]) for uid in wanted}
    return replace(review, pixel_approvals={**review.pixel_approvals, **made})


def with_excluded(review: Review, content: Content, *, series: Iterable[str], by: str, reason: str) -> Review:
    """The review with some series kept out."""
    cleaned = " ".join(reason.split())
    if not cleaned or len(cleaned) > _LONGEST_REASON:
        raise RadCommonsError(
            Kind.INVALID, "edge.reason-needed", "Say in one or two sentences why the series is kept out (--reason)."
        )
    made = {uid: Exclusion(checked_name(by), _now(), cleaned) for uid in _known(series, content, every=frozenset())}
    return replace(review, exclusions={**review.exclusions, **made})


def checked_name(by: str) -> str:
    """The name of a deciding person, cleaned.

    Raises
    ------
    RadCommonsError
        ``edge.name-needed`` when there is none.
    """
    cleaned = " ".join(by.split())
    if not cleaned or len(cleaned) > _LONGEST_NAME or not cleaned.isprintable():
        raise RadCommonsError(
            Kind.INVALID,
            "edge.name-needed",
            "Give the name of the person who decides (--by). It is sent to the centre.",
        )
    return cleaned


def _known(series: Iterable[str], content: Content, *, every: frozenset[str]) -> list[str]:
    wanted: set[str] = set()
    for uid in series:
        if uid == "all":
            wanted |= every
        elif uid in content.series:
            wanted.add(uid)
        else:
            raise RadCommonsError(
                Kind.NOT_FOUND,
                "edge.no-such-series",
                "There is no such series in this OUT folder. Use the new Series Instance UID as the review page shows it.",
            )
    return sorted(wanted)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
