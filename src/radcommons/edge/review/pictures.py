"""Drawing frames for the review page in limited processes; a frame that cannot be drawn is said to be so."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.isolation import LimitedPool
from radcommons.dicom.pixels import render_frame
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.review.subject import Picture, ShownSeries
from radcommons.edge.scan import Progress

SHEET_PIXELS = 176
CLOSE_UP_PIXELS = 1024
_QUALITY = 85
_NOT_DRAWABLE = Finding(
    Severity.WARNING,
    "edge.not-drawable",
    "frame",
    "The frame cannot be decoded and drawn here; look at it in a viewer.",
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture to make, with its longer side at most ``pixels``."""

    picture: Picture
    destination: Path
    pixels: int


def draw_pictures(
    out: OutFolder, series: Iterable[ShownSeries], *, processes: int, progress: Progress | None
) -> Mapping[str, int]:
    """Draw what is not there yet and remove what no page shows; returns findings by code."""
    wanted = {each.destination.name: each for each in _drawings(out, series)}
    folder = pictures_path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    missing = [each for each in wanted.values() if not each.destination.exists()]
    counts: dict[str, int] = {}
    with LimitedPool(draw, processes=processes) as pool:
        for done, (_, answer) in enumerate(pool.run(missing), start=1):
            for finding in (answer,) if isinstance(answer, Finding) else answer:
                counts[finding.code] = counts.get(finding.code, 0) + 1
            if progress is not None:
                progress("pictures", done, len(missing))
    return dict(sorted(counts.items()))


def pictures_path(out: OutFolder) -> Path:
    """The folder of the drawn pictures."""
    return out.page_path / "pictures"


def drawn_names(out: OutFolder) -> frozenset[str]:
    """The names of the pictures that exist."""
    folder = pictures_path(out)
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


def sheet_name(picture: Picture) -> str:
    """File name of a small picture."""
    return f"s-{picture.file_name}"


def close_up_name(picture: Picture) -> str:
    """File name of a picture large enough to read small writing."""
    return f"l-{picture.file_name}"


def draw(drawing: Drawing) -> tuple[Finding, ...]:
    """Draw one picture, or say why not; runs in a limited process."""
    try:
        rendered = render_frame(drawing.picture.path, drawing.picture.frame_index)
    except (RadCommonsError, OSError, ValueError):
        return (_NOT_DRAWABLE,)
    with Image.open(io.BytesIO(rendered)) as image:
        picture = image.convert("RGB" if image.mode not in {"L", "RGB"} else image.mode)
        picture.thumbnail((drawing.pixels, drawing.pixels))
        temporary = drawing.destination.with_suffix(".part")
        picture.save(temporary, format="JPEG", quality=_QUALITY)
    temporary.replace(drawing.destination)
    return ()


def _drawings(out: OutFolder, series: Iterable[ShownSeries]) -> Iterable[Drawing]:
    small = partial(Drawing, pixels=SHEET_PIXELS)
    large = partial(Drawing, pixels=CLOSE_UP_PIXELS)
    for each in series:
        for picture in each.sheet:
            yield small(picture, pictures_path(out) / sheet_name(picture))
        for picture in each.close_ups:
            yield large(picture, pictures_path(out) / close_up_name(picture))
