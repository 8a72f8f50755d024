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
_SIGNED = re.compile(r"-?\d{1,6}(\.\d{1,6})?")
ANNOTATIONS = ("patient", "technique")
_FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}


@dataclass(frozen=True, slots=True)
class RenderedQuery:
    """How a picture is wanted.

    Parameters
    ----------
    window, function
        Centre and width, and the VOI LUT Function for them; None and empty for the object's own.
    crop
        Left, top, width and height in pixels of the frame; None for all of it.
    size
        Box in which the picture must fit; None for the frame's own size.
    quality
        JPEG quality, 1 to 100.
    flip
        Whether the picture is mirrored from left to right, and from top to bottom.
    annotations
        What is written into the picture, of :data:`ANNOTATIONS`.
    """

    window: tuple[float, float] | None = None
    function: str = ""
    crop: tuple[int, int, int, int] | None = None
    size: tuple[int, int] | None = None
    quality: int = _DEFAULT_QUALITY
    flip: tuple[bool, bool] = (False, False)
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Viewport:
    size: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    flip: tuple[bool, bool] = (False, False)


def parse_rendered(parameters: Mapping[str, str]) -> RenderedQuery:
    """Read ``window``, ``viewport``, ``quality`` and ``annotation``; other parameters are of no concern here.

    Raises
    ------
    QueryInvalidError
        When one of them cannot be understood.
    """
    viewport = _viewport(parameters.get("viewport"))
    return RenderedQuery(
        *_window(parameters.get("window")),
        crop=viewport.crop,
        size=viewport.size,
        quality=_quality(parameters.get("quality")),
        flip=viewport.flip,
        annotations=_annotations(parameters.get("annotation")),
    )


def parse_thumbnail(parameters: Mapping[str, str]) -> tuple[int, int] | None:
    """The box in which a thumbnail must fit, of ``viewport=vw,vh``; None for the usual size. Raises as :func:`parse_rendered`."""
    viewport = _viewport(parameters.get("viewport"))
    if viewport.crop is not None:
        raise QueryInvalidError("The viewport of a thumbnail is its width and height, vw,vh; it shows the whole image.")
    return viewport.size


def _annotations(text: str | None) -> tuple[str, ...]:
    wanted = {part.strip().lower() for part in (text or "").split(",") if part.strip()}
    if not wanted <= set(ANNOTATIONS):
        raise QueryInvalidError("annotation must be patient, technique or both (PS3.18 8.3.5.1.1).")
    return tuple(name for name in ANNOTATIONS if name in wanted)


def _window(text: str | None) -> tuple[tuple[float, float] | None, str]:
    if text is None:
        return None, ""
    parts = text.split(",")
    if len(parts) not in {2, 3} or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        raise QueryInvalidError("window must be centre,width,function (PS3.18 8.3.5.1.4).")
    name = "".join(parts[2:]).lower().replace("_", "-")
    if parts[2:] and name not in _FUNCTIONS:
        raise QueryInvalidError("The function of window must be linear, linear-exact or sigmoid.")
    centre, width = map(float, parts[:2])
    if not (math.isfinite(centre) and width > 0):
        raise QueryInvalidError("The width of window must be greater than zero.")
    return (centre, width), _FUNCTIONS.get(name, "")


def _viewport(text: str | None) -> _Viewport:
    if text is None:
        return _Viewport()
    parts = text.split(",")
    whole = parts[:2]
    if len(parts) not in {2, 6} or not all(_WHOLE.fullmatch(part) for part in whole):
        raise QueryInvalidError("viewport must be vw,vh or vw,vh,sx,sy,sw,sh (PS3.18 8.3.5.1.3).")
    if not all(_SIGNED.fullmatch(part) or not part for part in parts[2:]):
        raise QueryInvalidError("The part of viewport must be four numbers.")
    width, height = (min(int(part), MAX_VIEWPORT) for part in whole)
    if not (width and height):
        raise QueryInvalidError("Width and height of viewport must be greater than zero.")
    if len(parts) == 2:  # noqa: PLR2004
        return _Viewport((width, height))
    left, top, across, down = (round(float(part)) if part else 0 for part in parts[2:])
    if left < 0 or top < 0 or not (across and down):
        raise QueryInvalidError("The part of viewport must lie in the image and have a width and a height.")
    # A negative width or height mirrors the picture.
    return _Viewport((width, height), (left, top, abs(across), abs(down)), (across < 0, down < 0))


def _quality(text: str | None) -> int:
    if text is None:
        return _DEFAULT_QUALITY
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= 100:  # noqa: PLR2004
        raise QueryInvalidError("quality must be a whole number from 1 to 100.")
    return int(text)
