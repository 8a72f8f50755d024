"""What a reviewer is shown: series with their pictures, every kept text once, findings by code."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

from radcommons.dicom.finding import Finding
from radcommons.edge import findings as stored
from radcommons.edge import journal
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.rules_section import ShownRule, shown_rules
from radcommons.edge.review.series_list import descriptions
from radcommons.edge.review.waiting import VERDICT_WORDS, counts_by_verdict, waiting_series
from radcommons.edge.texts.listing import ReviewedText, reviewed_texts

_SHEET_PICTURES = 8
_MOST_FRAMES = 24


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame to draw; ``file_name`` is made of the digest, so that a picture never shows other content."""

    path: Path
    frame_index: int
    file_name: str
    caption: str


@dataclass(frozen=True, slots=True)
class ShownSeries:
    """One series as the page shows it."""

    study_instance_uid: str
    series_instance_uid: str
    subject_id: str
    modality: str
    description: str
    instances: int
    verdicts: Mapping[str, int]
    """Instances that may carry writing in their pixels, by the verdict about it."""
    sheet: tuple[Picture, ...]
    close_ups: tuple[Picture, ...]
    hidden_frames: int


@dataclass(frozen=True, slots=True)
class FindingCount:
    """A code with its message and how often it was found, about instances made or sources kept out."""

    finding: Finding
    made: int
    kept_out: int


@dataclass(frozen=True, slots=True)
class ReviewSubject:
    """Everything on one review page."""

    series: tuple[ShownSeries, ...]
    texts: tuple[ReviewedText, ...]
    findings: tuple[FindingCount, ...]
    waiting: frozenset[str]
    """Series that wait for a person's look at their pictures."""
    rules: tuple[ShownRule, ...] = ()


def gather(connection: sqlite3.Connection, out: OutFolder) -> ReviewSubject:
    """Read what a reviewer must see from the journal."""
    described = descriptions(connection, out)
    series = tuple(
        _shown(list(rows), out, description=described.get(uid, ""))
        for uid, rows in groupby(journal.kept(connection, out), key=lambda row: str(row["series_uid"]))
    )
    waiting = frozenset(each.series_instance_uid for each in waiting_series(connection, out) if each.waiting)
    return ReviewSubject(
        series, reviewed_texts(connection, out), finding_counts(connection, out), waiting, shown_rules(connection)
    )


def _shown(rows: list[sqlite3.Row], out: OutFolder, *, description: str) -> ShownSeries:
    images = [row for row in rows if row["is_image"]]
    unchecked = [row for row in rows if row["pixel_text"] != "not_applicable"]
    close_ups = [picture for row in unchecked for picture in _frames(row, out)]
    return ShownSeries(
        study_instance_uid=rows[0]["study_uid"],
        series_instance_uid=rows[0]["series_uid"],
        subject_id=rows[0]["subject_id"],
        modality=rows[0]["modality"],
        description=description,
        instances=len(rows),
        verdicts=counts_by_verdict(unchecked),
        sheet=tuple(_picture(row, out, frame_index=_middle(row)) for row in _spread(images, _SHEET_PICTURES)),
        close_ups=tuple(close_ups),
        hidden_frames=sum(max(1, row["number_of_frames"]) for row in unchecked) - len(close_ups),
    )


def _middle(row: sqlite3.Row) -> int:
    return max(0, int(row["number_of_frames"])) // 2 if row["number_of_frames"] > 1 else 0


def _frames(row: sqlite3.Row, out: OutFolder) -> Iterator[Picture]:
    """Every frame of an instance that may carry writing, or as many as a page can hold."""
    frames = range(max(1, row["number_of_frames"]))
    for frame_index in _spread(frames, _MOST_FRAMES):
        yield _picture(row, out, frame_index=frame_index)


def _picture(row: sqlite3.Row, out: OutFolder, *, frame_index: int) -> Picture:
    frames = row["number_of_frames"]
    caption = f"instance {row['instance_number']}" + (f", frame {frame_index + 1} of {frames}" if frames > 1 else "")
    if row["pixel_text"] != "not_applicable":
        caption += f", {VERDICT_WORDS[row['pixel_text']]}"
    return Picture(
        path=out.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"]),
        frame_index=frame_index,
        file_name=f"{row['sha256'][:24]}-{frame_index + 1}.jpg",
        caption=caption,
    )


def _spread(items: "list[sqlite3.Row] | range", most: int) -> Iterator:  # type: ignore[type-arg]
    """At most ``most`` items, evenly from first to last."""
    count = len(items)
    if count <= most:
        yield from items
        return
    for place in range(most):
        yield items[place * (count - 1) // (most - 1)]


def finding_counts(connection: sqlite3.Connection, out: OutFolder) -> tuple[FindingCount, ...]:
    """Every code that was found, with how often."""
    counts: dict[str, FindingCount] = {}
    for row in journal.by_reference(connection, out):
        for finding in stored.load(row["findings"]):
            before = counts.get(finding.code) or FindingCount(finding, 0, 0)
            made, kept_out = (1, 0) if row["is_kept"] else (0, 1)
            counts[finding.code] = FindingCount(before.finding, before.made + made, before.kept_out + kept_out)
    return tuple(counts[code] for code in sorted(counts))


def findings_table(findings: Iterable[FindingCount]) -> str:
    """The findings as HTML."""
    rows = "".join(
        f"<tr><td><code>{escape(each.finding.code)}</code></td><td>{escape(each.finding.message)}</td>"
        f"<td class=number>{each.made}</td><td class=number>{each.kept_out}</td></tr>"
        for each in findings
    )
    head = "<tr><th>Code</th><th>Meaning</th><th>In made instances</th><th>In sources kept out</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else "<p>None.</p>"
