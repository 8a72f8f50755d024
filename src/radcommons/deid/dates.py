"""Moving dates by whole days, so that intervals stay and times of day are kept (PS3.15 E.3.6).

A site moves dates into the past only, so that no result lies in the future unless the original did. A date of 1900 or
later that would come before 1900 becomes 1900-01-01: such dates are placeholders or of people of over a hundred years,
and what reads the objects later may take earlier ones for errors. Dates before 1900 move as they are.
"""

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_OLD_DATE = re.compile(r"(\d{4})([.\-/])(\d{2})\2(\d{2})")
_DATE_RANGE = re.compile(r"(\d{8})?\s*-\s*(\d{8})?")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?((?:\d{2}){0,3}(?:\.\d{1,6})?)([+-]\d{4})?")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d")
EARLIEST = date(1900, 1, 1)
_FIRST_OF_FOUR_DIGITS = 1000


def shift_date(value: str, days: int) -> str | None:
    """Move one DA value, or both ends of a range of dates (PS3.4 C.2.2.2.5); ``None`` when it is neither (PS3.5 6.2).

    The form ``YYYY.MM.DD`` of the old ACR-NEMA standard, and the same with hyphens or slashes, is read and written as
    ``YYYYMMDD``.
    """
    if match := _DATE.fullmatch(value):
        return _text_of(move_day(int(match[1]), int(match[2]), int(match[3]), days=days))
    if match := _OLD_DATE.fullmatch(value):
        return _text_of(move_day(int(match[1]), int(match[3]), int(match[4]), days=days))
    match = _DATE_RANGE.fullmatch(value)
    if match is None or not (match[1] or match[2]):
        return None
    ends = ["" if end is None else shift_date(end, days) for end in match.groups()]
    return None if None in ends else "-".join(each or "" for each in ends)


def shift_datetime(value: str, days: int) -> str | None:
    """Move the date part of one DT value, or of both ends of a range, and keep time and offset from UTC; else ``None``.

    A value without day or month moves from the middle of what it leaves open, and stays as precise as it was.
    """
    moved = _shift_one_datetime(value, days)
    if moved is not None or "-" not in value:
        return moved
    for place, letter in enumerate(value):
        if letter == "-":
            ends = [
                "" if not end else _shift_one_datetime(end, days)
                for end in (value[:place].strip(), value[place + 1 :].strip())
            ]
            if None not in ends and any(ends):
                return "-".join(each or "" for each in ends)
    return None


def shift_value(value: str, vr: str, days: int) -> str | None:
    """Move one value of DA or DT; ``None`` when it is none."""
    return shift_datetime(value, days) if vr == "DT" else shift_date(value, days)


def move_day(year: int, month: int, day: int, *, days: int) -> date | None:
    """A day moved as this module moves days; ``None`` when there is no such day, before or after."""
    try:
        original = date(year, month, day)
        moved = original + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    if moved < EARLIEST <= original:
        return EARLIEST
    return moved if moved.year >= _FIRST_OF_FOUR_DIGITS else None


def _shift_one_datetime(value: str, days: int) -> str | None:
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return None
    year, month, day, clock, offset = match.groups()
    if offset and not _OFFSET.fullmatch(offset):
        return None
    moved = _text_of(move_day(int(year), int(month or 7), int(day or 15), days=days))
    if moved is None:
        return None
    precision = 4 + 2 * bool(month) + 2 * bool(day)
    return moved[:precision] + (clock if day else "") + (offset or "")


def _text_of(moved: date | None) -> str | None:
    return None if moved is None else f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
