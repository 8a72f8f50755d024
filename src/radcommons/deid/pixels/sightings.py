"""What a detector saw in a picture, and what a detector is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box

_GREY, _WHITE, _TINY = 2, 255.0, 1e-9


@dataclass(frozen=True, slots=True)
class Sighting:
    """Writing, or something like it, in one picture.

    Parameters
    ----------
    box
        Where, in pixels of the picture that was looked at.
    text
        What it seems to say; empty when nobody read it. Stays inside the hospital.
    confidence
        Of the reading, from 0 to 1.
    is_cut
        Whether its strokes go on beyond the box into something that is no letter, so that nobody knows where they end.
    is_noise
        Whether it was seen only where contrast that nobody sees was brought out, and not surely read: it may be noise.
    is_name
        Whether a part of a person's name in the header is read in it: then it is no marker. Li is a side in German.
    """

    box: Box
    text: str = ""
    confidence: float = 0.0
    is_cut: bool = False
    is_noise: bool = False
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Fine:
    """The stored values of a picture that was made smaller, for what is too small to be read in it.

    Parameters
    ----------
    values
        Rows by columns, or rows by columns by 3.
    factor
        How many of them lie along a pixel of the picture.
    """

    values: NDArray[np.generic]
    factor: int

    def piece(self, left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
        """What lies behind a place of the picture, from its lowest value, black, to its highest, white."""
        first, last = (top * self.factor, bottom * self.factor), (left * self.factor, right * self.factor)
        values = self.values[slice(*first), slice(*last)].astype(np.float32)
        grey = values if values.ndim == _GREY else values.mean(axis=-1)
        lowest, highest = (float(grey.min()), float(grey.max())) if grey.size else (0.0, 0.0)
        return ((grey - lowest) * (_WHITE / max(highest - lowest, _TINY))).astype(np.uint8)


class Detector(Protocol):
    """Something that finds writing in grey pictures.

    ``name`` is recorded with the verdict. ``may_vouch`` tells whether its silence is worth the verdict ``clean``.
    """

    name: str
    may_vouch: bool

    def find(
        self, picture: NDArray[np.uint8], *, known: Sequence[Box] = (), fine: Fine | None = None
    ) -> Sequence[Sighting]:
        """Boxes of writing in a picture, rows by columns, 0 black to 255 white; ``known`` need not be looked at again."""
        ...
