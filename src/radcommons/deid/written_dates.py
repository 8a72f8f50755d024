"""Moving dates that people write into texts, in the form in which they stand: ``31.01.2020``, ``Jan 31, 2020``, ``20200131``.

What is understood moves by the same days as every other date of the patient; what is not is removed by whoever cleans the
text.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from radcommons.deid.dates import move_day

_LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
)
_ABBREVIATED = 3
_SHORT_YEAR = 2
_CENTURY_TURNS_AT = 69


def _calendars() -> dict[str, tuple[str, ...]]:
    """Each month name, full or abbreviated, with all twelve as that language writes them; the first language wins."""
    found: dict[str, tuple[str, ...]] = {}
    for names in _LANGUAGES:
        full = tuple(names.split())
        for months in (full, tuple(each[:_ABBREVIATED] for each in full)):
            for name in months:
                found.setdefault(name, months)
    return found


_CALENDARS = _calendars()
_NAME = "|".join(sorted(map(re.escape, _CALENDARS), key=len, reverse=True))
_YEAR = r"(?P<year>(?:1[89]|20)\d\d)"
_ANY_YEAR = r"(?P<year>(?:1[89]|20)\d\d|\d\d)"
_ORDINAL = "(?:st|nd|rd|th)?"
_LAST = r"\.?,?[ -]?| de "
_TIME_OR_END = r"(?=(?:[T ]?\d{2}:?\d{2}(?::?\d{2})?)?(?!\d))"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<![\d.]){_YEAR}(?P<mark>[-/.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d){_TIME_OR_END}",
        rf"(?<![\d.]){_YEAR}(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})(?!\d)",
        rf"(?<![^\W_])(?<!\.)(?P<first>\d{{1,2}})(?P<mark>[-/]|\. ?)(?P<second>\d{{1,2}})(?P=mark){_ANY_YEAR}(?!\d|\.\d)",
        rf"(?<![\w.])(?P<day>\d{{1,2}}){_ORDINAL}(?P<mark>\.? |[-.]?| de )(?P<name>{_NAME})(?P<last>{_LAST}){_ANY_YEAR}(?!\d)",
        rf"(?<!\w)(?P<name>{_NAME})(?P<mark>\.?[ -])(?P<day>\d{{1,2}}){_ORDINAL}(?P<last>,? |-){_YEAR}(?!\d)",
        rf"(?<!\w)(?P<name>{_NAME})(?P<mark>\.? |[-/]| de ){_YEAR}(?!\d)",
    )
)


@dataclass(frozen=True, slots=True)
class DateReading:
    """By how many days to move, and how to read what can be read in two ways.

    Parameters
    ----------
    days
        By how many days.
    known
        Dates of the same study from its attributes: they tell whether ``03/04/2020`` is in April or in March.
    is_month_first
        How ``03/04/2020`` is read when nothing tells.
    """

    days: int
    known: Collection[date] = ()
    is_month_first: bool = False


def shift_written_date(text: str, reading: DateReading) -> str | None:
    """Move a text that is one date and nothing else; ``None`` when it is not understood."""
    for form in _FORMS:
        if match := form.fullmatch(text.strip()):
            return _moved(match, reading)
    return None


def _moved(match: re.Match[str], reading: DateReading) -> str | None:
    part = match.groupdict()
    if "first" in part:
        return _numbers_year_last(part, reading)
    if "name" in part:
        return _named(part, reading, is_day_first=match[0][0].isdigit())
    moved = move_day(int(part["year"]), int(part["month"]), int(part["day"]), days=reading.days)
    if moved is None:
        return None
    month, day = _as_long_as(part["month"], moved.month), _as_long_as(part["day"], moved.day)
    return f"{moved.year:04d}{part['mark']}{month}{part['mark']}{day}"


def _numbers_year_last(part: dict[str, str], reading: DateReading) -> str | None:
    year, mark = _full_year(part["year"], reading.known), part["mark"]
    # (day, month) by the two orders; a point between numbers stands in languages that write the day first.
    orders = [(part["first"], part["second"]), (part["second"], part["first"])]
    if reading.is_month_first and "." not in mark:
        orders.reverse()
    possible = [(day, month) for day, month in orders if _is_day(year, int(month), int(day))]
    known = [(day, month) for day, month in possible if date(year, int(month), int(day)) in reading.known]
    for day, month in known or possible:
        moved = move_day(year, int(month), int(day), days=reading.days)
        if moved is None:
            return None
        numbers = [_as_long_as(day, moved.day), _as_long_as(month, moved.month)]
        if day is not part["first"]:
            numbers.reverse()
        return mark.join((*numbers, _as_long_year(part["year"], moved.year)))
    return None


def _named(part: dict[str, str], reading: DateReading, *, is_day_first: bool) -> str | None:
    months = _CALENDARS[part["name"].casefold()]
    number, day = months.index(part["name"].casefold()) + 1, part.get("day")
    moved = move_day(_full_year(part["year"], reading.known), number, int(day or 15), days=reading.days)
    if moved is None:
        return None
    name, year = _cased(part["name"], months[moved.month - 1]), _as_long_year(part["year"], moved.year)
    if day is None:
        return f"{name}{part['mark']}{year}"
    pair = [_as_long_as(day, moved.day) if day.startswith("0") else str(moved.day), name]
    return part["mark"].join(pair if is_day_first else reversed(pair)) + part["last"] + year


def _is_day(year: int, month: int, day: int) -> bool:
    return move_day(year, month, day, days=0) is not None


def _full_year(year: str, known: Collection[date]) -> int:
    """The year in full; of two digits, in the century of a known date, as that of a birth long ago."""
    number = int(year)
    if len(year) > _SHORT_YEAR:
        return number
    centuries = (2000, 1900) if number < _CENTURY_TURNS_AT else (1900, 2000)
    known_years = {day.year for day in known}
    return next((number + century for century in centuries if number + century in known_years), number + centuries[0])


def _as_long_year(like: str, year: int) -> str:
    return f"{year % 100:02d}" if len(like) == _SHORT_YEAR else f"{year:04d}"


def _as_long_as(like: str, number: int) -> str:
    return str(number).zfill(len(like))


def _cased(like: str, name: str) -> str:
    if like.isupper():
        return name.upper()
    return name.capitalize() if like[0].isupper() else name
