"""One series as the looking page shows it: its pictures with their boxes, what was decided, what may be decided.

Originals and what was read in them are shown to the person at this machine and to nobody else: nothing of it is written
anywhere.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.profile import Profile
from radcommons.dicom import uids
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import findings as stored
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.pixels.looking import digest_of_means
from radcommons.edge.pixels.looks import HouseRules, Look, boxes_of, candidate_json
from radcommons.edge.pixels.memory import Decided, PixelMemory
from radcommons.edge.review.waiting import MACHINE_SURE, MACHINE_UNSURE, is_refused, picture_rows, release_rule, waits
from radcommons.edge.sources import Source
from radcommons.edge.walk import Root

_PREFIX = "source:"
_STILL_THERE = "After blackening, something beside the black still looks like writing."


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """One object of a series, with everything the page needs.

    Parameters
    ----------
    row
        Its output.
    decided, look
        What persons decided and what a program saw.
    boxes
        What is, or will be, blackened; ``None`` when nobody looked.
    is_waiting
        Whether a person has to decide.
    """

    row: sqlite3.Row
    decided: Decided
    look: Look | None
    boxes: tuple[Box, ...] | None
    is_waiting: bool

    @property
    def key(self) -> str:
        """Its name in addresses: the source's token, which tells nothing."""
        return str(self.row["token"]).removeprefix(_PREFIX)

    @property
    def sha256(self) -> str:
        """Digest of the bytes that are decided about."""
        return str(self.row["source_sha256"])

    @property
    def is_refused(self) -> bool:
        """Whether it cannot be cleaned, so that only a release lets it leave."""
        return is_refused(self.row)

    @property
    def is_confirmable(self) -> bool:
        """Whether confirming its series says something of its pixels."""
        is_writing = self.row["pixel_text"] != "not_applicable" or self.look is not None
        return is_writing and not self.is_refused and self.state != "rejected"

    @property
    def state(self) -> str:
        """One word: waiting, approved, rejected, refused, released, or the machine's verdict."""
        if self.decided.state in {"approved", "rejected"}:
            return self.decided.state
        if self.is_refused:
            return "released" if self.decided.is_released else "refused"
        return str(self.row["pixel_text"])

    @property
    def is_in_the_making(self) -> bool:
        """Whether what lies in OUT is older than the decision."""
        return bool(self.row["pixel_recipe"] == "" and self.row["pixel_text"] == "not_checked")

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why no program vouches for it, in words for the person who looks."""
        if self.look is None or self.state not in MACHINE_UNSURE:
            return ()
        if self.look.verdict in MACHINE_SURE and self.decided.state != "edited" and not self.is_in_the_making:
            return (_STILL_THERE,)
        return tuple(each.message for each in self.look.findings)

    def to_json(self, house: HouseRules) -> dict[str, object]:
        """The picture as the page's script gets it."""
        rows, columns, frames = (0, 0, 0) if self.look is None else self.look.size
        seen = () if self.look is None else house.candidates(self.look)
        return {
            "boxes": [each.to_json() for each in self.boxes or ()],
            "candidates": [candidate_json(each) for each in seen],
            "columns": columns,
            "digest": self.sha256[:32],
            "doubts": list(self.doubts),
            "face": self.row["face"],
            "findings": [each.message for each in stored.load(self.row["findings"])],
            "frames": max(1, frames, self.row["number_of_frames"]),
            "is_edited": self.decided.state == "edited",
            "is_image": bool(self.row["is_image"]) or self.look is not None,
            "is_made": bool(self.row["is_kept"]) and self.row["pixel_recipe"] not in {"", "edited"},
            "is_refused": self.is_refused,
            "is_waiting": self.is_waiting,
            "key": self.key,
            "kind": uids.name_of_uid(self.row["sop_class_uid"]) if self.row["sop_class_uid"] else "",
            "number": self.row["instance_number"],
            "rows": rows,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class ShownSeriesPictures:
    """One series on the looking page."""

    series_instance_uid: str
    subject_id: str
    modality: str
    description: str
    pictures: tuple[ShownPicture, ...]

    def picture(self, key: str) -> ShownPicture:
        """One of its pictures.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-picture``.
        """
        for each in self.pictures:
            if each.key == key:
                return each
        raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-picture", "There is no such picture in this series.")


def memory_of(connection: sqlite3.Connection, profile: Profile) -> PixelMemory:
    """The home's memory of pixels as a profile looks at them."""
    return PixelMemory(connection, means=digest_of_means(profile.pixels))


def shown_series(
    connection: sqlite3.Connection, out: OutFolder, *, series: str, memory: PixelMemory, house: HouseRules
) -> ShownSeriesPictures:
    """A series with its pictures.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-series`` when it has no picture to look at.
    """
    release = release_rule(connection, out)
    pictures = tuple(
        shown_picture(
            row,
            decided=memory.decided(row["source_sha256"]),
            look=memory.look(row["source_sha256"]),
            house=house,
            release=release,
        )
        for row in picture_rows(connection, out, series=series)
    )
    if not pictures:
        raise RadCommonsError(
            Kind.NOT_FOUND, "edge.no-such-series", "There is no such series with pictures to look at."
        )
    row = pictures[0].row
    return ShownSeriesPictures(
        series, row["subject_id"], row["modality"], _description(connection, out, series), pictures
    )


def source_of(connection: sqlite3.Connection, home: EdgeHome, row: sqlite3.Row) -> Source:
    """Where the original of an output lies.

    Raises
    ------
    RadCommonsError
        ``edge.original-gone`` when it is not where the scan found it, or other bytes are there now.
    """
    found = connection.execute(
        "SELECT source_id, unseal(root) AS root, unseal(path) AS path, member FROM source"
        " WHERE root = ? AND path = ? AND member = ? AND sha256 = ?",
        (row["root"], row["path"], row["member"], row["source_sha256"]),
    ).fetchone()
    gone = RadCommonsError(
        Kind.NOT_FOUND, "edge.original-gone", "The original is not where it was. Scan its folder again."
    )
    if found is None:
        raise gone
    try:
        root = Root.of(Path(found["root"]))
    except RadCommonsError as error:
        raise gone from error
    path = root.folder / found["path"]
    if not path.is_file():
        raise gone
    return Source(found["source_id"], str(path), found["member"], str(home.scratch_path))


def result_source(out: OutFolder, row: sqlite3.Row) -> Source:
    """Where the de-identified instance of an output lies."""
    return Source(0, str(out.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"])), -1, "")


def series_json(
    shown: ShownSeriesPictures, *, house: HouseRules, memory: PixelMemory, place: Mapping[str, object]
) -> dict[str, object]:
    """The series as the page's script gets it."""
    acts = memory.history(each.sha256 for each in shown.pictures)
    return {
        "description": shown.description,
        "history": [
            {"act": each.act_id, "at": each.at, "by": each.by, "reason": each.reason, "undone": bool(each.undone_at)}
            | {"verb": each.verb}
            for each in acts[:50]
        ],
        "modality": shown.modality,
        "pictures": [each.to_json(house) for each in shown.pictures],
        "place": dict(place),
        "series": shown.series_instance_uid,
        "subject": shown.subject_id,
    }


def shown_picture(
    row: sqlite3.Row, *, decided: Decided, look: Look | None, house: HouseRules, release: str
) -> ShownPicture:
    """One output with what is known and decided about its source."""
    boxes = decided.boxes
    if boxes is None:
        boxes = boxes_of(row["boxes"]) if look is None else house.boxes(look)
    state = "released" if decided.is_released and not decided.state else decided.state
    return ShownPicture(row, decided, look, boxes, waits(row, state, release=release))


def _description(connection: sqlite3.Connection, out: OutFolder, series: str) -> str:
    rows = connection.execute(
        "SELECT DISTINCT unseal(value) FROM kept_text WHERE out = ? AND series_uid = ?"
        " AND keyword IN ('StudyDescription', 'SeriesDescription', 'ProtocolName') ORDER BY keyword DESC",
        (out.name, series),
    )
    return " · ".join(row[0] for row in rows)
