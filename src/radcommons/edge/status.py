"""Where everything of one home stands."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.edge.crosswalk import patients_by_subject
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome
from radcommons.edge.review import ReviewResult, review_state
from radcommons.edge.sending import SentBatch


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A scanned folder; ``selected_series`` is ``None`` when no selection was made."""

    folder: str
    instances: int
    pending: int
    selected_series: int | None


@dataclass(frozen=True, slots=True)
class OutStatus:
    """An OUT folder of this home; ``review`` is ``None`` when it is gone or not finished."""

    out: str
    instances: int
    kept_out: int
    review: ReviewResult | None


@dataclass(frozen=True, slots=True)
class HomeStatus:
    """Everything of one home, in numbers."""

    site: str
    project: str
    subjects: int
    folders: tuple[FolderStatus, ...]
    outs: tuple[OutStatus, ...]
    batches: tuple[SentBatch, ...]

    def lines(self) -> Iterator[str]:
        """The status for a person."""
        yield f"Site {self.site}, project {self.project}: {self.subjects} subjects"
        for folder in self.folders:
            selected = "no selection" if folder.selected_series is None else f"{folder.selected_series} series selected"
            unread = f", {folder.pending} not read yet" if folder.pending else ""
            yield f"  scanned  {folder.folder}: {folder.instances} instances{unread}, {selected}"
        for out in self.outs:
            yield f"  made     {out.out}: {out.instances} instances, {out.kept_out} kept out, {_review_text(out.review)}"
        for batch in self.batches:
            yield from batch.lines()


def home_status(home: EdgeHome, *, batches: tuple[SentBatch, ...]) -> HomeStatus:
    """Gather the status of a home; ``batches`` come from :func:`~radcommons.edge.sending.sent_batches`."""
    with database(home) as connection:
        subjects = len(patients_by_subject(connection, home))
        folders = tuple(_folders(connection))
        made = connection.execute(
            "SELECT unseal(out), count(*) FILTER (WHERE is_kept), count(*) FILTER (WHERE NOT is_kept)"
            " FROM output GROUP BY out ORDER BY 1"
        ).fetchall()
    outs = tuple(OutStatus(out, kept, refused, _review(home, Path(out))) for out, kept, refused in made)
    return HomeStatus(home.site, home.project, subjects, folders, outs, batches)


def _folders(connection: sqlite3.Connection) -> Iterator[FolderStatus]:
    rows = connection.execute(
        "SELECT unseal(root) AS folder, count(*) FILTER (WHERE state = 'instance') AS instances,"
        " count(*) FILTER (WHERE state = 'pending') AS pending,"
        " (SELECT 1 FROM selection WHERE selection.root = source.root) AS has_selection,"
        " (SELECT count(*) FROM selected_series WHERE selected_series.root = source.root) AS selected"
        " FROM source GROUP BY root ORDER BY 1"
    )
    for row in rows:
        selected = row["selected"] if row["has_selection"] else None
        yield FolderStatus(row["folder"], row["instances"], row["pending"], selected)


def _review(home: EdgeHome, out: Path) -> ReviewResult | None:
    if not (out / "out.json").is_file() or not (out / "report.jsonl").is_file():
        return None
    return review_state(home, out)


def _review_text(review: ReviewResult | None) -> str:
    if review is None:
        return "not finished or removed"
    waiting = ""
    if review.pixel_text_waiting:
        verb = "waits" if review.pixel_text_waiting == 1 else "wait"
        waiting = f", {review.pixel_text_waiting} series {verb} for a look at the pictures"
    approved = f"approved by {review.approved_by}" if review.is_approved else "not approved"
    return f"{approved}{waiting}"
