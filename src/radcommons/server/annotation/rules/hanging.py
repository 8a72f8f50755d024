"""What the reading page starts with: windows, how many panes, the pace of a cine. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from radcommons.server.annotation.errors import ProjectInvalidError

MOST_WINDOWS = 9
FASTEST_CINE = 60
_NAME_LENGTH = 40
_LARGEST = 1e6


class Layout(StrEnum):
    """How many panes, and of what."""

    ONE = "one"
    TWO = "two"
    PRIOR = "prior"


@dataclass(frozen=True, slots=True)
class Window:
    """A window preset, centre and width in units after the modality transformation (PS3.3 C.11.2.1.2)."""

    name: str
    center: float
    width: float

    def to_json(self) -> dict[str, object]:
        """The window as a plain mapping."""
        return {"name": self.name, "center": self.center, "width": self.width}


@dataclass(frozen=True, slots=True)
class Hanging:
    """A hanging protocol.

    Parameters
    ----------
    windows
        Presets beside those of the images; the first is what reading begins with.
    layout
        One pane, two series of the case side by side, or the earlier study beside it.
    cine_fps
        Images a second; 0 for what the images say.
    """

    windows: tuple[Window, ...] = ()
    layout: Layout = Layout.ONE
    cine_fps: float = 0.0

    def to_json(self) -> dict[str, object]:
        """What is not as usual, as a plain mapping."""
        found: dict[str, object] = {}
        if self.windows:
            found["windows"] = [window.to_json() for window in self.windows]
        if self.layout is not Layout.ONE:
            found["layout"] = self.layout.value
        if self.cine_fps:
            found["cine_fps"] = self.cine_fps
        return found

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "Hanging":
        """The protocol that somebody described.

        Raises
        ------
        ProjectInvalidError
            When a part is unknown or not as it must be.
        """
        if given.keys() - {"windows", "layout", "cine_fps"}:
            raise ProjectInvalidError("The reading page starts with windows, a layout, a cine_fps, and nothing else.")
        windows, layout, pace = given.get("windows", []), given.get("layout", Layout.ONE), given.get("cine_fps", 0)
        if layout not in set(Layout):
            raise ProjectInvalidError(f"The layout is one of: {', '.join(Layout)}.")
        if not _is_number(pace) or not 0 <= pace <= FASTEST_CINE:
            raise ProjectInvalidError(f"A cine runs at up to {FASTEST_CINE} images a second.")
        if not isinstance(windows, list) or len(windows) > MOST_WINDOWS:
            raise ProjectInvalidError(f"There are at most {MOST_WINDOWS} windows, one for each key.")
        return cls(tuple(_window(one) for one in windows), Layout(layout), float(pace))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _window(given: object) -> Window:
    values = given if isinstance(given, dict) and given.keys() == {"name", "center", "width"} else {}
    name, center, width = (values.get(key) for key in ("name", "center", "width"))
    is_sound = isinstance(name, str) and 0 < len(name.strip()) <= _NAME_LENGTH
    if not is_sound or not _is_number(center) or not _is_number(width):
        raise ProjectInvalidError("A window has a name, a center and a width.")
    if abs(float(center)) > _LARGEST or not 0 < float(width) <= _LARGEST:  # type: ignore[arg-type]
        raise ProjectInvalidError("The width of a window is larger than 0.")
    return Window(str(name).strip(), float(center), float(width))  # type: ignore[arg-type]


def windows_written(text: str) -> list[dict[str, object]]:
    """Windows as people write them, one a line: ``Lung | -600 | 1500``.

    Raises
    ------
    ProjectInvalidError
        When a line is no window.
    """
    found: list[dict[str, object]] = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if parts == [""]:
            continue
        try:
            name, center, width = parts
            found.append({"name": name, "center": float(center), "width": float(width)})
        except ValueError as error:
            raise ProjectInvalidError("Write each window as: name | centre | width.") from error
    return found
