"""Decisions of the archive: values in, values out."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from radcommons.dicom.finding import Finding, Severity

_AGE = re.compile(r"(\d{1,4})([DWMY])")
_YEARS_PER_UNIT = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
MAX_BIGINT = 2**63 - 1
MAX_INTEGER = 2**31
# VL Whole Slide Microscopy Image Storage (PS3.4 B.5).
SLIDE_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"


class StoreOutcome(StrEnum):
    """What became of an instance that was offered to the archive."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance would stand: the identifiers of the levels above it."""

    site_code: str
    project: str
    subject_id: str
    study_instance_uid: str
    series_instance_uid: str


def rendition_key(sha256: str, frame_index: int, size: int) -> str:
    """The key under which a thumbnail is kept; it can always be made again."""
    return f"renditions/{sha256[:2]}/{sha256}-{frame_index}-{size}.jpg"


def outcome_for(sha256: str, *, known_sha256: str, is_done: bool) -> StoreOutcome:
    """What to do with an instance of a known SOP Instance UID.

    The same bytes again are a duplicate, or finish a storing that was interrupted; other bytes under the same
    identifier are a conflict that a person resolves.
    """
    if known_sha256 != sha256:
        return StoreOutcome.CONFLICT
    return StoreOutcome.DUPLICATE if is_done else StoreOutcome.STORED


def conflict_of_bytes() -> Finding:
    """The finding for other bytes under a known SOP Instance UID."""
    message = "Another file with this SOP Instance UID is stored already; a person must decide which one is right."
    return Finding(Severity.ERROR, "archive.instance-conflict", "0008,0018", message)


def conflicts_of_place(
    place: Place, *, study: tuple[str, str, str] | None, series_study_uid: str | None
) -> tuple[Finding, ...]:
    """Whether the levels above an instance contradict what is stored.

    Parameters
    ----------
    study
        Site code, project and subject under which the study stands already; None when it is new.
    series_study_uid
        The study in which the series stands already; None when it is new.
    """
    findings = []
    if not place.subject_id:
        message = "The instance names no subject (Patient ID is empty)."
        findings.append(Finding(Severity.ERROR, "archive.subject-missing", "0010,0020", message))
    if study is not None and study[0] != place.site_code:
        message = "The study is known from another site; identifiers must not be shared between sites."
        findings.append(Finding(Severity.ERROR, "archive.study-of-another-site", "0020,000D", message))
    elif study is not None and study[1:] != (place.project, place.subject_id):
        message = "The study is known under another subject or project."
        findings.append(Finding(Severity.ERROR, "archive.study-of-another-subject", "0010,0020", message))
    if series_study_uid is not None and series_study_uid != place.study_instance_uid:
        message = "The series is known as part of another study."
        findings.append(Finding(Severity.ERROR, "archive.series-of-another-study", "0020,000E", message))
    return tuple(findings)


def age_in_years(age: str | None) -> float | None:
    """An AS value (``045Y``, ``010M``) in years; None when absent or malformed (PS3.5 6.2)."""
    match = _AGE.fullmatch((age or "").strip())
    return None if match is None else round(int(match[1]) * _YEARS_PER_UNIT[match[2]], 3)


def as_date(value: str | date | None) -> date | None:
    """A DA value as a date; None when absent, malformed or impossible."""
    if isinstance(value, date):
        return value
    try:
        return datetime.strptime((value or "").strip(), "%Y%m%d").date()  # noqa: DTZ007 a date has no zone
    except ValueError:
        return None


def as_integer(value: object) -> int | None:
    """An IS value that fits a table; None when absent, malformed or beyond 63 bits."""
    try:
        number = int(str(value).strip())
    except ValueError:
        return None
    return number if abs(number) <= MAX_BIGINT else None


def as_count(value: object) -> int | None:
    """A whole number from 0 to 2³¹ − 1 that fits a table; None otherwise."""
    number = as_integer(value)
    return number if number is not None and 0 <= number < MAX_INTEGER else None


def short_text(value: str | None, length: int) -> str:
    """Text without NUL characters, which PostgreSQL refuses, cut to a column's length."""
    return (value or "").replace("\0", "")[:length]


def as_length(value: float | None) -> float | None:
    """A finite number of millimetres, not negative; None otherwise."""
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def frame_table(spans: Sequence[Sequence[tuple[int, int]]]) -> dict[str, int] | list[list[int]]:
    """The frame table as it is kept: frames of one length that follow each other need three numbers only.

    Parameters
    ----------
    spans
        For each frame its fragments in order, as offset in the file and length in bytes.
    """
    if spans and all(len(fragments) == 1 for fragments in spans):
        offset, length = spans[0][0]
        if all(fragments[0] == (offset + index * length, length) for index, fragments in enumerate(spans)):
            return {"offset": offset, "length": length, "count": len(spans)}
    return [[number for fragment in fragments for number in fragment] for fragments in spans]


def frame_spans(table: Mapping[str, int] | Sequence[Sequence[int]], frame_index: int) -> tuple[tuple[int, int], ...]:
    """Where a frame lies: its fragments in order, as offset in the file and length in bytes; empty when unknown."""
    if isinstance(table, Mapping):
        if not 0 <= frame_index < table["count"]:
            return ()
        return ((table["offset"] + frame_index * table["length"], table["length"]),)
    if not 0 <= frame_index < len(table):
        return ()
    numbers = table[frame_index]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def middle_index(count: int) -> int:
    """The position that stands for a list of pictures: its middle."""
    return max(0, (count - 1) // 2)


def standing_for(images: Sequence[tuple[str, int]]) -> int | None:
    """The position of the image that stands for a list of them: its middle.

    Of a slide it is its smallest tiled level. A picture of a slide that is not tiled may be the label on the glass, with
    what is written there (PS3.3 C.8.12.4.1.1), and stands for nothing.

    Parameters
    ----------
    images
        SOP Class and number of frames of each.
    """
    plain = [position for position, (sop_class_uid, _) in enumerate(images) if sop_class_uid != SLIDE_CLASS]
    if plain:
        return plain[middle_index(len(plain))]
    tiled = [(frames, position) for position, (_, frames) in enumerate(images) if frames > 1]
    return min(tiled)[1] if tiled else None
