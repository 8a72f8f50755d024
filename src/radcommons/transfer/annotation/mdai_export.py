"""Readings of our own as an export in MD.ai's format, for programs that read it.

MD.ai's labels are flags: a choice becomes a label of its own below the label it answers; numbers and texts stand in the note.
One annotation has one drawing on one image: an item drawn on several becomes several annotations of one ``groupId``. Masks
become nested polygons that follow pixel edges.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from radcommons.transfer.annotation.documents import canonical_text
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Outline
from radcommons.transfer.annotation.mdai_drawings import data_of_outlines
from radcommons.transfer.annotation.raster import corners_of, mask_of_runs, outlines_of_mask
from radcommons.transfer.annotation.record import Item, Reading
from radcommons.transfer.annotation.schema import Label, LabelSchema, Scope

_MODES = {
    Geometry.NONE: None,
    Geometry.BOX: "bbox",
    Geometry.POLYGON: "polygon",
    Geometry.FREEHAND: "freeform",
    Geometry.MASK: "mask",
    Geometry.LINE: "line",
    Geometry.POINT: "location",
    Geometry.ANGLE: "angle",
    Geometry.ELLIPSE: "polygon",
}


@dataclass(frozen=True, slots=True)
class ExportHeader:
    """What an export says about itself.

    Parameters
    ----------
    project_id, name, description
        Of the project.
    written_at
        ISO 8601 date and time in UTC, for everything that has no time of its own.
    """

    project_id: str
    name: str
    written_at: str
    description: str = ""


def export_mdai(schema: LabelSchema, readings: Sequence[Reading], header: ExportHeader) -> bytes:
    """A document in MD.ai's format; equal input gives equal bytes."""
    times = {"createdAt": header.written_at, "updatedAt": header.written_at}
    studies = sorted({reading.study_instance_uid for reading in readings})
    groups = [
        {
            "id": f"G_{group.id}",
            **times,
            "name": group.name,
            "description": group.help or None,
            "type": "STANDARD",
            "labels": [entry for label in group.labels for entry in _labels(label, times)],
        }
        for group in schema.groups
    ]
    annotations = [
        annotation
        for reading in readings
        for item in reading.items
        for annotation in _annotations(schema, reading, item, header)
    ]
    dataset = {
        "id": f"D_{header.project_id}",
        "type": "DICOM",
        **times,
        "name": header.name,
        "description": None,
        "studies": [{"StudyInstanceUID": study, "number": number} for number, study in enumerate(studies, start=1)],
        "annotations": annotations,
    }
    return canonical_text(
        {
            "id": header.project_id,
            **times,
            "name": header.name,
            "description": header.description,
            "isPrivate": True,
            "users": [{"id": reader, "name": reader} for reader in sorted({reading.reader for reading in readings})],
            "labelGroups": groups,
            "datasets": [dataset],
        }
    )


def _labels(label: Label, times: dict[str, str]) -> Iterator[dict[str, object]]:
    mode = _MODES[label.geometry]
    entry: dict[str, object] = {
        "id": f"L_{label.id}",
        "parentId": f"L_{label.parent}" if label.parent else None,
        **times,
        "name": label.name,
        "shortName": label.id,
        "description": label.help,
        "color": label.color or "#1976d2",
        "type": "LOCAL" if mode else "GLOBAL",
        "scope": "INSTANCE" if label.scope is Scope.REGION else label.scope.value.upper(),
        "annotationMode": mode,
        "radlexTagIds": [code.value for code in label.codes if code.scheme == "RADLEX"],
    }
    yield entry
    for choice in label.value.choices:
        yield {
            **entry,
            "id": f"L_{label.id}.{choice.id}",
            "parentId": f"L_{label.id}",
            "name": choice.name,
            "shortName": choice.id,
            "description": choice.help,
        }


def _annotations(
    schema: LabelSchema, reading: Reading, item: Item, header: ExportHeader
) -> Iterator[dict[str, object]]:
    label = schema.label(item.label_id)
    if label is None:
        return
    at = reading.finished_at or header.written_at
    drawings = list(_drawings(item))
    for choice in _choices(label, item):
        for number, (frame, data) in enumerate(drawings or [(None, None)]):
            name = f"A_{reading.id}.{item.id}" + (f".{choice}" if choice else "") + (f".{number}" if number else "")
            yield {
                "id": name,
                "parentId": None,
                "isImported": True,
                "createdAt": at,
                "createdById": reading.reader,
                "updatedAt": at,
                "updatedById": reading.reader,
                "modelId": None,
                "labelId": f"L_{item.label_id}" + (f".{choice}" if choice else ""),
                "annotationNumber": None,
                "height": None,
                "width": None,
                "data": data,
                "note": _note(item),
                "radlexTagIds": [],
                "groupId": f"{reading.id}.{item.id}" if len(drawings) > 1 else None,
                "reviewsPositiveCount": 0,
                "reviewsNegativeCount": 0,
                **_target(item, frame),
            }


def _choices(label: Label, item: Item) -> tuple[str, ...]:
    """The choices of an answer; one empty name for answers of another kind."""
    if not label.value.choices:
        return ("",)
    return item.value if isinstance(item.value, tuple) else (str(item.value),)


def _note(item: Item) -> str | None:
    is_number = isinstance(item.value, int | float) and not isinstance(item.value, bool)
    value = str(item.value) if is_number else ""
    return " ".join(part for part in (value, item.note) if part) or None


def _target(item: Item, frame: FrameReference | None) -> dict[str, object]:
    target: dict[str, object] = {"StudyInstanceUID": item.target.study_instance_uid}
    if item.target.series_instance_uid:
        target["SeriesInstanceUID"] = item.target.series_instance_uid
    instance = frame.sop_instance_uid if frame else item.target.sop_instance_uid
    if instance:
        target["SOPInstanceUID"] = instance
        target["frameNumber"] = frame.frame_number if frame else item.target.frame_number or None
    return target


def _drawings(item: Item) -> Iterator[tuple[FrameReference, dict[str, object] | None]]:
    outlines = [*map(_written_outline, item.outlines)]
    outlines += [outline for mask in item.masks for outline in outlines_of_mask(mask_of_runs(mask), mask.frame)]
    for frame, drawn in groupby(sorted(outlines, key=lambda outline: outline.frame), key=lambda outline: outline.frame):
        yield from ((frame, data) for data in _data(tuple(drawn)))


def _data(outlines: tuple[Outline, ...]) -> Iterable[dict[str, object] | None]:
    """Areas of one frame together, because holes belong to them; everything else one by one."""
    if any(outline.is_hole for outline in outlines):
        return [data_of_outlines(outlines)]
    return [data_of_outlines((outline,)) for outline in outlines]


def _written_outline(outline: Outline) -> Outline:
    if outline.geometry is not Geometry.ELLIPSE:
        return outline
    return Outline(Geometry.POLYGON, corners_of(outline), outline.frame, outline.is_hole, outline.is_interpolated)
