"""Where on an image something was drawn: outlines, and masks as run lengths, in the coordinates of one frame.

**Image coordinates.** A point is (column, row) in pixels, continuous. The outer corner of the top-left pixel is (0, 0), its
*centre* is (0.5, 0.5), and the opposite corner of the image is (columns, rows). This is the convention of graphic data in
DICOM reports (PS3.3 C.18.6.1.2), of MD.ai and of COCO, so their numbers are taken over unchanged. Formats that count from
pixel centres (indices, LIDC, the patient coordinates of PS3.3 C.7.6.2.1.1) add or subtract :data:`HALF_PIXEL`; only this
package's codecs do so, each once.

**Masks.** A pixel belongs to an outline when its centre lies inside (even-odd rule; see ``raster``). A mask is exact: run
lengths over rows from the top, each row from the left, beginning with the number of pixels *outside*.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.untyped import Node, plain

HALF_PIXEL = 0.5
# Tools that draw round to this part of a pixel: then every format keeps the points exactly, 32-bit floats of reports included.
GRID = 1 / 64
MOST_POINTS = 100_000
LARGEST_FRAME_NUMBER = 2**31 - 1
FARTHEST = 2**17


class Geometry(StrEnum):
    """How a label is drawn."""

    NONE = "none"
    BOX = "box"
    POLYGON = "polygon"
    FREEHAND = "freehand"
    MASK = "mask"
    LINE = "line"
    POINT = "point"
    ANGLE = "angle"
    ELLIPSE = "ellipse"


# How many points a drawing has: least, most.
POINTS_OF = {
    Geometry.BOX: (2, 2),
    Geometry.POLYGON: (3, MOST_POINTS),
    Geometry.FREEHAND: (3, MOST_POINTS),
    Geometry.LINE: (2, MOST_POINTS),
    Geometry.POINT: (1, 1),
    Geometry.ANGLE: (3, 3),
    Geometry.ELLIPSE: (4, 4),
}
CONTOURS = frozenset({Geometry.POLYGON, Geometry.FREEHAND})
AREAS = CONTOURS | {Geometry.BOX, Geometry.MASK, Geometry.ELLIPSE}

Point = tuple[float, float]


def uid_of(node: Node) -> str:
    """A UID as strangers write them: digits and dots, at most 64 characters."""
    found = node.name()
    if not is_harmless_uid(found):
        raise node.wrong("is not a UID")
    return found


@dataclass(frozen=True, slots=True, order=True)
class FrameReference:
    """One frame of one image; ``frame_number`` counts from 1, as in DICOM."""

    sop_instance_uid: str
    frame_number: int = 1

    def to_json(self) -> dict[str, object]:
        """The reference as a plain mapping."""
        return {"frame_number": self.frame_number, "sop_instance_uid": self.sop_instance_uid}

    @classmethod
    def from_json(cls, node: Node) -> "FrameReference":
        """Read what :meth:`to_json` wrote; ``frame_number`` may be left out."""
        node.fields({"frame_number", "sop_instance_uid"})
        number = node.get("frame_number", lambda found: found.whole(least=1, most=LARGEST_FRAME_NUMBER), 1)
        return cls(uid_of(node["sop_instance_uid"]), number)


@dataclass(frozen=True, slots=True)
class Outline:
    """Points drawn on one frame.

    Parameters
    ----------
    geometry
        Anything but ``none`` and ``mask``.
    points
        (column, row) in image coordinates. A box has two opposite corners, top left first; an angle its arm, its vertex,
        its other arm; an ellipse the two ends of its major and then of its minor axis, as in PS3.3 C.18.6.1.2. Areas are
        closed without repeating the first point.
    frame
        The frame it was drawn on.
    is_hole
        Whether the area is cut out of the other areas of the same item on that frame.
    is_interpolated
        Whether a program put it between two outlines that a person drew.
    """

    geometry: Geometry
    points: tuple[Point, ...]
    frame: FrameReference
    is_hole: bool = False
    is_interpolated: bool = False

    def to_json(self) -> dict[str, object]:
        """The outline as a plain mapping."""
        return {
            "frame": self.frame.to_json(),
            "geometry": self.geometry.value,
            "is_hole": self.is_hole,
            "is_interpolated": self.is_interpolated,
            "points": [[plain(column), plain(row)] for column, row in self.points],
        }


@dataclass(frozen=True, slots=True)
class FrameMask:
    """A mask of one frame, exact to the pixel.

    Parameters
    ----------
    frame
        The frame it covers.
    rows, columns
        Size of the frame in pixels.
    runs
        Lengths of alternating runs in row-major order, the first one outside (it may be 0); they add up to rows × columns.
    """

    frame: FrameReference
    rows: int
    columns: int
    runs: tuple[int, ...]

    @property
    def pixel_count(self) -> int:
        """How many pixels are inside."""
        return sum(self.runs[1::2])

    def to_json(self) -> dict[str, object]:
        """The mask as a plain mapping."""
        return {
            "columns": self.columns,
            "frame": self.frame.to_json(),
            "geometry": Geometry.MASK.value,
            "rows": self.rows,
            "runs": list(self.runs),
        }


Shape = Outline | FrameMask


def shape_from_json(node: Node) -> Shape:
    """Read what ``to_json`` of an outline or a mask wrote.

    Raises
    ------
    AnnotationFormatError
        When something is missing, unknown, of the wrong type, or impossible for its geometry.
    """
    geometry = node["geometry"].choice(Geometry)
    if geometry is Geometry.MASK:
        return _mask_from_json(node)
    if geometry is Geometry.NONE:
        raise node.wrong("has a shape without geometry")
    node.fields({"geometry", "points", "frame", "is_hole", "is_interpolated"})
    least, most = POINTS_OF[geometry]
    points = tuple(_point(found) for found in node["points"].each(most=most))
    if len(points) < least:
        raise node["points"].wrong(f"has fewer than {least} points")
    return Outline(
        geometry,
        points,
        FrameReference.from_json(node["frame"]),
        node.get("is_hole", Node.flag, default=False),
        node.get("is_interpolated", Node.flag, default=False),
    )


def coordinate(node: Node) -> float:
    """A column or a row; frames have up to 65,535 of each, and what lies far outside is none (PS3.5, VR US).

    Raises
    ------
    AnnotationFormatError
        When it is no number, or lies far outside of any image.
    """
    found = node.number()
    if abs(found) > FARTHEST:
        raise node.wrong("lies outside of any image")
    return found


def _point(node: Node) -> Point:
    column_and_row = [coordinate(found) for found in node.each(most=2)]
    if len(column_and_row) != 2:  # noqa: PLR2004 - a point of a plane
        raise node.wrong("is not a pair of column and row")
    return column_and_row[0], column_and_row[1]


def _mask_from_json(node: Node) -> FrameMask:
    node.fields({"geometry", "frame", "rows", "columns", "runs"})
    rows, columns = (node[key].whole(least=1, most=2**16 - 1) for key in ("rows", "columns"))
    runs = tuple(found.whole(least=0) for found in node["runs"].each(most=rows * columns + 1))
    if sum(runs) != rows * columns:
        raise node["runs"].wrong("does not cover the frame exactly")
    if any(length == 0 for length in runs[1:]):
        raise node["runs"].wrong("has an empty run after the first")
    return FrameMask(FrameReference.from_json(node["frame"]), rows, columns, runs)


def on_grid(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Points moved to the nearest 64th of a pixel."""
    return tuple((round(column / GRID) * GRID, round(row / GRID) * GRID) for column, row in points)


def bounding_box(points: tuple[Point, ...]) -> tuple[Point, Point]:
    """The top-left and bottom-right corners of the smallest upright box around points."""
    columns, rows = zip(*points, strict=True)
    return (min(columns), min(rows)), (max(columns), max(rows))


def area_pixels(points: tuple[Point, ...]) -> float:
    """The area of a closed polygon in square pixels (shoelace formula); never negative."""
    closed = (*points, points[0])
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(closed))) / 2
