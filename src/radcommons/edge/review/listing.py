"""Every picture of an OUT folder as the overview lists it, read at once, with what tells alike ones from others."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import Candidate
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.pixels.looks import HouseRules, Look
from radcommons.edge.pixels.memory import NOTHING_DECIDED, PixelMemory
from radcommons.edge.review.looking import ShownPicture, shown_picture
from radcommons.edge.review.waiting import MACHINE_SURE, picture_rows, release_rule

# Two recognitions of the same writing differ by a few pixels: places are compared on a grid of this many steps.
_GRID = 32
_COARSEST_PIXELS = 8
_DECIDED = frozenset({"approved", "rejected", "released"})
_UNSURE = frozenset({"needs_person", "not_checked", "refused"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What a program saw in one source, in words and as two digests.

    Parameters
    ----------
    text
        Everything that was read, in the order of the picture.
    device
        What made the picture, and how large it is.
    marks
        The places of what stays, as opposed to what is blackened.
    alike
        The same device, the same places and the same words give the same digest.
    place
        The same device and the same places do.
    """

    text: str = ""
    device: str = ""
    marks: tuple[Box, ...] = ()
    alike: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class ListedPicture:
    """One picture in the overview.

    Parameters
    ----------
    shown
        Its output with what was decided.
    seen
        What a program saw.
    """

    shown: ShownPicture
    seen: Seen

    @property
    def series(self) -> str:
        """The new Series Instance UID."""
        return str(self.shown.row["series_uid"])

    @property
    def subject(self) -> str:
        """The subject's code."""
        return str(self.shown.row["subject_id"])

    @property
    def modality(self) -> str:
        """As the object says, or ``none``."""
        return str(self.shown.row["modality"]) or "none"

    @property
    def state(self) -> str:
        """As its page says; of what is being made anew, what the same look will give again."""
        shown, look = self.shown, self.shown.look
        if not shown.is_in_the_making or shown.state != "not_checked" or look is None:
            return shown.state
        if look.verdict in MACHINE_SURE:
            return "redacted" if shown.boxes else "clean"
        return look.verdict.value

    @property
    def is_face(self) -> bool:
        """Whether it waits because a face could be made of its series."""
        return self.shown.row["face"] == "held" and self.state != "rejected"

    @property
    def is_decided(self) -> bool:
        """Whether a person's word about it stands."""
        return not self.shown.is_waiting and self.state in _DECIDED

    @property
    def is_unsure(self) -> bool:
        """Whether no program can vouch for it, so that a person must see it large."""
        return self.state in _UNSURE or self.shown.decided.state == "edited"

    @property
    def kind(self) -> str:
        """Which of the lists it belongs to: decided, person, blackened, clean, or nobody's."""
        if self.is_decided:
            return "decided"
        if not self.shown.is_waiting:
            return "free"
        if self.is_unsure or self.is_face:
            return "person"
        return "blackened" if self.shown.boxes else "clean"


class Listing:
    """Reads the pictures of one OUT folder; what a look amounts to is worked out once a sitting."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._looks: dict[str, Look] = {}
        self._house: HouseRules | None = None

    def pictures(
        self,
        connection: sqlite3.Connection,
        out: OutFolder,
        *,
        memory: PixelMemory,
        house: HouseRules,
        excluded: Mapping[str, object],
    ) -> tuple[ListedPicture, ...]:
        """Every picture with anything for a person to see, by study, series and instance, without excluded series."""
        if house != self._house:
            self._seen, self._house = {}, house
        release, decided = release_rule(connection, out), memory.every_decided()
        found = []
        for row in picture_rows(connection, out):
            if row["series_uid"] in excluded:
                continue
            sha256 = row["source_sha256"]
            shown = shown_picture(
                row,
                decided=decided.get(sha256, NOTHING_DECIDED),
                look=self._look(memory, sha256),
                house=house,
                release=release,
            )
            found.append(ListedPicture(shown, self._seen_in(sha256, shown.look, house)))
        return tuple(found)

    def _look(self, memory: PixelMemory, sha256: str) -> Look | None:
        look = self._looks.get(sha256)
        if look is None and (look := memory.look(sha256)) is not None:
            self._looks[sha256] = look
        return look

    def _seen_in(self, sha256: str, look: Look | None, house: HouseRules) -> Seen:
        if look is None:
            return Seen()
        seen = self._seen.get(sha256)
        if seen is None:
            seen = self._seen[sha256] = seen_of(look, house)
        return seen


def seen_of(look: Look, house: HouseRules) -> Seen:
    """What a look amounts to under the rules of the house."""
    candidates = house.candidates(look)
    rows, columns, frames = look.size
    words = [look.device.manufacturer, look.device.model, f"{columns} × {rows}" if columns else ""]
    words.append(f"{frames} frames" if frames > 1 else "")
    device = " ".join(filter(None, words))
    placed = sorted((_place(each.box, rows, columns), each.is_marker, _words(each)) for each in candidates)
    ordered = sorted(candidates, key=lambda each: (each.box.top, each.box.left))
    return Seen(
        text=" ".join(filter(None, (" ".join(each.text.split()) for each in ordered))),
        device=device,
        marks=tuple(each.box for each in candidates if not each.is_blackened),
        alike=_digest([device, placed]),
        place=_digest([device, [(place[:2], is_marker) for place, is_marker, _ in placed]]),
    )


def _place(box: Box, rows: int, columns: int) -> tuple[int, int, int, int]:
    step_x, step_y = (max(_COARSEST_PIXELS, size // _GRID) for size in (columns, rows))
    return box.left // step_x, box.top // step_y, box.right // step_x, box.bottom // step_y


def _words(candidate: Candidate) -> str:
    return " ".join(candidate.text.split()).casefold()


def _digest(value: Sequence[object]) -> str:
    return hashlib.sha256(orjson.dumps(value)).hexdigest()[:16]
