"""What a reviewer is shown: series with their pictures, every kept text once, findings by code."""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from radcommons.dicom.finding import Finding
from radcommons.edge import findings as stored
from radcommons.edge import journal
from radcommons.edge.outfolder import OutFolder

_SHEET_PICTURES = 8
_MOST_FRAMES = 24
_DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName")


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
    unchecked: int
    sheet: tuple[Picture, ...]
    close_ups: tuple[Picture, ...]
    hidden_frames: int


@dataclass(frozen=True, slots=True)
class KeptText:
    """One distinct text that stays in the headers, with the number of series that carry it."""

    text_id: str
    keyword: str
    value: str
    series: int
    known_by: str


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
    texts: tuple[KeptText, ...]
    findings: tuple[FindingCount, ...]


def gather(connection: sqlite3.Connection, out: OutFolder) -> ReviewSubject:
    """Read what a reviewer must see from the journal."""
    described = _descriptions(connection, out)
    series = tuple(
        _shown(list(rows), out, description=described.get(uid, ""))
        for uid, rows in groupby(journal.kept(connection, out), key=lambda row: str(row["series_uid"]))
    )
    return ReviewSubject(series, tuple(_texts(connection, out)), _finding_counts(connection, out))


def text_id(keyword: str, value: str) -> str:
    """A short name for a distinct text, the same on every page."""
    return hashlib.sha256(f"{keyword}\x1f{value}".encode()).hexdigest()[:10]


def _descriptions(connection: sqlite3.Connection, out: OutFolder) -> dict[str, str]:
    rows = connection.execute(
        "SELECT series_uid, keyword, unseal(value) AS value FROM kept_text WHERE out = ? AND keyword IN (?, ?, ?)"
        " ORDER BY keyword DESC, 3",
        (out.name, *_DESCRIPTIONS),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["series_uid"], []).append(row["value"])
    return {uid: " · ".join(values) for uid, values in found.items()}


def _shown(rows: list[sqlite3.Row], out: OutFolder, *, description: str) -> ShownSeries:
    images = [row for row in rows if row["is_image"]]
    unchecked = [row for row in rows if row["pixel_text"] == "not_checked"]
    close_ups = [picture for row in unchecked for picture in _frames(row, out)]
    return ShownSeries(
        study_instance_uid=rows[0]["study_uid"],
        series_instance_uid=rows[0]["series_uid"],
        subject_id=rows[0]["subject_id"],
        modality=rows[0]["modality"],
        description=description,
        instances=len(rows),
        unchecked=len(unchecked),
        sheet=tuple(_picture(row, out, frame_index=_middle(row)) for row in _spread(images, _SHEET_PICTURES)),
        close_ups=tuple(close_ups),
        hidden_frames=sum(max(1, row["number_of_frames"]) for row in unchecked) - len(close_ups),
    )


def _middle(row: sqlite3.Row) -> int:
    return max(0, int(row["number_of_frames"])) // 2 if row["number_of_frames"] > 1 else 0


def _frames(row: sqlite3.Row, out: OutFolder) -> Iterator[Picture]:
    """Every frame of an instance that waits for a look at its pixels, or as many as a page can hold."""
    frames = range(max(1, row["number_of_frames"]))
    for frame_index in _spread(frames, _MOST_FRAMES):
        yield _picture(row, out, frame_index=frame_index)


def _picture(row: sqlite3.Row, out: OutFolder, *, frame_index: int) -> Picture:
    frames = row["number_of_frames"]
    caption = f"instance {row['instance_number']}" + (f", frame {frame_index + 1} of {frames}" if frames > 1 else "")
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


def _texts(connection: sqlite3.Connection, out: OutFolder) -> Iterator[KeptText]:
    rows = connection.execute(
        "SELECT kept_text.keyword, unseal(kept_text.value) AS value, count(*) AS series, coalesce(decided_by, '') AS known_by"
        " FROM kept_text LEFT JOIN approved_text USING (keyword, value) WHERE out = ?"
        " GROUP BY kept_text.keyword, kept_text.value ORDER BY known_by <> '', kept_text.keyword, 2",
        (out.name,),
    )
    for row in rows:
        yield KeptText(
            text_id(row["keyword"], row["value"]), row["keyword"], row["value"], row["series"], row["known_by"]
        )


def _finding_counts(connection: sqlite3.Connection, out: OutFolder) -> tuple[FindingCount, ...]:
    counts: dict[str, FindingCount] = {}
    for row in journal.by_reference(connection, out):
        for finding in stored.load(row["findings"]):
            before = counts.get(finding.code) or FindingCount(finding, 0, 0)
            made, kept_out = (1, 0) if row["is_kept"] else (0, 1)
            counts[finding.code] = FindingCount(before.finding, before.made + made, before.kept_out + kept_out)
    return tuple(counts[code] for code in sorted(counts))
