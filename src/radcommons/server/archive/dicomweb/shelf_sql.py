"""Searches of a shelf as one statement each (PS3.18 10.6.1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from radcommons.server.archive.dicomweb.address import Address
from radcommons.server.archive.dicomweb.keys import MODALITIES_IN_STUDY, Key, Level
from radcommons.server.archive.dicomweb.query import Between, Fuzzy, Match, OneOf, Pattern, SearchQuery
from radcommons.server.archive.patterns import fuzzy_regex

_STUDIES = (
    "SELECT h.answer{extra} FROM archive_shelfstudy h JOIN archive_study s ON s.id = h.study_id{joins}"
    " WHERE h.shelf_id = %s{conditions}"
    " ORDER BY s.study_date DESC NULLS LAST, s.study_instance_uid LIMIT %s OFFSET %s"
)
_AT_PLACES = (
    "SELECT h.answer{extra} FROM archive_shelfstudy h JOIN archive_study s ON s.id = h.study_id"
    " WHERE h.shelf_id = %s AND h.place = ANY(%s) ORDER BY h.place"
)
_SUBJECT_ID = "subject__subject_id"
SEARCH = "SELECT packed FROM archive_shelfsearch WHERE shelf_id = %s"
_SERIES = (
    "SELECT x.answer{extra} FROM archive_shelfseries x JOIN archive_series e ON e.id = x.series_id{joins}"
    " WHERE x.shelf_id = %s{conditions}"
    " ORDER BY e.study_id, e.series_number ASC NULLS LAST, e.series_instance_uid LIMIT %s OFFSET %s"
)
_WITH_STUDY = " JOIN archive_study s ON s.id = e.study_id"
_WITH_SUBJECT = " JOIN archive_subject p ON p.id = s.subject_id"
_WITH_MODALITY = (
    "EXISTS (SELECT 1 FROM archive_shelfseries m JOIN archive_series e ON e.id = m.series_id"
    " WHERE m.shelf_study_id = h.id AND {condition})"
)
PACKED = (
    "SELECT s.study_instance_uid, k.id, k.rows FROM archive_shelfseries x"
    " JOIN archive_series e ON e.id = x.series_id JOIN archive_study s ON s.id = e.study_id"
    " LEFT JOIN archive_packedseries k ON k.id = x.packed_id"
    " WHERE x.shelf_id = %s AND e.series_instance_uid = %s"
)
LISTING = "SELECT listing FROM archive_packedseries WHERE id = %s"
METADATA = "SELECT metadata FROM archive_packedseries WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and its parameters; every value of a client is a parameter."""

    text: str
    parameters: tuple[Any, ...]


def search_statement(shelf_id: int, query: SearchQuery, address: Address, *, with_json: bool) -> Statement | None:
    """The statement of a search for studies, or for series; None when the shelf cannot answer it.

    Parameters
    ----------
    with_json
        Whether the whole attributes of the level are selected too.
    """
    is_study = query.level is Level.STUDY
    conditions: list[str] = []
    parameters: list[Any] = []
    if address.study_instance_uid:
        conditions.append("s.study_instance_uid = %s")
        parameters.append(address.study_instance_uid)
    for match in query.matches:
        made = _condition(match, is_study=is_study)
        if made is None:
            return None
        conditions.append(made.text)
        parameters += made.parameters
    column = ", s.study_json" if is_study else ", e.series_json"
    text = (_STUDIES if is_study else _SERIES).format(
        extra=column if with_json else "",
        joins=_joins(query, address),
        conditions="".join(f" AND {each}" for each in conditions),
    )
    return Statement(text, (shelf_id, *parameters, query.limit, query.offset))


def _joins(query: SearchQuery, address: Address) -> str:
    """The tables of the levels above that conditions need; of others PostgreSQL would read a row for each result."""
    with_subject = any(match.key.column == _SUBJECT_ID for match in query.matches)
    with_study = with_subject or address.study_instance_uid or any(m.key.level is Level.STUDY for m in query.matches)
    study = _WITH_STUDY if query.level is not Level.STUDY and with_study else ""
    return study + (_WITH_SUBJECT if with_subject else "")


def studies_at(shelf_id: int, places: Sequence[int], *, with_json: bool) -> Statement:
    """The statement for the studies at some places of a shelf, in their order."""
    text = _AT_PLACES.format(extra=", s.study_json" if with_json else "")
    return Statement(text, (shelf_id, list(places)))


def _condition(match: Match, *, is_study: bool) -> Statement | None:
    key = match.key
    if key.column is None:
        return Statement("FALSE", ())
    if key.tag == MODALITIES_IN_STUDY:
        inner = _compare("e.modality", key, match)
        return Statement(_WITH_MODALITY.format(condition=inner.text), inner.parameters) if is_study else None
    if key.column == _SUBJECT_ID:
        return _compare("p.subject_id", key, match)
    return _compare(f"{'s' if key.level is Level.STUDY else 'e'}.{key.column}", key, match)


def _compare(column: str, key: Key, match: Match) -> Statement:
    match match.condition:
        case OneOf(values=(value,)):
            return Statement(f"{column} = %s", (value,))
        case OneOf(values=values):
            return Statement(f"{column} = ANY(%s)", (list(values),))
        case Pattern(text=text):
            operator = "ILIKE" if key.vr == "PN" else "LIKE"
            return Statement(f"{column} {operator} %s", (_like(text),))
        case Fuzzy(words=words):
            regexes = tuple(fuzzy_regex(word) for word in words)
            return Statement(" AND ".join(f"{column} ~* %s" for _ in regexes) or "TRUE", regexes)
        case Between(low=low, high=high):
            ends = [(">=", low), ("<=", high)]
            texts = [f"{column} {sign} %s" for sign, end in ends if end is not None]
            # A range with an open lower end must not catch rows that have no time at all, which are kept as "".
            texts += [f"{column} <> ''"] if key.vr == "TM" else []
            return Statement(" AND ".join(texts) or "TRUE", tuple(end for _, end in ends if end is not None))


def _like(text: str) -> str:
    """A DICOM pattern as one of SQL: ``*`` any text, ``?`` one character (PS3.4 C.2.2.2.4)."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
