"""The text recogniser behind the extra ``ocr``: RapidOCR's models, which come inside its wheel; nothing is fetched.

One processor thread; loading takes about 0.8 s, so a process loads it once. A picture of 0.7 million pixels needs about
350 MiB beside the interpreter: :data:`MEMORY_BYTES` is what a limited child should be allowed.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.sightings import Sighting

MEMORY_BYTES = 1_400 * 2**20
_PACKAGE = "rapidocr_onnxruntime"
_LOWEST_SCORE = 0.4


def is_available() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


@cache
def _engine() -> Any:
    package = importlib.import_module(_PACKAGE)
    return package.RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1, use_cls=False)


class TextRecogniser:
    """Finds writing in grey pictures and reads it."""

    name = "rapidocr"
    may_vouch = True

    def find(self, picture: NDArray[np.uint8]) -> Sequence[Sighting]:
        """Boxes of writing in a picture, with what they seem to say."""
        engine = _engine()
        colors = np.repeat(picture[:, :, None], 3, axis=2)
        corners, _ = engine.text_det(colors)
        if corners is None or not len(corners):
            return ()
        readings, _ = engine.text_rec(engine.get_crop_img_list(colors, list(corners)))
        return tuple(
            Sighting(_upright(each), str(text), float(score))
            for each, (text, score, *_) in zip(corners, readings, strict=True)
        )


def _upright(corners: NDArray[np.generic]) -> Box:
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return Box(int(left), int(top), max(1, int(right - left)), max(1, int(bottom - top)))
