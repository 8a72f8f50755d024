"""Every series of an OUT folder, page by page, with some of its pictures and what keeps it out."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.decisions import Exclusion
from radcommons.edge.texts.listing import shown_texts

SERIES_A_PAGE = 20
_PICTURES = 6
_PREFIX = "source:"


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """What an address of the list asks for: a modality, words of the description, only what is kept out, from where on."""

    modality: str = ""
    text: str = ""
    show: str = "all"
    after: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "SeriesQuery":
        """What the fields of an address ask for."""
        show = "excluded" if fields.get("show") == "excluded" else "all"
        return cls(fields.get("modality", ""), fields.get("text", "").strip()[:100], show, fields.get("after", ""))

    @property
    def address(self) -> str:
        """The query string; what is as always is left out."""
        parts = {
            "modality": self.modality,
            "text": self.text,
            "show": self.show.replace("all", ""),
            "after": self.after,
        }
        return urlencode({name: each for name, each in parts.items() if each})

    @property
    def place(self) -> str:
        """The whole address."""
        return "/all-series" + (f"?{self.address}" if self.address else "")


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series; ``samples`` are the keys and middle frames of some of its pictures, from 1."""

    uid: str
    subject_id: str
    modality: str
    instances: int
    description: str
    samples: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """One page, with the numbers of all pages: series on them, of each modality, and in the folder."""

    rows: tuple[SeriesRow, ...]
    number: int
    total: int
    modalities: Mapping[str, int]
    following: SeriesQuery | None


def series_page(
    connection: sqlite3.Connection, out: OutFolder, query: SeriesQuery, *, excluded: Mapping[str, Exclusion]
) -> SeriesPage:
    """The page of an address; the series keep their order, whatever was decided meanwhile."""
    every = connection.execute(
        "SELECT series_uid, min(subject_id) AS subject_id, min(modality) AS modality, count(*) AS instances FROM output"
        " WHERE out = ? AND is_kept GROUP BY study_uid, series_uid ORDER BY study_uid, series_uid",
        (out.name,),
    ).fetchall()
    described = descriptions(connection, out) if query.text else {}
    listed = [
        row
        for row in every
        if (query.show == "all" or row["series_uid"] in excluded)
        and query.text.casefold() in described.get(row["series_uid"], "").casefold()
    ]
    modalities: dict[str, int] = {}
    for row in listed:
        modalities[row["modality"] or "none"] = modalities.get(row["modality"] or "none", 0) + 1
    asked = [row for row in listed if query.modality in {"", row["modality"] or "none"}]
    start = next((place + 1 for place, row in enumerate(asked) if row["series_uid"] == query.after), 0)
    shown = asked[start : start + SERIES_A_PAGE]
    described = described or descriptions(connection, out, [row["series_uid"] for row in shown])
    following = None
    if start + SERIES_A_PAGE < len(asked):
        following = SeriesQuery(query.modality, query.text, query.show, shown[-1]["series_uid"])
    rows = tuple(_row(connection, out, row, described.get(row["series_uid"], "")) for row in shown)
    return SeriesPage(rows, len(asked), len(every), dict(sorted(modalities.items())), following)


def descriptions(connection: sqlite3.Connection, out: OutFolder, series: list[str] | None = None) -> dict[str, str]:
    """How series describe themselves, as it would leave; of all, or of those named."""
    decided, found = shown_texts(connection), dict[str, list[str]]()
    for row in _texts(connection, out, series):
        if shown := decided.get(row["value"], row["value"]):
            found.setdefault(row["series_uid"], []).append(shown)
    return {uid: " · ".join(values) for uid, values in found.items()}


def _texts(connection: sqlite3.Connection, out: OutFolder, series: list[str] | None) -> Iterator[sqlite3.Row]:
    among = "" if series is None else f" AND series_uid IN ({', '.join('?' * len(series))})"
    yield from connection.execute(
        "SELECT series_uid, keyword, unseal(value) AS value FROM kept_text WHERE out = ? AND keyword IN"  # noqa: S608
        f" ('StudyDescription', 'SeriesDescription', 'ProtocolName'){among} ORDER BY keyword DESC, 3",
        (out.name, *(series or ())),
    )


def _row(connection: sqlite3.Connection, out: OutFolder, row: sqlite3.Row, description: str) -> SeriesRow:
    images = connection.execute(
        "SELECT token, number_of_frames FROM output WHERE out = ? AND series_uid = ? AND is_kept AND is_image"
        " ORDER BY instance_number, sop_uid",
        (out.name, row["series_uid"]),
    ).fetchall()
    count = min(len(images), _PICTURES)
    places = (place * (len(images) - 1) // max(1, count - 1) for place in range(count))
    samples = tuple(
        (images[place]["token"].removeprefix(_PREFIX), max(1, images[place]["number_of_frames"]) // 2 + 1)
        for place in places
    )
    return SeriesRow(row["series_uid"], row["subject_id"], row["modality"], row["instances"], description, samples)
