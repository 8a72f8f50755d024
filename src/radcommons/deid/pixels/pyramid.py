"""One picture at several sizes, with the places of interest of each: small writing and large look alike at some size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radcommons.deid.pixels.interest import Region, interest_map, regions_of
from radcommons.deid.pixels.sightings import Fine

_LARGE_SIDE = 1400
_SMALLEST_SIDE = 96
_LEAST_SIDE = 8


@dataclass(frozen=True, slots=True)
class Level:
    """The picture at one size.

    Parameters
    ----------
    picture
        Rows by columns.
    scale
        Pixels of it for one pixel of the image.
    fired, regions
        Where writing could be.
    fine
        What the picture was made of, where that has more pixels.
    """

    picture: NDArray[np.uint8]
    scale: float
    fired: NDArray[np.bool_]
    regions: tuple[Region, ...]
    fine: Fine | None = None


def levels_of(picture: NDArray[np.uint8], fine: Fine | None = None) -> Iterator[Level]:
    """A picture at full size (half when very large) and then at half the size before, as long as anything can be read."""
    scale = 1.0
    while min(picture.shape) * scale > _LARGE_SIDE:
        scale /= 2
    shown = picture if scale == 1 else resized(picture, scale)
    while True:
        if min(shown.shape) < (_SMALLEST_SIDE if scale < 1 else _LEAST_SIDE):
            return
        fired = interest_map(shown)
        regions = regions_of(fired, (shown.shape[0], shown.shape[1]))
        yield Level(shown, scale, fired, regions, fine if scale == 1 else None)
        scale /= 2
        shown = resized(shown, 0.5)


def resized(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """A picture at another size, averaged when smaller."""
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    kind = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, kind), dtype=np.uint8)
