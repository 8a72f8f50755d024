"""Writing the review page and recording decisions."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import database
from radcommons.edge.deciders import checked_name
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder, opened
from radcommons.edge.review.approving import approve_pixels, named_series
from radcommons.edge.review.decisions import (
    Content,
    Review,
    approved,
    content_of,
    is_approved,
    read_review,
    with_excluded,
    with_included,
    withdrawn,
    write_review,
)
from radcommons.edge.review.page import page_html, style_css
from radcommons.edge.review.pictures import draw_pictures, drawn_names
from radcommons.edge.review.subject import gather
from radcommons.edge.review.waiting import waiting_series
from radcommons.edge.scan import Progress
from radcommons.edge.texts.deciding import keep_undecided
from radcommons.edge.texts.listing import text_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decides at once.

    Parameters
    ----------
    by
        The person's name; it travels with the batch.
    is_approval
        Approve everything in OUT as it is now.
    approve_pixels
        New Series Instance UIDs whose pixels carry no identifying text, or ``all``.
    exclude, exclude_texts, reason
        Series to keep out, by new UID or by the id of a kept text they carry, and why.
    include
        Excluded series that may leave after all; the content has to be approved anew.
    is_withdrawal
        Take the approval of the content back: nothing can be sealed until somebody approves it again.
    """

    by: str
    is_approval: bool = False
    approve_pixels: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_texts: tuple[str, ...] = ()
    reason: str = ""
    include: tuple[str, ...] = ()
    is_withdrawal: bool = False


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """Where a review stands.

    Parameters
    ----------
    page
        The local page, ``None`` when it was not written.
    is_approved
        Whether a named person approved exactly the present content.
    approved_by
        That person, or empty.
    series, excluded_series
        Series in OUT, and how many of them are kept out by decision.
    pixel_text_waiting
        Series that are held back until somebody has looked at their pixels.
    faces_waiting
        Of them, those of which a face could be made; a person decides about each by itself.
    findings_by_code
        Findings of drawing the pictures.
    """

    page: Path | None
    is_approved: bool
    approved_by: str
    series: int
    excluded_series: int
    pixel_text_waiting: int
    faces_waiting: int
    findings_by_code: Mapping[str, int]


def write_page(home: EdgeHome, out: Path, *, processes: int = 1, progress: Progress | None = None) -> ReviewResult:
    """Draw the pictures that are not there yet and write the page.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-out``, ``edge.out-of-another-home``, ``edge.nothing-made``.
    """
    folder = opened(home, out)
    with database(home) as connection:
        content, review = _state(connection, folder)
        subject = gather(connection, folder)
        counts = draw_pictures(folder, subject.series, processes=processes, progress=progress)
        page = folder.page_path / "index.html"
        (folder.page_path / "style.css").write_text(style_css(), "utf-8")
        drawn = drawn_names(folder)
        page.write_text(page_html(home, subject, content=content, review=review, drawn=drawn), "utf-8")
        return replace(_result(connection, folder, content=content, review=review), page=page, findings_by_code=counts)


def record_review(home: EdgeHome, out: Path, *, decision: Decision) -> ReviewResult:
    """Record what a named person decided; exclusions first, then pixels, then the approval of the whole.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-series``, ``edge.no-such-text``, ``edge.reason-needed``, ``edge.name-needed`` and those of
        :func:`write_page`. Nothing is recorded then.
    """
    folder = opened(home, out)
    by = checked_name(decision.by)
    with database(home) as connection:
        content, review = _state(connection, folder)
        refused = [*decision.exclude, *_series_with_texts(connection, folder, decision.exclude_texts)]
        if refused:
            review = with_excluded(review, content, series=refused, by=by, reason=decision.reason)
        if decision.is_withdrawal:
            review = withdrawn(review, content)
        if decision.include:
            review = with_included(review, series=decision.include)
        looked_at = named_series(
            connection, folder, decision.approve_pixels, content=content, excluded=review.exclusions
        )
        if looked_at:
            approve_pixels(connection, home, out=folder, series=looked_at, by=by)
            content = content_of(connection, folder)
        if decision.is_approval:
            review = approved(review, content, by=by)
            keep_undecided(connection, folder, by=by)
        write_review(folder, review)
        return _result(connection, folder, content=content, review=review)


def content_sha256(home: EdgeHome, out: Path) -> str:
    """Digest of what lies in OUT now."""
    folder = opened(home, out)
    with database(home) as connection:
        content, _ = _state(connection, folder)
    return content.sha256


def review_state(home: EdgeHome, out: Path) -> ReviewResult:
    """Where the review of an OUT folder stands."""
    folder = opened(home, out)
    with database(home) as connection:
        content, review = _state(connection, folder)
        return _result(connection, folder, content=content, review=review)


def _state(connection: sqlite3.Connection, out: OutFolder) -> tuple[Content, Review]:
    if not out.report_path.exists():
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-made",
            "De-identification has not finished. Run `radcommons edge deidentify` again.",
        )
    return content_of(connection, out), read_review(out)


def _series_with_texts(connection: sqlite3.Connection, out: OutFolder, texts: Iterable[str]) -> list[str]:
    wanted = set(texts)
    if not wanted:
        return []
    rows = connection.execute("SELECT unseal(value) AS value, series_uid FROM kept_text WHERE out = ?", (out.name,))
    found = [(text_id(row["value"]), row["series_uid"]) for row in rows]
    if wanted - {each for each, _ in found}:
        raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-text", "There is no kept text with this id.")
    return [series_uid for each, series_uid in found if each in wanted]


def _result(connection: sqlite3.Connection, out: OutFolder, *, content: Content, review: Review) -> ReviewResult:
    has_approval = is_approved(review, content)
    waiting = waiting_series(connection, out, excluded=review.exclusions)
    return ReviewResult(
        page=None,
        is_approved=has_approval,
        approved_by=review.approval.by if has_approval and review.approval is not None else "",
        series=len(content.series),
        excluded_series=len(content.series & review.exclusions.keys()),
        pixel_text_waiting=len([each for each in waiting if each.waiting]),
        faces_waiting=_faces_waiting(connection, out, excluded=review.exclusions),
        findings_by_code={},
    )


def _faces_waiting(connection: sqlite3.Connection, out: OutFolder, *, excluded: Iterable[str]) -> int:
    rows = connection.execute(
        "SELECT DISTINCT series_uid FROM output WHERE out = ? AND is_kept AND face = 'held'", (out.name,)
    )
    return len({row["series_uid"] for row in rows} - set(excluded))
