"""Looking at the frames of one object: every one of a few, a choice of many, and what never moves in any of them.

All frames that are looked at pass the map of interest, which costs little; the recogniser reads the first, the middle and
the last, the darkest and the brightest that each pixel ever is (writing that stands still stands out there), and what is
new in any other frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box, is_same_line
from radcommons.deid.pixels.interest import CELL, interest_map, regions_of
from radcommons.deid.pixels.markers import is_marker_text, marker_words
from radcommons.deid.pixels.sightings import Detector, Fine, Sighting
from radcommons.deid.pixels.views import Views, pictures_of
from radcommons.dicom.pixels import FrameReader

MOST_FRAMES = 240
_READ_WHOLE = 4
_MOST_READ = 12
_NEARLY_ALL = 0.8
_PRESENT = 0.5
_SURE, _CERTAIN, _WORD_LENGTH = 0.75, 0.9, 3


@dataclass(frozen=True, slots=True)
class Footage:
    """What was seen in the frames of one object.

    Parameters
    ----------
    sightings
        In pixels of the stored matrix, with the frames they concern.
    frames_seen
        How many frames were looked at.
    is_exhausted
        Whether more frames held something new than were read.
    """

    sightings: tuple[Sighting, ...]
    frames_seen: int
    is_exhausted: bool


def look_at_frames(
    reader: FrameReader, detector: Detector, *, black: Sequence[Box] = (), markers: Sequence[str] = ()
) -> Footage:
    """Look at the frames of an object, not where they are to be blackened in all frames anyway.

    Raises
    ------
    PixelDecodeError
        When a frame cannot be decoded.
    """
    chosen = _chosen(reader.number_of_frames)
    watch = _Watch(detector, whole=_whole(chosen), markers=markers)
    for frame_index in chosen:
        values = reader.decode(frame_index)
        views, reduction = pictures_of(values, reader.header, frame_index)
        _blacken(views, black, reduction)
        watch.see(frame_index, views, reduction, fine=Fine(values, reduction) if reduction > 1 else None)
    watch.see_extremes()
    is_all = len(chosen) == reader.number_of_frames
    sightings = _distinct(watch.sightings)
    if len(chosen) > 1:
        sightings = [watch.with_frames(each, reader.number_of_frames, is_all=is_all) for each in sightings]
    return Footage(tuple(sightings), len(chosen), watch.is_exhausted)


def _blacken(views: Views, black: Sequence[Box], reduction: int) -> None:
    for box in black:
        rows = slice(-(-box.top // reduction), box.bottom // reduction)
        columns = slice(-(-box.left // reduction), box.right // reduction)
        for view in views:
            view.picture[rows, columns] = 0


def _chosen(number_of_frames: int) -> list[int]:
    if number_of_frames <= MOST_FRAMES:
        return list(range(number_of_frames))
    return sorted({int(number) for number in np.linspace(0, number_of_frames - 1, MOST_FRAMES)})


def _whole(chosen: Sequence[int]) -> frozenset[int]:
    if len(chosen) <= _READ_WHOLE:
        return frozenset(chosen)
    return frozenset({chosen[0], chosen[len(chosen) // 2], chosen[-1]})


class _Watch:
    """What was seen so far; memory grows by one map of cells a frame."""

    def __init__(self, detector: Detector, *, whole: frozenset[int], markers: Sequence[str]) -> None:
        self._detector, self._whole = detector, whole
        self._words = marker_words(tuple(markers))
        self._sure: list[Box] = []
        self._maps: dict[int, NDArray[np.bool_]] = {}
        self._known: NDArray[np.bool_] | None = None
        self._darkest: NDArray[np.uint8] | None = None
        self._brightest: NDArray[np.uint8] | None = None
        self._reduction = 1
        self._news_read = 0
        self.is_exhausted = False
        self.sightings: list[Sighting] = []

    def see(self, frame_index: int, views: Views, reduction: int, *, fine: Fine | None) -> None:
        """Look at one frame; the frames of one object have one size."""
        picture = views[0].picture
        self._reduction = reduction
        fired = interest_map(picture) if min(picture.shape) >= CELL else np.zeros((1, 1), dtype=np.bool_)
        self._maps[frame_index] = fired
        is_first = self._darkest is None
        self._darkest = picture if self._darkest is None else np.minimum(self._darkest, picture)
        self._brightest = picture if self._brightest is None else np.maximum(self._brightest, picture)
        if frame_index in self._whole:
            for view in views:
                self._read(view.picture, fine if view is views[0] else None, is_faint=view.is_faint)
        elif not is_first and self._has_news(fired, picture.shape):
            if self._news_read >= _MOST_READ:
                self.is_exhausted = True
                return
            self._news_read += 1
            self._read(picture, fine)
        self._known = _widened(fired) if self._known is None else self._known | _widened(fired)

    def see_extremes(self) -> None:
        """Look at what every pixel is at its darkest and at its brightest, when there was more than one frame."""
        if self._darkest is not None and self._brightest is not None and len(self._maps) > 1:
            self._read(self._darkest)
            self._read(self._brightest)

    def with_frames(self, sighting: Sighting, number_of_frames: int, *, is_all: bool) -> Sighting:
        """The sighting with the frames in which its place shows as much as anywhere, all where that is nearly all."""
        box, size = sighting.box, CELL * self._reduction
        place = (
            slice(box.top // size, max(box.top // size + 1, -(-box.bottom // size))),
            slice(box.left // size, max(box.left // size + 1, -(-box.right // size))),
        )
        counts = {frame_index: int(fired[place].sum()) for frame_index, fired in self._maps.items()}
        most = max(counts.values())
        present = [index for index, count in counts.items() if most and count >= _PRESENT * most]
        if not is_all or not present or len(present) >= _NEARLY_ALL * len(counts):
            return sighting
        # Fading in and out: the frames between and one on either side count as well.
        span = range(max(0, present[0] - 1), min(number_of_frames, present[-1] + 2))
        frames = None if len(span) >= _NEARLY_ALL * number_of_frames else tuple(span)
        return replace(sighting, box=replace(box, frames=frames))

    def _has_news(self, fired: NDArray[np.bool_], size: tuple[int, ...]) -> bool:
        return self._known is None or bool(regions_of(fired & ~self._known, (size[0], size[1])))

    def _read(self, picture: NDArray[np.uint8], fine: Fine | None = None, *, is_faint: bool = False) -> None:
        for each in self._detector.find(picture, known=self._sure, fine=fine):
            box, scale = each.box, self._reduction
            is_noise = is_faint and each.confidence < _CERTAIN
            # What surely is writing and no marker is blackened, whatever else stands there in another frame.
            if (
                not is_noise
                and each.confidence >= _SURE
                and len(each.text) >= _WORD_LENGTH
                and not is_marker_text(each.text, self._words)
            ):
                self._sure.append(box)
            self.sightings.append(
                replace(
                    each,
                    box=Box(box.left * scale, box.top * scale, box.width * scale, box.height * scale),
                    is_noise=is_noise,
                )
            )


def _widened(fired: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(fired, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    wide: NDArray[np.bool_] = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return wide


def _distinct(sightings: Sequence[Sighting]) -> list[Sighting]:
    """One sighting for a place that was seen several times: the best reading, around all that was seen."""
    kept: list[Sighting] = []
    for each in sorted(sightings, key=lambda sighting: -sighting.confidence * len(sighting.text)):
        same = next((number for number, other in enumerate(kept) if is_same_line(each.box, other.box)), None)
        if same is None:
            kept.append(each)
        else:
            best = kept[same]
            kept[same] = replace(
                best,
                box=best.box.around(each.box),
                is_cut=best.is_cut or each.is_cut,
                is_noise=best.is_noise or each.is_noise,
            )
    return kept
