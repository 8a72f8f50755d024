"""Parameters of rendered resources (PS3.18 8.3.5) as one frozen value. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from radcommons.server.archive.errors import QueryInvalidError

MAX_VIEWPORT = 4096
_DEFAULT_QUALITY = 90
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?([eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"\d{1,6}")
_FUNCTIONS = frozenset({"linear", "linear-exact", "sigmoid"})


@dataclass(frozen=True, slots=True)
class RenderedQuery:
    """How a picture is wanted.

    Parameters
    ----------
    window
        Centre and width; None for the object's own.
    crop
        Left, top, width and height in pixels of the frame; None for all of it.
    size
        Box in which the picture must fit; None for the frame's own size.
    quality
        JPEG quality, 1 to 100.
    """

    window: tuple[float, float] | None = None
    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    quality: int = _DEFAULT_QUALITY


def parse_rendered(parameters: Mapping[str, str]) -> RenderedQuery:
    """Read ``window``, ``viewport`` and ``quality``; other parameters are of no concern here.

    Raises
    ------
    QueryInvalidError
        When one of them cannot be understood.
    """
    size, crop = _viewport(parameters.get("viewport"))
    return RenderedQuery(_window(parameters.get("window")), crop, size, _quality(parameters.get("quality")))


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) not in {2, 3} or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        raise QueryInvalidError("window must be centre,width,function (PS3.18 8.3.5.1.4).")
    if len(parts) == 3 and parts[2].lower().replace("_", "-") not in _FUNCTIONS:  # noqa: PLR2004
        raise QueryInvalidError("The function of window must be linear, linear-exact or sigmoid.")
    centre, width = float(parts[0]), float(parts[1])
    if not (math.isfinite(centre) and width > 0):
        raise QueryInvalidError("The width of window must be greater than zero.")
    return centre, width


def _viewport(text: str | None) -> tuple[tuple[int, int] | None, tuple[int, int, int, int] | None]:
    if text is None:
        return None, None
    parts = text.split(",")
    if len(parts) not in {2, 6} or not all(_WHOLE.fullmatch(part) or not part for part in parts):
        raise QueryInvalidError("viewport must be vw,vh or vw,vh,sx,sy,sw,sh (PS3.18 8.3.5.1.3).")
    numbers = [int(part) if part else 0 for part in parts]
    size = (min(numbers[0], MAX_VIEWPORT), min(numbers[1], MAX_VIEWPORT))
    if not all(size):
        raise QueryInvalidError("Width and height of viewport must be greater than zero.")
    if len(numbers) == 2:  # noqa: PLR2004
        return size, None
    if not (numbers[4] and numbers[5]):
        raise QueryInvalidError("Width and height of the part of viewport must be greater than zero.")
    return size, (numbers[2], numbers[3], numbers[4], numbers[5])


def _quality(text: str | None) -> int:
    if text is None:
        return _DEFAULT_QUALITY
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= 100:  # noqa: PLR2004
        raise QueryInvalidError("quality must be a whole number from 1 to 100.")
    return int(text)
