"""Reports written by ``dicom_sr`` as readings again; reports of others are not guessed at."""

from collections.abc import Sequence

from radcommons.transfer.annotation import dicom_sr_names as names
from radcommons.transfer.annotation.codes import Code, code
from radcommons.transfer.annotation.content_tree import ContentItem, read_content
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline, Point
from radcommons.transfer.annotation.objects import AnnotationObjectError
from radcommons.transfer.annotation.record import Item, Method, Reading, ReadingFlag, Target, Value
from radcommons.transfer.annotation.schema import SchemaReference

_GROUP = Code("DCM", "125007", "Measurement Group")
_TRACKING_ID = Code("DCM", "112039", "Tracking Identifier")
_ACTIVITY_SESSION = Code("NCIt", "C67447", "Activity Session")
_PERSON = Code("DCM", "121008", "Person Observer Name")
_DEVICE = Code("DCM", "121013", "Device Observer Name")
_STUDY_INSTANCE_UID = 0x0020000D


def read_report(data: bytes) -> Reading:
    """The reading that a report of ours holds.

    Raises
    ------
    AnnotationObjectError
        When it is no structured report, or none that this program wrote.
    """
    header, tree = read_content(data)
    groups = [item for item in tree.walk() if item.value_type == "CONTAINER" and item.is_named(_GROUP)]
    summaries = [
        group for group in groups if _text(group, _TRACKING_ID) == names.SUMMARY_ID and _text(group, names.SCHEMA)
    ]
    if len(summaries) != 1:
        raise AnnotationObjectError(
            "annotation.not-our-report", "The report does not hold exactly one reading of this program."
        )
    summary, study = summaries[0], header.text(_STUDY_INSTANCE_UID)
    try:
        return Reading(
            id=_text(summary, _ACTIVITY_SESSION),
            study_instance_uid=study,
            reader=_anywhere(tree, _PERSON).rstrip("^"),
            method=Method(_text(summary, names.METHOD)),
            schema=_schema(_text(summary, names.SCHEMA)),
            items=_items([group for group in groups if group is not summary], study),
            is_nothing_found=any(summary.named(names.NOTHING_FOUND)),
            flags=tuple(ReadingFlag(found.text) for found in summary.named(names.FLAG)),
            note=_text(summary, code("comment")),
            active_seconds=next((found.number or 0.0 for found in summary.named(names.ACTIVE_TIME)), 0.0),
            finished_at=_text(summary, names.FINISHED_AT),
            software=_anywhere(tree, _DEVICE),
            sources=tuple(found.text for found in summary.named(names.SOURCE_READING)),
        )
    except ValueError:
        raise AnnotationObjectError(
            "annotation.not-our-report", "A part of the report has a value that readings never have."
        ) from None


def _text(item: ContentItem, name: Code) -> str:
    return next((child.text for child in item.named(name)), "")


def _anywhere(tree: ContentItem, name: Code) -> str:
    return next((item.text for item in tree.walk() if item.is_named(name)), "")


def _schema(text: str) -> SchemaReference:
    name, _, version = text.rpartition("/")
    return SchemaReference(name, int(version))


def _items(groups: Sequence[ContentItem], study: str) -> tuple[Item, ...]:
    """The items of all groups; groups of the same tracking identifier are outlines of one item."""
    by_id: dict[str, list[ContentItem]] = {}
    for group in groups:
        by_id.setdefault(_text(group, _TRACKING_ID), []).append(group)
    return tuple(_item(item_id, same, study) for item_id, same in by_id.items())


def _item(item_id: str, groups: Sequence[ContentItem], study: str) -> Item:
    first = groups[0]
    label = next(first.named(names.LABEL), None)
    if label is None or label.concept is None:
        raise AnnotationObjectError("annotation.not-our-report", "A group does not say which label it answers.")
    target = Target(
        study,
        _text(first, code("series_instance_uid")),
        _text(first, names.INSTANCE),
        int(_text(first, names.FRAME) or 0),
    )
    shapes = tuple(outline for group in groups for outline in _outlines(group))
    note, about = _text(first, code("comment")), _text(first, names.ABOUT)
    return Item(item_id, label.concept.value, target, _value(first), shapes, note, about=about)


def _value(group: ContentItem) -> Value:
    if words := _text(group, names.FREE_TEXT):
        return words
    answers = list(group.named(names.VALUE))
    numbers = [answer.number for answer in answers if answer.number is not None]
    if numbers:
        return int(numbers[0]) if numbers[0].is_integer() and _is_whole(group) else numbers[0]
    codes = tuple(answer.concept.value for answer in answers if answer.concept is not None)
    if any(answer.concept == names.YES for answer in answers):
        return True
    return codes if any(group.named(names.SEVERAL)) else codes[0] if codes else True


def _is_whole(group: ContentItem) -> bool:
    return any(group.named(names.WHOLE))


def _outlines(group: ContentItem) -> list[Outline]:
    region = next((child for child in group.children if child.value_type == "SCOORD"), None)
    drawn = next(group.named(names.GEOMETRY), None)
    if region is None or drawn is None or drawn.concept is None:
        return []
    image = next((child for child in region.children if child.value_type == "IMAGE"), None)
    if image is None:
        raise AnnotationObjectError("annotation.not-our-report", "A region does not name its image.")
    geometry = Geometry(drawn.concept.value)
    points = _points(region.points, geometry)
    frame = FrameReference(image.instance_uid, image.frame_number or 1)
    is_hole, is_interpolated = any(group.named(names.HOLE)), any(group.named(names.INTERPOLATED))
    return [Outline(geometry, points, frame, is_hole, is_interpolated)]


def _points(numbers: Sequence[float], geometry: Geometry) -> tuple[Point, ...]:
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if geometry is Geometry.BOX:
        return points[0], points[2]
    return points[:-1] if geometry in {Geometry.POLYGON, Geometry.FREEHAND} else points
