"""Writing in series whose headers say that there is none: original CT, MR, PET and nuclear medicine images.

A scanner computes such images; writing in them is a dose sheet among the slices, a scanned film, or a banner that a workstation
drew into each. Reading every slice would cost more than everything else together, so a few are read, and the values of all
uncompressed ones are counted: drawn letters have one value that far more pixels share than its neighbours, and what is drawn in
every slice stands still while the anatomy moves.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import is_same_line
from radcommons.deid.pixels.detection import judged_sightings
from radcommons.deid.pixels.interest import CELL, interest_map, regions_of
from radcommons.deid.pixels.sightings import Detector, Sighting
from radcommons.deid.pixels.views import pictures_of
from radcommons.dicom import uids
from radcommons.dicom.elements import FormatError
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader, PixelDecodeError

_READ, _MOST_ODD, _DECODED, _RARE = 3, 3, 9, 0.25
_WORD_LENGTH, _READABLE, _SURE = 3, 0.5, 0.75
# A value that so many more pixels have than its neighbours is drawn, not measured.
_NEIGHBOURS, _SCATTER, _COMB, _LEAST_PIXELS = 9, 6, 0.2, 80
_MOST_VALUES, _TOGETHER, _GROUND, _WHITE = 3, 0.25, 0.04, 255
_PLANE = 2
_ROWS, _COLUMNS = 0x00280010, 0x00280011
_MOST_BITS = 16
# How many files of a series stay mapped between being listed and being read, each of so many bytes at most.
_MOST_KEPT, _LARGEST_KEPT_BYTES = 150, 2**20

Values = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class SeriesLook:
    """What a look at a series gave.

    Parameters
    ----------
    has_writing
        Whether something was read, so that every instance must be.
    counted, read
        How many slices' values were counted, and how many pictures a detector looked at: the cost.
    unseen
        Slices of the sample that could not be decoded.
    """

    has_writing: bool
    counted: int
    read: int
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class _Slice:
    path: Path
    frame_index: int
    is_cheap: bool
    size: tuple[int, int]
    kept: FrameReader | None = field(compare=False)

    def reader(self) -> FrameReader:
        """The file, parsed once more unless that was kept."""
        return self.kept or FrameReader(open_part10(self.path))


class _Count:
    """What the values of many slices tell: in which of them something was drawn, and which pixels never change."""

    def __init__(self) -> None:
        self.slices = 0
        self._drawn: list[tuple[int, int, _Slice]] = []
        self._first: Values | None = None
        self._same: NDArray[np.bool_] | None = None

    def add(self, each: _Slice, values: Values) -> None:
        """Count one slice; all have one size."""
        self.slices += 1
        drawn = drawn_pixels(values)
        if drawn is not None:
            self._drawn.append((int(values[drawn][0]), int(np.count_nonzero(drawn)), each))
        if self._first is None or self._same is None:
            self._first, self._same = values, np.ones(values.shape, dtype=np.bool_)
        else:
            self._same &= values == self._first

    def odd_ones(self) -> list[_Slice]:
        """The slices with the most drawn pixels; a value that most slices have so is the scanner's, or is read in any of them."""
        times = Counter(value for value, *_ in self._drawn)
        rare = [each for each in self._drawn if times[each[0]] <= max(1, _RARE * self.slices)]
        return [each for *_, each in sorted(rare, key=lambda each: -each[1])[:_MOST_ODD]]

    def standing_pixels(self) -> NDArray[np.uint8] | None:
        """The pixels that are the same in all slices, the lowest of them black as all else; ``None`` for too few slices."""
        if self._first is None or self._same is None or self.slices < _READ or not self._same.any():
            return None
        standing = self._first[self._same].astype(np.float32)
        lowest, highest = float(standing.min()), float(standing.max())
        shown = np.zeros(self._same.shape, dtype=np.uint8)
        if highest > lowest:
            shown[self._same] = ((standing - lowest) * (_WHITE / (highest - lowest))).astype(np.uint8)
        return shown


def look_at_series(paths: Sequence[Path], *, detector: Detector, markers: Sequence[str] = ()) -> SeriesLook:
    """Look for writing in a series.

    Parameters
    ----------
    paths
        All files of one series, in the order they were taken; call this in a limited process.
    detector
        What reads.
    markers
        Writing that stays.
    """
    slices = [each for number, path in enumerate(paths) for each in _slices_of(path, is_kept=number < _MOST_KEPT)]
    if not slices:
        return SeriesLook(has_writing=False, counted=0, read=0)
    usual = _usual_size(slices)
    count = _counted(slices, usual)
    others = [each for each in slices if each.size != usual][:_MOST_ODD]
    look = _Look(detector, markers)
    for each in dict.fromkeys([slices[0], slices[len(slices) // 2], slices[-1], *others]):
        look.read_slice(each)
    drawn = (_drawn_in(each) for each in count.odd_ones())
    for picture in (*drawn, count.standing_pixels()):
        if picture is not None and _has_strokes(picture):
            look.read_picture(picture)
    return SeriesLook(look.has_writing(), count.slices, look.read, look.unseen)


def _counted(slices: Sequence[_Slice], usual: tuple[int, int]) -> "_Count":
    """The values of all slices of the usual size that cost little, and of a few of those that have to be decoded."""
    count = _Count()
    spread = {int(number) for number in np.linspace(0, len(slices) - 1, _DECODED)}
    for number, each in enumerate(slices):
        if each.size == usual and (each.is_cheap or number in spread):
            values = _values(each)
            if values is not None and values.ndim == _PLANE:
                count.add(each, values)
    return count


def _drawn_in(each: _Slice) -> NDArray[np.uint8] | None:
    values = _values(each)
    drawn = None if values is None else drawn_pixels(values)
    return None if drawn is None else drawn.astype(np.uint8) * np.uint8(_WHITE)


def drawn_pixels(values: Values) -> NDArray[np.bool_] | None:
    """Where pixels share a value that was drawn and not measured: more do than have its neighbours, and they lie together.

    Of several such values the one of which most pixels lie together; ``None`` where there is none. The lowest, and what covers more
    of the picture than letters do, are grounds and left aside.
    """
    if values.dtype.kind not in "iu" or values.dtype.itemsize * 8 > _MOST_BITS or not values.size:
        return None
    lowest = int(values.min())
    counts = np.bincount((values.astype(np.int32) - lowest).ravel())
    present = np.flatnonzero(counts)[1:]
    if not present.size:
        return None
    found = counts[present]
    usual = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(found, _NEIGHBOURS // 2), _NEIGHBOURS), axis=1)
    # Counts scatter by chance, and those of rescaled values in a regular way.
    excess = np.where(found > _GROUND * values.size, 0, found) - usual - _SCATTER * np.sqrt(usual) - _COMB * usual
    likely = [int(place) for place in np.argsort(-excess)[:_MOST_VALUES] if excess[place] >= _LEAST_PIXELS]
    drawn = [_together(values == int(present[place]) + lowest) for place in likely]
    best = max(drawn, key=np.count_nonzero, default=None)
    return best if best is not None and best.any() else None


def _together(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The marks of which at least two of the four beside them are marks; none of them when few are so."""
    near = np.zeros(mask.shape, dtype=np.uint8)
    near[1:] += mask[:-1]
    near[:-1] += mask[1:]
    near[:, 1:] += mask[:, :-1]
    near[:, :-1] += mask[:, 1:]
    together = mask & (near > 1)
    count = np.count_nonzero(together)
    is_drawn = count >= _LEAST_PIXELS and count >= _TOGETHER * np.count_nonzero(mask)
    return together if is_drawn else np.zeros_like(mask)


def _has_strokes(picture: NDArray[np.uint8]) -> bool:
    """Whether anything on black lies as letters do."""
    return min(picture.shape) >= CELL and bool(regions_of(interest_map(picture), (picture.shape[0], picture.shape[1])))


class _Look:
    """What was read in the pictures of one series so far."""

    def __init__(self, detector: Detector, markers: Sequence[str]) -> None:
        self._detector, self._markers = detector, markers
        self._seen: list[list[Sighting]] = []
        self.read = self.unseen = 0

    def read_slice(self, each: _Slice) -> None:
        """Read one slice as people would see it."""
        try:
            reader = each.reader()
            views, _ = pictures_of(reader.decode(each.frame_index), reader.header, each.frame_index)
        except (FormatError, PixelDecodeError):
            self.unseen += 1
            return
        for view in views:
            self.read_picture(view.picture)

    def has_writing(self) -> bool:
        """Whether a word was read, or anything else twice in one place: a body's outline reads as an 8 now and then."""
        for number, sightings in enumerate(self._seen):
            others = [each for later in self._seen[number + 1 :] for each in later]
            for each in sightings:
                letters = sum(map(str.isalnum, each.text))
                if letters >= _WORD_LENGTH and each.confidence >= _READABLE:
                    return True
                is_again = any(is_same_line(each.box, other.box) and each.text == other.text for other in others)
                if letters and each.confidence >= _SURE and is_again:
                    return True
        return False

    def read_picture(self, picture: NDArray[np.uint8]) -> None:
        """Read a picture."""
        self.read += 1
        sightings = self._detector.find(picture)
        judged = judged_sightings(sightings, self._markers, kind="text", size=(*picture.shape, 1))
        # A word in doubt counts where it is surely read: a leg or a rib says something as well, but poorly.
        self._seen.append(
            [
                Sighting(each.box, each.text, each.confidence)
                for each in judged
                if not each.is_marker and (not each.is_doubtful or each.confidence >= _SURE)
            ]
        )


def _slices_of(path: Path, *, is_kept: bool) -> Iterator[_Slice]:
    """The frames of a file, which stays mapped and parsed if wished: not one that had to be inflated, nor a very large one."""
    try:
        file = open_part10(path)
        reader = FrameReader(file)
    except (FormatError, PixelDecodeError):
        return
    size = (reader.header.integer(_ROWS) or 0, reader.header.integer(_COLUMNS) or 0)
    is_cheap = uids.is_native_syntax(file.transfer_syntax_uid)
    is_small = not file.is_inflated and len(file.buffer) <= _LARGEST_KEPT_BYTES
    kept = reader if is_kept and is_small else None
    for frame_index in range(reader.number_of_frames):
        yield _Slice(path, frame_index, is_cheap, size, kept)


def _usual_size(slices: Sequence[_Slice]) -> tuple[int, int]:
    sizes = [each.size for each in slices]
    return max(sorted(set(sizes)), key=sizes.count)


def _values(each: _Slice) -> Values | None:
    try:
        return each.reader().decode(each.frame_index)
    except (FormatError, PixelDecodeError):
        return None
