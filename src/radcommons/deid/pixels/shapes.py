"""Finding letter-like shapes without a recogniser: the fallback when the extra ``ocr`` is not installed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.sightings import Sighting

_CELL = 8
_STEP = 60


class ShapeFinder:
    """Finds places with many steep edges side by side, as writing has; it cannot read, so it vouches for nothing."""

    name = "shapes"
    may_vouch = False

    def find(self, picture: NDArray[np.uint8]) -> Sequence[Sighting]:
        """Boxes around places that look like writing."""
        values = picture.astype(np.int16)
        edges = np.zeros(values.shape, dtype=np.bool_)
        edges[:, 1:] = np.abs(np.diff(values, axis=1)) > _STEP
        rows, columns = (side // _CELL * _CELL for side in edges.shape)
        cells = edges[:rows, :columns].reshape(rows // _CELL, _CELL, columns // _CELL, _CELL).sum(axis=(1, 3))
        return tuple(
            Sighting(Box(int(column) * _CELL, int(row) * _CELL, _CELL, _CELL))
            for row, column in np.argwhere(cells >= _CELL)
        )
