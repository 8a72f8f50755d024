"""Finding lines of letter-like shapes without a recogniser: the fallback when the extra ``ocr`` is not installed.

It finds most writing and much else, and it cannot read: what it saw is blackened, and a person looks at every object.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box, share_covered
from radcommons.deid.pixels.interest import BORDER, Region
from radcommons.deid.pixels.pyramid import levels_of
from radcommons.deid.pixels.sightings import Fine, Sighting

_LEAST_FILL = 0.3
_THICKEST = 0.15
_LEAST_SHAPE = 1.3
_SAME = 0.8


class ShapeFinder:
    """Finds places with many steep rises and falls side by side, as writing has; it vouches for nothing."""

    name = "shapes"
    may_vouch = False

    def find(
        self, picture: NDArray[np.uint8], *, known: Sequence[Box] = (), fine: Fine | None = None
    ) -> Sequence[Sighting]:
        """Boxes around places that look like lines of writing; they cost so little that all are looked for again."""
        del known, fine
        found: list[Sighting] = []
        for level in levels_of(picture):
            for region in level.regions:
                box = _box(region, level.scale).clipped(*picture.shape)
                if box is None or not _is_line(region, min(level.picture.shape)):
                    continue
                if share_covered(box, [each.box for each in found]) < _SAME:
                    found.append(Sighting(box))
        return tuple(found)


def _is_line(region: Region, short_side: int) -> bool:
    thickness, length = sorted((region.width, region.height))
    is_thin = thickness - BORDER <= _THICKEST * short_side
    return region.fill >= _LEAST_FILL and is_thin and length >= _LEAST_SHAPE * thickness


def _box(region: Region, scale: float) -> Box:
    left, top = int(region.left / scale), int(region.top / scale)
    return Box(left, top, max(1, round(region.right / scale) - left), max(1, round(region.bottom / scale) - top))
