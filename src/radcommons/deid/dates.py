"""Moving dates by whole days, so that intervals stay and times of day are kept (PS3.15 E.3.6)."""

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_OLD_DATE = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?((?:\d{2}){0,3}(?:\.\d{1,6})?)([+-]\d{4})?")
_RANGE_SEPARATOR = "-"


def shift_date(value: str, days: int) -> str | None:
    """Move one DA value; ``None`` when it is no date (PS3.5 6.2).

    The form ``YYYY.MM.DD`` of the old ACR-NEMA standard is read and written as ``YYYYMMDD``.
    """
    match = _DATE.fullmatch(value) or _OLD_DATE.fullmatch(value)
    if match is None:
        return None
    moved = _moved(int(match[1]), int(match[2]), int(match[3]), days)
    return None if moved is None else f"{moved:%Y%m%d}".rjust(8, "0")


def shift_datetime(value: str, days: int) -> str | None:
    """Move the date part of one DT value and keep time and offset; ``None`` when it is no date and time.

    A value without day or month moves from the middle of what it leaves open, and stays as precise as it was.
    """
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return None
    year, month, day, clock, offset = match.groups()
    moved = _moved(int(year), int(month or 7), int(day or 15), days)
    if moved is None:
        return None
    text = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
    precision = 4 + 2 * bool(month) + 2 * bool(day)
    return text[:precision] + (clock if day else "") + (offset or "")


def _moved(year: int, month: int, day: int, days: int) -> date | None:
    try:
        moved = date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return moved if moved.year >= 1000 else None  # noqa: PLR2004  four digits are needed


def shift_value(value: str, vr: str, days: int) -> str | None:
    """Move one value of DA or DT; ``None`` when it is none."""
    return shift_datetime(value, days) if vr == "DT" else shift_date(value, days)
