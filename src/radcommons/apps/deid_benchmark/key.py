"""The answer key: what was planted where in which object, and what a tool has to do about it.

The JSON form (schema ``radcommons.deid-benchmark/1``) is described in docs/deid-benchmark.md and is ours; ``midi_b`` writes the
same checks in the form of the public MIDI-B scripts.
"""

import base64
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = "radcommons.deid-benchmark/1"
KEY_NAME = "answer_key.json"
FILES_FOLDER = "files"


class Action(StrEnum):
    """The ten actions of MIDI-B, by their names there."""

    TAG_RETAINED = "tag_retained"
    TEXT_NOTNULL = "text_notnull"
    TEXT_RETAINED = "text_retained"
    TEXT_REMOVED = "text_removed"
    DATE_SHIFTED = "date_shifted"
    UID_CHANGED = "uid_changed"
    UID_CONSISTENT = "uid_consistent"
    PATID_CONSISTENT = "patid_consistent"
    PIXELS_RETAINED = "pixels_retained"
    PIXELS_HIDDEN = "pixels_hidden"


# A failure of one of these left an identifier behind.
REMOVING_ACTIONS = frozenset({Action.TEXT_REMOVED, Action.DATE_SHIFTED, Action.UID_CHANGED, Action.PIXELS_HIDDEN})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a tool must do with one value.

    Parameters
    ----------
    action
        One of :class:`Action`.
    slot
        What sort of place it is: ``header``, ``table``, ``text``, ``nested``, ``private-unsafe``, …
    kind
        What was planted: ``name``, ``patient_id``, ``date``, ``uid``, ``phone``, …; empty for what must stay.
    path
        Where; see :mod:`attribute_path`.
    value
        The whole value of the attribute as planted.
    text
        The part of it that must go or stay.
    is_searchable
        Whether its characters anywhere in the output prove a leak: long enough, and no word of a language.
    target
        For a reference: the SOP Instance UID of the object of this set that it leads to.
    """

    action: str
    slot: str
    kind: str
    path: str
    value: str
    text: str = ""
    is_searchable: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class BurnedIn:
    """One line of writing in a picture.

    Parameters
    ----------
    place
        ``pixels``, ``overlay`` (group 6000) or ``icon`` (the first icon image).
    box
        Left, top, width and height in pixels of that picture, counted from 0.
    frames
        Frame indices from 0 that carry it; ``None`` for all.
    kind
        What it says, as in :class:`Check`; ``marker`` when it names nobody and may stay.
    text
        The writing.
    glyphs
        Which pixels of the box belong to letters: rows of bits, packed, base64. Empty when only the box is known.
    """

    place: str
    box: tuple[int, int, int, int]
    frames: tuple[int, ...] | None
    kind: str
    text: str
    glyphs: str = ""

    def mask(self) -> NDArray[np.bool_]:
        """The letters, shape ``(height, width)``; the whole box when no glyphs were stored."""
        _, _, width, height = self.box
        if not self.glyphs:
            return np.ones((height, width), dtype=np.bool_)
        bits = np.unpackbits(np.frombuffer(base64.b64decode(self.glyphs), dtype=np.uint8), count=width * height)
        return bits.reshape(height, width).astype(np.bool_)


def packed(mask: NDArray[np.bool_]) -> str:
    """Letters as :attr:`BurnedIn.glyphs` holds them."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode("ascii")


@dataclass(slots=True)
class PlantedObject:
    """One file of the benchmark.

    Parameters
    ----------
    path
        Relative to the folder of the files.
    kind
        Its kind in the generator, such as ``ct`` or ``file:MR_small.dcm``.
    patient
        Ordinal of the invented patient; dates of one patient must keep their intervals.
    instance_number
        Unique in the set, so that a successor is found in any tool's output.
    shape
        Frames, rows, columns, samples; empty without pixels.
    pixels_md5
        Of the PixelData as stored; empty without pixels.
    pixel_blocks
        Fingerprint of the decoded samples, see :func:`pictures.blocks_of`; empty when they cannot be decoded.
    may_be_refused
        Whether leaving the whole object out is a right answer (documents and directories nobody can clean).
    """

    path: str
    kind: str
    patient: int
    patient_id: str
    modality: str
    sop_class_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    instance_number: str = ""
    shape: tuple[int, ...] = ()
    pixels_md5: str = ""
    pixel_blocks: str = ""
    may_be_refused: bool = False
    checks: list[Check] = field(default_factory=list)
    burned_in: list[BurnedIn] = field(default_factory=list)

    def identifying(self) -> list[Check]:
        """The checks whose failure is a leak."""
        return [check for check in self.checks if check.action in REMOVING_ACTIONS]


@dataclass(slots=True)
class AnswerKey:
    """The whole truth about a benchmark folder.

    Parameters
    ----------
    generator, seed
        Version of the generator and the seed: with the libraries of ``made_with`` they fix every byte.
    made_with
        Versions of the libraries that encode pixels and files.
    """

    generator: str
    seed: int
    made_with: dict[str, str] = field(default_factory=dict)
    objects: list[PlantedObject] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write the key as JSON."""
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def key_from_json(value: dict[str, Any]) -> AnswerKey:
    """Read what :meth:`AnswerKey.write` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it is not of this schema.
    """
    read = {SCHEMA: _object}[value["schema"]]
    return AnswerKey(value["generator"], value["seed"], value["made_with"], [read(row) for row in value["objects"]])


def _object(row: dict[str, Any]) -> PlantedObject:
    found = PlantedObject(**row)
    found.shape = tuple(found.shape)
    found.checks = [Check(**each) for each in row["checks"]]
    found.burned_in = [_burned_in(each) for each in row["burned_in"]]
    return found


def _burned_in(row: dict[str, Any]) -> BurnedIn:
    frames = row["frames"]
    return BurnedIn(**{**row, "box": tuple(row["box"]), "frames": None if frames is None else tuple(frames)})
