"""QIDO-RS parameters as one frozen value (PS3.18 8.3.4 and 10.6.1.2). Pure: text in, value or refusal out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from pydicom.datadict import tag_for_keyword

from radcommons.server.archive.dicomweb.keys import KEY_BY_TAG, KEYS, Key, Level, levels_down_to
from radcommons.server.archive.errors import QueryInvalidError

MAX_RESULTS = 10_000
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_UID = re.compile(r"[0-9.]{1,64}")
_NUMBER = re.compile(r"-?\d{1,18}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_LIST = re.compile(r"[,\\]")
_WORD_ENDS = re.compile(r"[\s^=,;*?-]+")
_FLAGS = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching", "timezoneadjustment"})
# Parameters of every retrieval and search that are read elsewhere or have one meaning only (PS3.18 8.3.3).
_ELSEWHERE = frozenset({"accept", "charset"})
_UNSUPPORTED_WARNING = '299 radcommons "The {} parameter is not supported and was ignored."'


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute equals one of these values."""

    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """The attribute fits a pattern in which ``*`` stands for any text and ``?`` for one character."""

    text: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A person's name has, for each of these words, a component that begins so; accents and capitals do not count.

    PS3.18 8.3.4.2 leaves the way of fuzzy matching to the server; this is what people type who know a part of a name.
    """

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The attribute lies in a closed range; None is an open end."""

    low: date | str | None
    high: date | str | None


@dataclass(frozen=True, slots=True)
class Match:
    """One condition of a search."""

    key: Key
    condition: OneOf | Pattern | Fuzzy | Between


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What a search asks for.

    Parameters
    ----------
    include
        Tags to return beside the usual ones.
    is_relational
        Whether the attributes of the levels above are returned too (``/series``, ``/instances`` without a study).
    limit
        Results wanted; never above :data:`MAX_RESULTS`.
    warnings
        Values of Warning headers the answer must carry.
    """

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[str] = frozenset()
    is_include_all: bool = False
    is_relational: bool = False
    limit: int = MAX_RESULTS
    offset: int = 0
    warnings: tuple[str, ...] = ()


def parse_search(level: Level, parameters: Iterable[tuple[str, str]], *, is_relational: bool = False) -> SearchQuery:
    """Read the parameters of a search.

    Parameters
    ----------
    parameters
        Names and values, percent-decoded, in the order they came; only ``includefield`` may repeat.

    Raises
    ------
    QueryInvalidError
        When a name is neither a parameter nor a searchable attribute of the level, or a value does not fit its
        value representation. A search that would silently return everything is worse than a refusal.
    """
    matches: list[Match] = []
    include: set[str] = set()
    single: dict[str, str] = {}
    is_include_all = False
    pairs = list(parameters)
    is_fuzzy = any(name == "fuzzymatching" and value.lower() == "true" for name, value in pairs)
    for name, value in pairs:
        if name == "includefield":
            fields = _fields(value)
            is_include_all = is_include_all or "all" in fields
            include |= fields - {"all"}
            continue
        if name in single:
            raise QueryInvalidError(f"The parameter {_shown(name)} is given twice.")
        single[name] = value
        if name in _FLAGS or name in _ELSEWHERE or name in {"limit", "offset"}:
            continue
        tag = _tag_of(name)
        include.add(tag)
        if value not in {"", "*"}:
            matches.append(_match(level, tag, value, is_fuzzy=is_fuzzy))
    limit, warnings = _limit(single.get("limit"))
    return SearchQuery(
        level=level,
        matches=tuple(matches),
        include=frozenset(include),
        is_include_all=is_include_all,
        is_relational=is_relational,
        limit=limit,
        offset=_count("offset", single.get("offset", "0")),
        warnings=(*warnings, *_flag_warnings(single)),
    )


def _fields(value: str) -> set[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    return {"all" if name == "all" else _tag_of(name) for name in names}


def _tag_of(name: str) -> str:
    """The tag that a tag or keyword names; a path into a sequence stands for the sequence."""
    first = name.split(".", 1)[0]
    if _TAG.fullmatch(first):
        return first.upper()
    number = tag_for_keyword(first)
    if number is None:
        raise QueryInvalidError(f"{_shown(name)} is neither a parameter nor the tag or keyword of an attribute.")
    return f"{number:08X}"


def _match(level: Level, tag: str, value: str, *, is_fuzzy: bool) -> Match:
    key = KEY_BY_TAG.get(tag)
    if key is None or key.level not in levels_down_to(level):
        known = ", ".join(key.keyword for key in KEYS if key.level in levels_down_to(level))
        raise QueryInvalidError(f"{_shown(tag)} cannot be searched at this level. Searchable are: {known}.")
    if is_fuzzy and key.vr == "PN":
        return Match(key, Fuzzy(tuple(word for word in _WORD_ENDS.split(value) if word)))
    return Match(key, _condition(key, value))


def _condition(key: Key, value: str) -> OneOf | Pattern | Between:
    match key.vr:
        case "UI":
            return OneOf(_each(key, value, _UID))
        case "DA":
            return _date_range(key, value)
        case "TM":
            return _time_range(key, value)
        case "IS" | "US":
            return OneOf(tuple(int(number) for number in _each(key, value, _NUMBER)))
        case "CS" if "*" not in value and "?" not in value:
            return OneOf(tuple(part.strip() for part in _LIST.split(value) if part.strip()))
        case _:
            return Pattern(value) if "*" in value or "?" in value or key.vr == "PN" else OneOf((value,))


def _each(key: Key, value: str, form: re.Pattern[str]) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in _LIST.split(value) if part.strip())
    if not parts or not all(form.fullmatch(part) for part in parts):
        raise _unreadable(key)
    return parts


def _date_range(key: Key, value: str) -> Between:
    low, high = _ends(value)
    return Between(_date(key, low), _date(key, high))


def _date(key: Key, text: str) -> date | None:
    if not text:
        return None
    try:
        # strptime alone would read 2020101 too.
        return datetime.strptime(text if len(text) == 8 else "", "%Y%m%d").date()  # noqa: DTZ007, PLR2004
    except ValueError as error:
        raise _unreadable(key) from error


def _time_range(key: Key, value: str) -> Between:
    low, high = _ends(value)
    if not all(_TIME.fullmatch(end) for end in (low, high) if end):
        raise _unreadable(key)
    latest = (high if "." in high else high.ljust(6, "9") + ".") if high else ""
    return Between(low or None, latest.ljust(13, "9") if latest else None)


def _ends(value: str) -> tuple[str, str]:
    low, dash, high = value.strip().partition("-")
    return (low.strip(), high.strip()) if dash else (low, low)


def _limit(text: str | None) -> tuple[int, tuple[str, ...]]:
    if text is None:
        return MAX_RESULTS, ()
    limit = _count("limit", text)
    if limit <= MAX_RESULTS:
        return limit, ()
    return MAX_RESULTS, (f'299 radcommons "At most {MAX_RESULTS} results are returned at a time."',)


def _count(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise QueryInvalidError(f"The parameter {name} must be a whole number, zero or more.")
    return int(text)


def _flag_warnings(single: dict[str, str]) -> tuple[str, ...]:
    warnings = []
    for name in sorted(_FLAGS & single.keys()):
        value = single[name].lower()
        if value not in {"true", "false"}:
            raise QueryInvalidError(f"The parameter {name} must be true or false.")
        if value == "true" and name != "fuzzymatching":
            warnings.append(_UNSUPPORTED_WARNING.format(name))
    return tuple(warnings)


def _unreadable(key: Key) -> QueryInvalidError:
    return QueryInvalidError(f"The value of {key.keyword} is not a {key.vr} value, list or range.")


def _shown(name: str) -> str:
    """A name from the address, safe to repeat in a message."""
    return repr(name[:64])
