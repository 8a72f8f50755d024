"""The drawings of MD.ai's annotations, ``data`` of each, as outlines and back; points are (column, row) as in ``geometry``."""

from collections.abc import Iterator

from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline, Point, coordinate
from radcommons.transfer.annotation.untyped import Node, plain


def shapes_of_data(data: Node, geometry: Geometry, frame: FrameReference) -> Iterator[Outline]:
    """The outlines of one ``data`` object.

    Raises
    ------
    AnnotationFormatError
        When it is not what the geometry needs.
    """
    if data.has("foreground") or data.has("background"):
        for key in ("foreground", "background"):
            for polygon in data[key].each() if data.has(key) else ():
                yield Outline(Geometry.POLYGON, _points(polygon, 3), frame, is_hole=key == "background")
    elif geometry is Geometry.BOX:
        left, top, width, height = (coordinate(data[key]) for key in ("x", "y", "width", "height"))
        yield Outline(Geometry.BOX, ((left, top), (left + width, top + height)), frame)
    elif geometry is Geometry.POINT:
        yield Outline(Geometry.POINT, ((coordinate(data["x"]), coordinate(data["y"])),), frame)
    else:
        least = {Geometry.LINE: 2, Geometry.NONE: 1}.get(geometry, 3)
        if geometry is Geometry.NONE:
            raise data.wrong("is a drawing of a label that is not drawn")
        yield Outline(geometry, _points(data["vertices"], least), frame)


def _points(node: Node, least: int) -> tuple[Point, ...]:
    points = []
    for vertex in node.each(most=1_000_000):
        column_and_row = [coordinate(number) for number in vertex.each(most=2)]
        if len(column_and_row) != 2:  # noqa: PLR2004 - a point of a plane
            raise vertex.wrong("is not a pair of column and row")
        points.append((column_and_row[0], column_and_row[1]))
    if len(points) < least:
        raise node.wrong(f"has fewer than {least} points")
    return tuple(points)


def data_of_outlines(outlines: tuple[Outline, ...]) -> dict[str, object] | None:
    """The ``data`` object of the outlines of one image; several of them, or holes, become a mask of polygons."""
    if not outlines:
        return None
    first = outlines[0]
    if len(outlines) > 1 or first.is_hole:
        return {
            key: [_vertices(outline.points) for outline in outlines if outline.is_hole is is_hole]
            for key, is_hole in (("foreground", False), ("background", True))
        }
    if first.geometry is Geometry.BOX:
        (left, top), (right, bottom) = first.points
        numbers = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return {key: plain(value) for key, value in numbers.items()}
    if first.geometry is Geometry.POINT:
        return {"x": plain(first.points[0][0]), "y": plain(first.points[0][1])}
    return {"vertices": _vertices(first.points)}


def _vertices(points: tuple[Point, ...]) -> list[list[float]]:
    return [[plain(column), plain(row)] for column, row in points]
