"""A schema with a label of every kind, readings that answer it, and the headers of a small CT for them."""

from pydicom import Dataset

from radcommons.transfer.annotation.codes import code
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, Target
from radcommons.transfer.annotation.schema import (
    Choice,
    Condition,
    Example,
    Label,
    LabelGroup,
    LabelSchema,
    Scope,
    ValueKind,
    ValueRule,
)

STUDY, SERIES = "2.25.11", "2.25.22"
IMAGE = "2.25.102"
FLAG = ValueRule(ValueKind.FLAG)
DRAWN = [geometry for geometry in Geometry if geometry is not Geometry.NONE]

EVERY_KIND = LabelSchema(
    "every-kind",
    3,
    "Every kind",
    (
        LabelGroup(
            "regions",
            "Regions",
            (
                *(
                    Label(kind.value, kind.value.capitalize(), Scope.REGION, FLAG, kind, color="#12ab34")
                    for kind in DRAWN
                ),
                Label(
                    "texture", "Texture", Scope.REGION, ValueRule(ValueKind.ONE_OF, (Choice("x", "X"),)), parent="box"
                ),
            ),
        ),
        LabelGroup(
            "answers",
            "Answers",
            (
                Label(
                    "one_with_a_long_name",
                    "One of several",
                    Scope.STUDY,
                    ValueRule(
                        ValueKind.ONE_OF,
                        (Choice("a_rather_long_choice", "A", score=0), Choice("b", "B", "help", 1, (code("mild"),))),
                        is_ordered=True,
                    ),
                    codes=(code("image_quality"),),
                    examples=(Example("0" * 64, "So"),),
                    is_required=True,
                ),
                Label("many", "Many", Scope.SERIES, ValueRule(ValueKind.MANY_OF, (Choice("a", "A"), Choice("b", "B")))),
                Label("whole", "Whole", Scope.INSTANCE, ValueRule(ValueKind.INTEGER, minimum=0, maximum=24)),
                Label(
                    "number",
                    "Number",
                    Scope.STUDY,
                    ValueRule(ValueKind.NUMBER, minimum=-1, unit=code("millimeter")),
                    required_if=(Condition("one_with_a_long_name", ("b",)),),
                ),
                Label("text", "Text", Scope.STUDY, ValueRule(ValueKind.TEXT)),
                Label(
                    "sum",
                    "Sum",
                    Scope.STUDY,
                    ValueRule(ValueKind.INTEGER, minimum=0, maximum=1),
                    sum_of_products=(("one_with_a_long_name",),),
                ),
            ),
        ),
    ),
    "For tests",
    ("CT",),
)

POINTS = {
    Geometry.BOX: ((1.5, 2.0), (10.0, 20.0)),
    Geometry.POLYGON: ((0.0, 0.0), (5.0, 0.015625), (3.0, 8.0)),
    Geometry.FREEHAND: ((0.0, 0.0), (5.0, 0.0), (3.0, 8.0), (2.0, 2.0)),
    Geometry.LINE: ((0.0, 0.0), (1.0, 1.0)),
    Geometry.POINT: ((3.0, 3.0),),
    Geometry.ANGLE: ((0.0, 0.0), (1.0, 1.0), (2.0, 0.0)),
    Geometry.ELLIPSE: ((0.0, 5.0), (10.0, 5.0), (5.0, 3.0), (5.0, 7.0)),
}
TO_STUDY, TO_SERIES, TO_IMAGE = Target(STUDY), Target(STUDY, SERIES), Target(STUDY, SERIES, IMAGE, 1)


def outline(geometry, points=None, *, uid=IMAGE, is_hole=False, is_interpolated=False):
    return Outline(geometry, points or POINTS[geometry], FrameReference(uid), is_hole, is_interpolated)


def full_reading():
    """A finished reading with an answer to every label but the mask, notes in other scripts, and a hole."""
    drawn = [
        Item(f"i-{kind.value}", kind.value, TO_IMAGE, value=True, shapes=(outline(kind),), note='Öde\\m "x" 肺')
        for kind in POINTS
    ]
    ring = (
        outline(Geometry.POLYGON, ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))),
        outline(Geometry.POLYGON, ((4.0, 1.0), (6.0, 1.0), (6.0, 3.0)), is_hole=True, is_interpolated=True),
    )
    answers = [
        Item("ring", "polygon", TO_SERIES, value=True, shapes=ring),
        Item("texture", "texture", TO_SERIES, "x", about="i-box"),
        Item("one", "one_with_a_long_name", TO_STUDY, "a_rather_long_choice"),
        Item("many", "many", TO_SERIES, ("a", "b")),
        Item("whole", "whole", TO_IMAGE, 7),
        Item("number", "number", TO_STUDY, 0.1234567890123456),
        Item("text", "text", TO_STUDY, "some words\nand more"),
        Item("sum", "sum", TO_STUDY, 0),
    ]
    return Reading(
        "read-1",
        STUDY,
        "R-7",
        Method.RETROSPECTIVE_EXPERT,
        EVERY_KIND.reference,
        (*drawn, *answers),
        flags=(ReadingFlag.BURNED_IN_TEXT,),
        note="about the whole",
        active_seconds=12.5,
        finished_at="2026-01-02T03:04:05Z",
        software="RadCommons 0.1",
        sources=("r-1", "r-2"),
    )


def ct_headers(slices=5, *, rows=40, columns=50):
    """Headers of an oblique CT with unequal spacing, the highest slice first."""
    headers = []
    for index in range(slices):
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"2.25.{100 + index}"
        header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = STUDY, SERIES, "2.25.9"
        header.PatientName, header.PatientID, header.Modality = "SUBJ-1", "SUBJ-1", "CT"
        header.Rows, header.Columns, header.PixelSpacing = rows, columns, [0.703125, 0.5123]
        header.ImageOrientationPatient = [0.9961947, 0.0871557, 0, -0.0871557, 0.9961947, 0]
        header.ImagePositionPatient = [-181.7, -163.2, -2.5 * index]
        header.SliceThickness = 2.5
        headers.append(header)
    return headers


def radiograph_header():
    """The header of a de-identified radiograph that lost its type 2 attributes."""
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", IMAGE
    header.StudyInstanceUID, header.SeriesInstanceUID = STUDY, SERIES
    header.PatientName, header.PatientID, header.Modality = "SUBJ-1", "SUBJ-1", "DX"
    header.Rows = header.Columns = 1000
    return header
