"""The text recogniser behind the extra ``ocr``: RapidOCR's models, which come inside its wheel; nothing is fetched.

What it is asked for stands in :mod:`radcommons.deid.pixels.models`. :data:`MEMORY_BYTES` is what a limited child
should be allowed: about 560 MiB for the recogniser and its largest sheet, and the decoded image beside them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box, is_same_line, share_covered
from radcommons.deid.pixels.interest import CELL, Region, interest_map
from radcommons.deid.pixels.lines import completed
from radcommons.deid.pixels.models import models
from radcommons.deid.pixels.pyramid import Level, levels_of, resized
from radcommons.deid.pixels.sheets import Corners, Cutting, cut, laid_out, spread
from radcommons.deid.pixels.sightings import Fine, Sighting
from radcommons.deid.pixels.strokes import with_whole_strokes

MEMORY_BYTES = 1_400 * 2**20
_EXPLAINED, _MADE_OF_LINES = 0.35, 0.6
_BROAD = 64
_SMALL, _MOST_FINE, _FINE_ENLARGED = 40, 40, 2.0
# The shorter side of a picture in which large writing is looked for as a whole, and of which share it is large.
_OVERVIEW, _LARGE = 384, 0.08
# In cross-sections of few pixels writing that leans over a border is too small to be seen as it is.
_SMALL_PICTURE, _BROAD_ENLARGED = 400, 2.0
_MOST_READ, _MOST_ODD, _MOST_SIZES = 40, 8, 2
_SAME = 0.9
_SLANT = 0.27
# How far a line may go on beyond what was seen of it, in its thickness: little where it was surely read to its ends.
_PARTLY, _FURTHEST, _A_LITTLE, _BRIDGED = 0.34, 8, 1, 2
_COMPACT, _CLEARLY_LONGER, _LONGEST_LINE = 1.6, 1.3, 14.0
_CERTAIN, _SURE, _READABLE, _GUESSED = 0.9, 0.75, 0.5, 0.15
_WORD_LENGTH, _MARKER_LENGTH = 3, 4
_LINE_SHAPE = 3.0
_THICKEST, _THICKEST_LINE, _THICKEST_LETTER = 0.3, 0.1, 0.2
# Boxes of the recogniser end inside the outer letters now and then.
_ALONG, _ACROSS, _AT_LEAST = 1.0, 0.2, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Find:
    corners: Corners
    clipping: NDArray[np.uint8]
    level: Level

    @property
    def thickness(self) -> float:
        """Its shorter side, however it leans."""
        return float(
            min(np.hypot(*(self.corners[1] - self.corners[0])), np.hypot(*(self.corners[3] - self.corners[0])))
        )

    @property
    def is_slanted(self) -> bool:
        """Whether its longer side leans away from the rows and the columns."""
        along = self.corners[1] - self.corners[0]
        down = self.corners[3] - self.corners[0]
        across, up = np.abs(along if np.hypot(*along) >= np.hypot(*down) else down)
        return bool(min(across, up) > _SLANT * max(across, up))


class TextRecogniser:
    """Finds writing in grey pictures and reads it."""

    name = "rapidocr"
    may_vouch = True

    def find(
        self, picture: NDArray[np.uint8], *, known: Sequence[Box] = (), fine: Fine | None = None
    ) -> Sequence[Sighting]:
        """Boxes of writing in a picture, with what they seem to say.

        Places of interest are cut out, spread and read from sheets, from the finest level to the coarsest; those in
        which nothing was found are turned, their background is taken out, and they are looked at once more.
        """
        found: list[_Find] = []
        rest: list[tuple[Level, Region]] = []
        for level in levels_of(picture, fine):
            places = [
                (level, region)
                for region in level.regions
                if not _is_explained(level, region, found) and share_covered(_place(level, region), known) < _SAME
            ]
            found += _detect(places)
            rest += places
        rest = [place for place in rest if not _is_explained(*place, found)]
        found += _detect(rest, is_turned=True, is_flattened=True)
        broad = [place for place in rest if _is_broad(place[1]) and not _is_explained(*place, found)]
        if max(picture.shape) <= _SMALL_PICTURE:
            enlarged = _detect(broad, is_flattened=True, enlargement=_BROAD_ENLARGED)
            found += [each for each in enlarged if each.thickness <= _THICKEST_LINE * min(picture.shape)]
        else:
            found += _detect(broad, is_flattened=True)
        thickest = _THICKEST * min(picture.shape)
        found += _large_on_the_whole(picture, found)
        lines: list[_Find] = []
        odd: list[_Find] = []
        for each in found:
            is_odd = each.is_slanted or float(np.ptp(each.corners, axis=0).min()) > thickest
            (odd if is_odd else lines).append(each)
        new = {
            each: others
            for each, others in _distinct(lines).items()
            if share_covered(_generous(each.corners), known) < _SAME
        }
        seen = completed(picture, _read(new, picture))
        large = _read_surely(odd, picture.shape, known=[*known, *(each.box for each in seen)])
        return with_whole_strokes(picture, (*seen, *large), models().opencv) if found else ()


def _place(level: Level, region: Region) -> Box:
    """Where a region lies, in pixels of the image."""
    left, top = int(region.left / level.scale), int(region.top / level.scale)
    return Box(left, top, max(1, int(region.width / level.scale)), max(1, int(region.height / level.scale)))


def _is_broad(region: Region) -> bool:
    """Whether a place is more than one line: noise or anatomy, in which writing may lie."""
    return min(region.width, region.height) > _BROAD


def _detect(
    places: Iterable[tuple[Level, Region]],
    *,
    is_turned: bool = False,
    is_flattened: bool = False,
    enlargement: float | None = None,
) -> list[_Find]:
    found = []
    cuttings = {
        _cutting(*place, is_turned=is_turned, is_flattened=is_flattened, enlargement=enlargement): place[0]
        for place in places
    }
    for sheet in laid_out(cuttings):
        # Loaded by the first picture in which there is a place to read.
        for corners in models().lines_on(sheet.picture):
            under = sheet.cutting_at(corners)
            if under is not None:
                clipping = models().clipping(sheet.picture, corners)
                found.append(_Find(under[0].to_image(under[1]), clipping, cuttings[under[0]]))
    return found


def _large_on_the_whole(picture: NDArray[np.uint8], found: Sequence[_Find]) -> list[_Find]:
    """What is large and surely read in the whole picture made small: the straight strokes of a large ``LI`` are no place of interest."""
    scale = min(1.0, _OVERVIEW / min(picture.shape))
    shown = picture if scale == 1 else resized(picture, scale)
    if min(shown.shape) < CELL:
        return []
    level = Level(shown, scale, interest_map(shown), (Region(0, 0, shown.shape[1], shown.shape[0], 0),))
    if _is_explained(level, level.regions[0], found):
        return []
    seen = _detect([(level, level.regions[0])])
    return [each for each in seen if each.thickness >= _LARGE * min(picture.shape) and _is_certain(each)]


def _is_certain(find: _Find) -> bool:
    text, score = models().reading(find.clipping)
    # The lungs are two noughts.
    return sum(map(str.isalpha, text)) > 1 and score >= _CERTAIN


def _cutting(
    level: Level, region: Region, *, is_turned: bool, is_flattened: bool, enlargement: float | None
) -> Cutting:
    """A place made ready; letters of a few pixels are cut from the image as it is, not as it was made smaller, and enlarged."""
    is_small = level.fine is not None and min(region.width, region.height) <= _SMALL
    if level.fine is None or not is_small or len(level.regions) > _MOST_FINE:
        piece = level.picture[region.top : region.bottom, region.left : region.right]
        corner, scale = (region.left, region.top), level.scale
        return cut(piece, corner, scale=scale, is_turned=is_turned, is_flattened=is_flattened, enlargement=enlargement)
    factor = level.fine.factor
    return cut(
        level.fine.piece(region.left, region.top, region.right, region.bottom),
        (region.left * factor, region.top * factor),
        scale=level.scale * factor,
        is_turned=is_turned,
        is_flattened=is_flattened,
        enlargement=_FINE_ENLARGED,
    )


def _is_explained(level: Level, region: Region, found: Sequence[_Find]) -> bool:
    covered = np.zeros((region.height, region.width), dtype=np.bool_)
    for each in found:
        ends = np.array([each.corners.min(axis=0), each.corners.max(axis=0)]) * level.scale
        (left, top), (right, bottom) = np.clip(ends - (region.left, region.top), 0, None).astype(int)
        covered[top:bottom, left:right] = True
    return bool(covered.mean() >= _EXPLAINED)


def _distinct(found: Sequence[_Find]) -> dict[_Find, list[_Find]]:
    """Finds of which no somewhat larger one covers most, each with those it covers: the same line is often seen at two sizes."""
    kept: dict[_Find, list[_Find]] = {}
    boxes: dict[_Find, Box] = {}
    for each in sorted(found, key=lambda find: -float(np.prod(np.ptp(find.corners, axis=0)))):
        box = _generous(each.corners)
        larger = next(
            (
                other
                for other in kept
                if is_same_line(box, boxes[other]) and share_covered(box, [boxes[other]]) >= _SAME
            ),
            None,
        )
        if larger is None:
            kept[each], boxes[each] = [], box
        else:
            kept[larger].append(each)
    return kept


def _read_at_its_best(find: _Find, others: Sequence[_Find]) -> tuple[str, float]:
    """What a line says; one that is poorly read as it was seen largest is read as it was seen elsewhere, the finest first."""
    reading = models().reading(find.clipping)
    for each in sorted(others, key=lambda other: -other.level.scale)[:_MOST_SIZES]:
        if not _is_unsure(reading):
            break
        other = models().reading(each.clipping)
        if _is_better(other, reading):
            reading = other
    return reading


def _is_better(reading: tuple[str, float], other: tuple[str, float]) -> bool:
    return reading[1] * len(reading[0]) > other[1] * len(other[0])


def _read(lines: Mapping[_Find, Sequence[_Find]], picture: NDArray[np.uint8]) -> tuple[Sighting, ...]:
    found = list(lines)
    chosen, size = found[:_MOST_READ], picture.shape
    readings = [_read_at_its_best(each, lines[each]) for each in chosen]
    own = [_letters(text) for text, _ in readings]
    corners = [_extended(each, furthest=_FURTHEST) for each in found]
    for turn in (_whole_line, _upended):
        unsure = [number for number, each in enumerate(chosen) if _is_worth_reading_again(readings[number], each, size)]
        again = [(number, turn(chosen[number], corners[number])) for number in unsure]
        clippings = [(number, clipping) for number, clipping in again if clipping is not None]
        for number, clipping in clippings:
            reading = models().reading(clipping)
            if _is_better(reading, readings[number]):
                readings[number] = reading
    for number, find in enumerate(chosen):
        if _letters(readings[number][0]) >= _WORD_LENGTH and _READABLE <= readings[number][1] < _SURE:
            alone = models().reading(_by_itself(find, picture))
            readings[number] = max(
                readings[number], alone, key=lambda reading: reading[1] * (_letters(reading[0]) >= _WORD_LENGTH)
            )
    cores = [_generous(each.corners) for each in chosen]
    for number, (text, score) in enumerate(readings):
        # Bright layers of tissue go on where a line ends: what was surely read, and reads no longer beyond, ends there;
        # so does a find that is nothing but lines surely read by themselves.
        others = [core for place, core in enumerate(cores) if place != number]
        if (score >= _SURE and _letters(text) <= own[number]) or share_covered(cores[number], others) >= _MADE_OF_LINES:
            corners[number] = _extended(found[number], furthest=_A_LITTLE)
    readings += [("", 0.0)] * (len(found) - len(readings))
    sightings = []
    for each, line, (text, score) in zip(found, corners, readings, strict=True):
        if not _is_writing(text, score, each.corners, short_side=min(size)):
            continue
        # One letter that fills its box is no piece of a longer line.
        is_letter = _letters(text) == 1 and _is_compact(each.corners)
        box = _generous(each.corners if is_letter else line).clipped(size[0], size[1])
        if box is not None:
            sightings.append(Sighting(box, text, score))
    return tuple(sightings)


def _read_surely(found: Sequence[_Find], size: tuple[int, ...], *, known: Sequence[Box]) -> Iterator[Sighting]:
    """What leans, or is as large as anatomy, where it is read: ribs and whole bodies look like it and say nothing."""
    black = list(known)
    for each in sorted(found, key=lambda find: -float(np.prod(np.ptp(find.corners, axis=0))))[:_MOST_ODD]:
        box = _generous(each.corners).clipped(size[0], size[1])
        if box is None or share_covered(box, black) >= _SAME:
            continue
        readings = [models().reading(clipping) for clipping in (each.clipping, each.clipping[::-1, ::-1])]
        text, score = max(readings, key=lambda reading: reading[1] * (_letters(reading[0]) > 1))
        if _letters(text) > 1 and score >= _READABLE:
            black.append(box)
            # What is not surely read of it is hardly the whole.
            yield Sighting(box, text, score, is_cut=score < _CERTAIN)


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _is_worth_reading_again(reading: tuple[str, float], find: _Find, size: tuple[int, ...]) -> bool:
    """Whether another reading can change what becomes of a find: a long line that counts as writing is blackened anyway."""
    if not _is_unsure(reading):
        return False
    return _letters(reading[0]) <= _MARKER_LENGTH or not _is_writing(*reading, find.corners, short_side=min(size))


def _is_unsure(reading: tuple[str, float]) -> bool:
    return reading[1] < _SURE or len(reading[0]) < _WORD_LENGTH


def _is_compact(corners: Corners) -> bool:
    thickness, length = sorted(np.ptp(corners, axis=0))
    return bool(length <= _COMPACT * thickness)


def _whole_line(find: _Find, corners: Corners) -> NDArray[np.uint8] | None:
    """The line as far as it goes on, when that is clearly further than the recogniser saw, and still one line."""
    thickness, length = sorted(np.ptp(corners, axis=0))
    if length < _CLEARLY_LONGER * np.ptp(find.corners, axis=0).max() or length > _LONGEST_LINE * thickness:
        return None
    (left, top), (right, bottom) = np.rint(corners * find.level.scale).astype(int)
    piece = find.level.picture[max(0, top) : bottom + 1, max(0, left) : right + 1]
    if not piece.size:
        return None
    shown = spread(piece)
    return shown if shown.shape[1] >= shown.shape[0] else np.rot90(shown, -1)


def _by_itself(find: _Find, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The line cut from the image alone: without what brought out the rest of its place, and as sharp as it is."""
    (left, top), (right, bottom) = find.corners.min(axis=0).astype(int), np.ceil(find.corners.max(axis=0)).astype(int)
    piece = spread(picture[max(0, top) : bottom + 1, max(0, left) : right + 1])
    return piece if piece.shape[1] >= piece.shape[0] else np.rot90(piece, -1)


def _upended(find: _Find, _corners: Corners) -> NDArray[np.uint8]:
    """Writing along an edge may stand on its head after turning; a marker, and a whole film, lies in any way."""
    return find.clipping[::-1, ::-1]


def _is_writing(text: str, confidence: float, corners: Corners, *, short_side: int) -> bool:
    """Whether a find is more than a shape that resembles a letter: a whole body is read as an 8 now and then."""
    letters = _letters(text)
    thickness, length = sorted(np.ptp(corners, axis=0))
    if letters >= _WORD_LENGTH and confidence >= _READABLE:
        return True
    if letters and confidence >= _SURE:
        # Vertebrae and bodies are read as one figure; two letters are surely read only where somebody wrote them.
        return bool(thickness <= _THICKEST_LETTER * short_side) or (letters > 1 and confidence >= _CERTAIN)
    is_line = length >= _LINE_SHAPE * thickness and thickness <= _THICKEST_LINE * short_side
    return bool(confidence >= _GUESSED and is_line)


def _extended(find: _Find, *, furthest: int) -> Corners:
    """Corners that follow the line as far as writing seems to go on at both ends, ``furthest`` times its thickness at most."""
    fired, size = find.level.fired, CELL / find.level.scale
    (left, top), (right, bottom) = find.corners.min(axis=0), find.corners.max(axis=0)
    is_lying = right - left >= bottom - top
    if not is_lying:
        fired, (left, right, top, bottom) = fired.T, (top, bottom, left, right)
    # The rim of a line is left aside, so that the next line does not count.
    rim = (bottom - top) / 4
    band = fired[int((top + rim) / size) : int(np.ceil((bottom - rim) / size))].mean(axis=0) >= _PARTLY
    cells = int(np.ceil(furthest * (bottom - top) / size))
    first, last = min(int(left / size), len(band)), min(int(np.ceil(right / size)), len(band))
    left = min(left, (first - _run(band[:first][::-1][:cells])) * size)
    right = max(right, (last + _run(band[last:][:cells])) * size)
    ends = [(left, top), (right, bottom)] if is_lying else [(top, left), (bottom, right)]
    return np.array(ends, dtype=np.float32)


def _run(marks: NDArray[np.bool_]) -> int:
    """How far marks go on from the beginning, small gaps bridged."""
    end = 0
    for position in np.flatnonzero(marks):
        if position - end > _BRIDGED:
            break
        end = int(position) + 1
    return end


def _generous(corners: Corners) -> Box:
    """The upright box around corners, a little longer and higher than they say."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    thickness = min(right - left, bottom - top)
    along, across = _ALONG * thickness + _AT_LEAST, _ACROSS * thickness + _AT_LEAST / 2
    is_lying = right - left >= bottom - top
    beside, above = (along, across) if is_lying else (across, along)
    first = np.maximum(0, np.floor([left - beside, top - above])).astype(int)
    last = np.ceil([right + beside, bottom + above]).astype(int)
    return Box(int(first[0]), int(first[1]), max(1, int(last[0] - first[0])), max(1, int(last[1] - first[1])))
