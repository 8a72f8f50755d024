"""What became of writing in pictures: judged by the stored letters, without text recognition.

Hidden means that at least 99 of 100 pixels of the letters changed and that the letters no longer stand out from what is
around them, or that the box is of one value, which may be that of the letters. A box whose letters are unknown has to be so.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radcommons.apps.deid_benchmark.key import BurnedIn
from radcommons.apps.deid_benchmark.pictures import Frames, decoded

LEAST_CHANGED = 0.99
MOST_CONTRAST = 0.1
# Detectors draw boxes generously; what lies nearer to a line than four of its heights may be blackened with it.
_LEAST_MARGIN, _MARGIN_HEIGHTS = 48, 4
# A lossy picture is decoded, blackened and encoded anew: conversions between colour spaces round.
_LOSSY_TOLERANCE = 3


@dataclass(frozen=True, slots=True)
class PixelTask:
    """One object whose picture has to be compared."""

    number: int
    original: str
    output: str
    lines: tuple[BurnedIn, ...]


@dataclass(frozen=True, slots=True)
class LineSeen:
    """What is left of one line.

    Parameters
    ----------
    changed
        Share of the letters' pixels that changed, 0 to 1.
    contrast
        How much the letters still stand out, as a share of what they did.
    """

    is_hidden: bool
    changed: float
    contrast: float


@dataclass(frozen=True, slots=True)
class PixelsSeen:
    """What became of one picture: its lines in their order, and the samples that changed far from any line."""

    lines: tuple[LineSeen, ...]
    changed_outside: int
    is_comparable: bool


_GONE = LineSeen(is_hidden=True, changed=1.0, contrast=0.0)


def compare(task: PixelTask) -> PixelsSeen:
    """Compare the pictures of an object before and after; an output without pixels hides everything and keeps nothing."""
    warnings.simplefilter("ignore", UserWarning)
    before, after = pydicom.dcmread(task.original), pydicom.dcmread(task.output)
    pair = (decoded(before), decoded(after))
    lines = []
    for line in task.lines:
        if line.place == "overlay":
            lines.append(_compare_planes(_overlay(before), _overlay(after), line))
        elif line.place == "icon":
            lines.append(_compare_planes(_icon(before), _icon(after), line))
        else:
            lines.append(_compare_planes(*pair, line))
    is_lossy = str(before.get("LossyImageCompression", "")) == "01" or _is_lossy(before)
    outside = _changed_outside(*pair, task.lines, tolerance=_LOSSY_TOLERANCE if is_lossy else 0)
    return PixelsSeen(tuple(lines), max(outside, 0), outside >= 0)


def _is_lossy(dataset: Dataset) -> bool:
    return str(dataset.get("PhotometricInterpretation", "")).startswith("YBR")


def _overlay(dataset: Dataset) -> Frames | None:
    """The first overlay plane, shape ``(1, rows, columns, 1)``."""
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x3000) in dataset and (group, 0x0010) in dataset and (group, 0x0011) in dataset:
            rows, columns = int(dataset[group, 0x0010].value), int(dataset[group, 0x0011].value)
            bits = np.unpackbits(np.frombuffer(dataset[group, 0x3000].value, dtype=np.uint8), bitorder="little")
            return bits[: rows * columns].reshape(1, rows, columns, 1) if bits.size >= rows * columns else None
    return None


def _icon(dataset: Dataset) -> Frames | None:
    sequence = dataset.get("IconImageSequence")
    if not sequence:
        return None
    icon = sequence[0]
    raw = np.frombuffer(icon.get("PixelData") or b"", dtype=np.uint8)
    size = int(icon.get("Rows") or 0) * int(icon.get("Columns") or 0)
    return raw[:size].reshape(1, icon.Rows, icon.Columns, 1) if size and raw.size >= size else None


def _compare_planes(before: Frames | None, after: Frames | None, line: BurnedIn) -> LineSeen:
    if after is None or before is None or after.shape != before.shape:
        # Without its picture, or in another shape of picture, the writing is judged gone only when nothing is left to see.
        return _GONE if after is None else LineSeen(is_hidden=False, changed=0.0, contrast=1.0)
    seen = [
        _compare_box(before[frame], after[frame], line)
        for frame in (range(len(before)) if line.frames is None else line.frames)
        if frame < len(before)
    ]
    return min(seen, key=lambda each: (each.is_hidden, each.changed, -each.contrast), default=_GONE)


def _compare_box(before: NDArray[np.generic], after: NDArray[np.generic], line: BurnedIn) -> LineSeen:
    left, top, width, height = line.box
    was = before[top : top + height, left : left + width].astype(np.float64).mean(axis=-1)
    now = after[top : top + height, left : left + width].astype(np.float64).mean(axis=-1)
    mask = line.mask()[: was.shape[0], : was.shape[1]]
    share = _share_of_commonest(now)
    if not line.glyphs:
        return LineSeen(share >= LEAST_CHANGED, float(np.mean(was != now)), 1 - share)
    changed = float(np.mean(was[mask] != now[mask]))
    contrast = _contrast(now, mask) / max(_contrast(was, mask), 1e-9)
    has_gone = changed >= LEAST_CHANGED or share >= LEAST_CHANGED
    return LineSeen(has_gone and contrast <= MOST_CONTRAST, changed, round(contrast, 4))


def _share_of_commonest(plane: NDArray[np.float64]) -> float:
    _, counts = np.unique(plane, return_counts=True)
    return float(counts.max() / plane.size) if plane.size else 1.0


def _contrast(plane: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """How far the letters are from the rest of the box, in units of the picture."""
    if mask.all() or not mask.any():
        return 0.0
    return float(abs(plane[mask].mean() - plane[~mask].mean()))


def _changed_outside(
    before: Frames | None, after: Frames | None, lines: tuple[BurnedIn, ...], *, tolerance: int
) -> int:
    """How many samples differ away from any line; -1 when the pictures cannot be compared."""
    if before is None or after is None or before.shape != after.shape:
        return -1
    is_far = np.ones(before.shape[1:3], dtype=np.bool_)
    for line in lines:
        if line.place == "pixels":
            left, top, width, height = line.box
            margin = max(_LEAST_MARGIN, _MARGIN_HEIGHTS * height)
            is_far[max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin] = False
    difference = np.abs(before.astype(np.int64) - after.astype(np.int64)) > tolerance
    return int((difference & is_far[np.newaxis, :, :, np.newaxis]).sum())
