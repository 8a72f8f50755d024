"""What a detector saw in a picture, and what a detector is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box


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
    """

    box: Box
    text: str = ""
    confidence: float = 0.0
    is_cut: bool = False


class Detector(Protocol):
    """Something that finds writing in grey pictures.

    ``name`` is recorded with the verdict. ``may_vouch`` tells whether its silence is worth the verdict ``clean``.
    """

    name: str
    may_vouch: bool

    def find(self, picture: NDArray[np.uint8], *, known: Sequence[Box] = ()) -> Sequence[Sighting]:
        """Boxes of writing in a picture, rows by columns, 0 black to 255 white; ``known`` need not be looked at again."""
        ...
