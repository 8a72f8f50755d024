"""The XML of the Lung Image Database Consortium: up to four radiologists on one CT, as readings of the past.

**Coordinates.** An edge map lists pixels by whole indices from 0 (xCoord the column, yCoord the row). Here a pixel index is
the point of its centre: index + 0.5 in image coordinates (``geometry.HALF_PIXEL``), and an outline runs through the centres
of the listed pixels. The slice is the one whose ``imageSOP_UID`` is named; ``imageZposition`` is kept and never used to look
for a slice.

**Border.** LIDC's outline is an outer border: its pixels are the first ones outside the nodule and do not belong to it (S. G.
Armato et al., Medical Physics 38:915, 2011, DOI 10.1118/1.3528204, on the outlining of nodules ≥ 3 mm; the consortium's reader
instructions and XML documentation at wiki.cancerimagingarchive.net tell of full contours without saying it). On LIDC-IDRI-0001
the listed pixels are darker than the pixels just inside them (median −505 against −350 HU) and brighter than those just
outside (−633). :func:`nodule_pixels` therefore takes what lies strictly inside an outline. With inclusion FALSE the same area is
cut out.

**Objects.** A nodule of 3 mm or more has outlines and nine characteristics; a smaller one is a single point without them; a
non-nodule is a point. Readers of the unblinded read are kept apart and numbered in the order of the file, because sites
removed or reused their codes.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.codes import code
from radcommons.transfer.annotation.documents import open_xml
from radcommons.transfer.annotation.geometry import HALF_PIXEL, FrameReference, Geometry, Outline, Point
from radcommons.transfer.annotation.raster import Mask, polygon_pixels
from radcommons.transfer.annotation.record import Item, Method, Reading, Target
from radcommons.transfer.annotation.schema import (
    Choice,
    Label,
    LabelGroup,
    LabelSchema,
    Scope,
    ValueKind,
    ValueRule,
)
from radcommons.transfer.annotation.untyped import AnnotationFormatError

_ROOT = "LidcReadMessage"
_MOST_SESSIONS = 64
_LARGEST_INDEX = 2**16
_LEAST_OUTLINE = 3
_FLAG = ValueRule(ValueKind.FLAG)
# Grades of each characteristic as LIDC names them, from 1.
CHARACTERISTICS = {
    "subtlety": ("Extremely subtle", "Moderately subtle", "Fairly subtle", "Moderately obvious", "Obvious"),
    "internalStructure": ("Soft tissue", "Fluid", "Fat", "Air"),
    "calcification": ("Popcorn", "Laminated", "Solid", "Non-central", "Central", "Absent"),
    "sphericity": ("Linear", "Ovoid to linear", "Ovoid", "Ovoid to round", "Round"),
    "margin": ("Poorly defined", "Near poorly defined", "Medium margin", "Near sharp", "Sharp"),
    "lobulation": ("No lobulation", "Nearly none", "Medium lobulation", "Near marked", "Marked"),
    "spiculation": ("No spiculation", "Nearly none", "Medium spiculation", "Near marked", "Marked"),
    "texture": ("Non-solid, ground glass", "Non-solid to mixed", "Part solid, mixed", "Solid to mixed", "Solid"),
    "malignancy": (
        "Highly unlikely",
        "Moderately unlikely",
        "Indeterminate",
        "Moderately suspicious",
        "Highly suspicious",
    ),
}
_UNORDERED = frozenset({"internalStructure", "calcification"})


def _characteristic(name: str, grades: tuple[str, ...]) -> Label:
    choices = tuple(Choice(str(grade), meaning) for grade, meaning in enumerate(grades, start=1))
    rule = ValueRule(ValueKind.ONE_OF, choices, is_ordered=name not in _UNORDERED)
    return Label(name, name[0].upper() + name[1:], Scope.REGION, rule, parent="nodule")


LIDC_SCHEMA = LabelSchema(
    "lidc-idri",
    1,
    "LIDC-IDRI: lung nodules",
    (
        LabelGroup(
            "objects",
            "Objects",
            (
                Label("nodule", "Nodule ≥ 3 mm", Scope.REGION, _FLAG, Geometry.FREEHAND, codes=(code("nodule"),)),
                Label("small_nodule", "Nodule < 3 mm", Scope.REGION, _FLAG, Geometry.POINT, codes=(code("nodule"),)),
                Label("non_nodule", "Non-nodule ≥ 3 mm", Scope.REGION, _FLAG, Geometry.POINT),
            ),
        ),
        LabelGroup(
            "characteristics",
            "Characteristics of a nodule",
            tuple(_characteristic(name, grades) for name, grades in CHARACTERISTICS.items()),
        ),
    ),
    "Objects and characteristics of the Lung Image Database Consortium (Armato et al., DOI 10.1118/1.3528204).",
    ("CT",),
)


@dataclass(frozen=True, slots=True)
class LidcReads:
    """One XML file.

    Parameters
    ----------
    study_instance_uid, series_instance_uid
        What was read; "" where the file does not say.
    readings
        One a radiologist, in the order of the file.
    findings
        What was odd.
    """

    study_instance_uid: str
    series_instance_uid: str
    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]


def read_lidc(data: bytes) -> LidcReads:
    """Read the XML of one CT.

    Raises
    ------
    AnnotationFormatError
        When it is not XML, not LIDC's, or names no study and series.
    """
    root = open_xml(data)
    # The consortium's own files say http://www.nih.gov; copies of them say it otherwise, or nothing.
    space, name = root.tag[: -len(_ROOT)], root.tag[-len(_ROOT) :]
    if name != _ROOT or (space and not space.endswith("}")):
        raise AnnotationFormatError("document", f"is no {_ROOT}, which is what LIDC's XML of a CT begins with")
    reader = _Reader(space)
    header = root.find(f"{space}ResponseHeader")
    study, series = (
        _text(header.find(f"{space}{name}")) if header is not None else ""
        for name in ("StudyInstanceUID", "SeriesInstanceUid")
    )
    if not is_harmless_uid(study) or not is_harmless_uid(series):
        raise AnnotationFormatError("ResponseHeader", "names no study and series by UID")
    sessions = root.findall(f"{space}readingSession")
    if len(sessions) > _MOST_SESSIONS:
        raise AnnotationFormatError("document", f"has more than {_MOST_SESSIONS} reading sessions")
    target = Target(study, series)
    readings = tuple(reader.reading(session, number, target) for number, session in enumerate(sessions, start=1))
    return LidcReads(study, series, readings, tuple(reader.findings))


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


class _Reader:
    """Reads the sessions of one file and collects what was odd."""

    def __init__(self, space: str) -> None:
        self._space = space
        self.findings: list[Finding] = []

    def _value(self, parent: Element, name: str) -> str:
        return _text(parent.find(f"{self._space}{name}"))

    def _odd(self, code_name: str, where: str, message: str) -> None:
        self.findings.append(Finding(Severity.WARNING, code_name, where, message))

    def reading(self, session: Element, number: int, target: Target) -> Reading:
        """What one radiologist said."""
        items: list[Item] = []
        for index, element in enumerate(session.findall(f"{self._space}unblindedReadNodule")):
            items += self._nodule(
                element, f"nodule-{index + 1}", f"readingSession[{number}].nodule[{index + 1}]", target
            )
        for index, element in enumerate(session.findall(f"{self._space}nonNodule")):
            place = f"readingSession[{number}].nonNodule[{index + 1}]"
            items += self._non_nodule(element, f"non-nodule-{index + 1}", place, target)
        return Reading(
            f"lidc.{target.series_instance_uid}.{number}",
            target.study_instance_uid,
            f"lidc-reader-{number}",
            Method.RETROSPECTIVE_EXPERT,
            LIDC_SCHEMA.reference,
            tuple(items),
            is_nothing_found=not items,
        )

    def _nodule(self, element: Element, item_id: str, where: str, target: Target) -> Iterator[Item]:
        outlines = [self._outline(roi, where) for roi in element.findall(f"{self._space}roi")]
        drawn = [outline for outline in outlines if outline is not None]
        if not drawn:
            self._odd(
                "annotation.lidc-no-outline", where, "The nodule has no outline that can be read; it is left out."
            )
            return
        foreign = self._foreign(element, "noduleID")
        if all(outline.geometry is Geometry.POINT for outline in drawn):
            if len(drawn) > 1:
                self._odd(
                    "annotation.lidc-several-points",
                    where,
                    "A small nodule has points on several slices; all are kept.",
                )
            yield Item(item_id, "small_nodule", target, value=True, shapes=tuple(drawn), foreign=foreign)
            return
        areas = tuple(outline for outline in drawn if outline.geometry is Geometry.FREEHAND)
        if len(areas) != len(drawn):
            self._odd(
                "annotation.lidc-short-outline",
                where,
                "Outlines of one or two pixels enclose nothing and are left out.",
            )
        # Areas first: what inclusion FALSE cuts is cut from all of them.
        ordered = tuple(sorted(areas, key=lambda outline: outline.is_hole))
        yield Item(item_id, "nodule", target, value=True, shapes=ordered, foreign=foreign)
        yield from self._characteristics(element, item_id, where, target)

    def _characteristics(self, element: Element, item_id: str, where: str, target: Target) -> Iterator[Item]:
        found = element.find(f"{self._space}characteristics")
        for name, grades in CHARACTERISTICS.items():
            value = self._value(found, name) if found is not None else ""
            if value in {str(grade) for grade in range(1, len(grades) + 1)}:
                yield Item(f"{item_id}.{name}", name, target, value, about=item_id)
            elif value:
                self._odd(
                    "annotation.lidc-grade", f"{where}.{name}", "The grade is outside LIDC's scale; it is left out."
                )

    def _non_nodule(self, element: Element, item_id: str, where: str, target: Target) -> Iterator[Item]:
        locus = element.find(f"{self._space}locus")
        frame = self._frame(element)
        point = self._point(locus) if locus is not None else None
        if frame is None or point is None:
            self._odd(
                "annotation.lidc-no-outline", where, "The non-nodule has no place that can be read; it is left out."
            )
            return
        shape = Outline(Geometry.POINT, (point,), frame)
        yield Item(
            item_id, "non_nodule", target, value=True, shapes=(shape,), foreign=self._foreign(element, "nonNoduleID")
        )

    def _foreign(self, element: Element, name: str) -> str:
        heights = [_text(found) for found in element.iter(f"{self._space}imageZposition")]
        return json.dumps({"id": self._value(element, name), "z_mm": heights}, separators=(",", ":"))

    def _frame(self, element: Element) -> FrameReference | None:
        uid = self._value(element, "imageSOP_UID")
        return FrameReference(uid) if is_harmless_uid(uid) else None

    def _outline(self, roi: Element, where: str) -> Outline | None:
        frame = self._frame(roi)
        points = [self._point(edge) for edge in roi.findall(f"{self._space}edgeMap")]
        if frame is None or not points or None in points:
            self._odd(
                "annotation.lidc-roi",
                where,
                "An outline names no image or has a pixel that cannot be read; it is left out.",
            )
            return None
        read = tuple(point for point in points if point is not None)
        # Most outlines repeat their first pixel at the end; ours are closed without.
        closed = read[:-1] if len(read) > 1 and read[0] == read[-1] else read
        is_hole = self._value(roi, "inclusion").upper() == "FALSE"
        geometry = Geometry.FREEHAND if len(closed) >= _LEAST_OUTLINE else Geometry.POINT
        return Outline(geometry, closed if geometry is Geometry.FREEHAND else closed[:1], frame, is_hole=is_hole)

    def _point(self, element: Element) -> Point | None:
        column, row = self._value(element, "xCoord"), self._value(element, "yCoord")
        if not (column.isascii() and column.isdigit() and row.isascii() and row.isdigit()):
            return None
        if max(int(column[:9]), int(row[:9])) >= _LARGEST_INDEX:
            return None
        return int(column) + HALF_PIXEL, int(row) + HALF_PIXEL


def nodule_pixels(outlines: Iterable[Outline], rows: int, columns: int) -> Mask:
    """The pixels of a nodule on one slice: strictly inside its outlines, without what is strictly inside its holes."""
    found = np.zeros((rows, columns), dtype=bool)
    for outline in sorted(outlines, key=lambda outline: outline.is_hole):
        inside = polygon_pixels(outline.points, rows, columns) & ~_border_pixels(outline.points, rows, columns)
        found = found & ~inside if outline.is_hole else found | inside
    return found


def _border_pixels(points: tuple[Point, ...], rows: int, columns: int) -> Mask:
    """The pixels whose centres lie on a closed outline that runs through pixel centres."""
    border = np.zeros((rows, columns), dtype=bool)
    for (column, row), (next_column, next_row) in zip(points, points[1:] + points[:1], strict=True):
        here = int(column - HALF_PIXEL), int(row - HALF_PIXEL)
        step = int(next_column - column), int(next_row - row)
        parts = math.gcd(*step)
        for part in range(max(parts, 1)):
            x, y = here[0] + step[0] * part // max(parts, 1), here[1] + step[1] * part // max(parts, 1)
            if 0 <= x < columns and 0 <= y < rows:
                border[y, x] = True
    return border
