"""What a kind of object is, and the drawing that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.apps.deid_benchmark.generator.draft import Draft
from radcommons.apps.deid_benchmark.generator.glyphs import plain


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object.

    Parameters
    ----------
    build
        Fills the modules of its IOD and sets the picture.
    modality, sop_class_uid, transfer_syntax_uid
        As they are written.
    may_be_refused
        Whether leaving the object out is a right answer.
    """

    build: Callable[[Draft], None]
    modality: str
    sop_class_uid: str
    transfer_syntax_uid: str = str(ExplicitVRLittleEndian)
    may_be_refused: bool = False


def phantom(
    rng: np.random.Generator, shape: tuple[int, int, int], *, highest: int, dtype: str = "<u2"
) -> NDArray[np.unsignedinteger[Any]]:
    """A body with two darker fields in noise, shape ``(frames, rows, columns)``; no two draws are alike."""
    frames, rows, columns = shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    planes = []
    for frame in range(frames):
        size = 0.9 - 0.05 * frame / max(1, frames)
        body = (x / size) ** 2 + (y / 0.8) ** 2 < 1
        fields = ((np.abs(x) - 0.42) / 0.28) ** 2 + (y / 0.55) ** 2 < 1
        value = 0.08 + 0.42 * body - 0.25 * fields + 0.03 * rng.standard_normal((rows, columns))
        planes.append(np.clip(value, 0, 1))
    return (np.stack(planes) * highest).astype(dtype)


def coloured(grey: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    """Grey 8-bit planes as RGB, shape ``(frames, rows, columns, 3)``."""
    return np.repeat(grey[..., np.newaxis], 3, axis=-1)


def name_plate(draft: Draft) -> list[tuple[str, str]]:
    """What a device writes into a corner: who, which number, born when, where."""
    person = draft.person
    return [
        (plain(f"{person.family}, {person.given}").upper(), "name"),
        (person.patient_id, "patient_id"),
        (f"DOB {person.birth_date:%d.%m.%Y}", "date"),
    ]


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """One item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
