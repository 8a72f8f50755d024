"""MD.ai's annotation export, in and out: nothing is dropped, and what was imported is exported as it was.

An export holds label groups (schema), data sets with studies, and annotations. Each annotation becomes one item; all items of
one person (or model) on one study in one label group become one reading, as MD.ai keeps teams and adjudication in groups.
Scope is read from which UIDs an annotation has, in either spelling of the label's own; points are (column, row) from the
outer corner of the first pixel, which is the convention of ``geometry``. Every item keeps its annotation as text
(``Item.foreign``), and the project keeps everything else, so that unknown fields survive.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.documents import canonical_text, open_json
from radcommons.transfer.annotation.geometry import FrameReference, Geometry, Shape
from radcommons.transfer.annotation.mdai_drawings import data_of_outlines, shapes_of_data
from radcommons.transfer.annotation.record import Item, Method, Reading, Target
from radcommons.transfer.annotation.schema import (
    Label,
    LabelGroup,
    LabelSchema,
    Scope,
    ValueKind,
    ValueRule,
)
from radcommons.transfer.annotation.untyped import LONGEST_TEXT, AnnotationFormatError, Node
from radcommons.transfer.release.canonical import sha256_hex

# MD.ai's annotationMode to ours. A mask of MD.ai is nested polygons, not pixels.
GEOMETRY_OF_MODE = {
    "bbox": Geometry.BOX,
    "polygon": Geometry.POLYGON,
    "freeform": Geometry.FREEHAND,
    "mask": Geometry.POLYGON,
    "line": Geometry.LINE,
    "location": Geometry.POINT,
    "angle": Geometry.ANGLE,
}
_FLAG = ValueRule(ValueKind.FLAG)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_MOST_ANNOTATIONS = 10_000_000
_LONGEST_CODE = 64


@dataclass(frozen=True, slots=True)
class Orphan:
    """An annotation that no reading can hold, kept for export: its text as ``Item.foreign`` has it."""

    foreign: str


@dataclass(frozen=True, slots=True)
class MdaiProject:
    """One export.

    Parameters
    ----------
    schema
        Its label groups; label and group ids are MD.ai's.
    readings
        Its annotations, by label group, person and study; their ids are ``<group>.<person>.<study>``.
    frame
        The document without annotations, as JSON text.
    orphans
        Annotations without a study or with an unknown label.
    findings
        What was odd.
    studies, annotations
        How many the document has.
    """

    schema: LabelSchema
    readings: tuple[Reading, ...]
    frame: str
    orphans: tuple[Orphan, ...]
    findings: tuple[Finding, ...]
    studies: int
    annotations: int


@dataclass(slots=True)
class _Labels:
    """The labels of an export: ours, MD.ai's mode, and the group of each."""

    labels: dict[str, Label] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def _warning(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, where, message)


@dataclass(slots=True)
class _Collected:
    """What has been read so far; readings by label group, person and study."""

    items: dict[tuple[str, str, str], list[Item]] = field(default_factory=dict)
    methods: dict[tuple[str, str, str], Method] = field(default_factory=dict)
    orphans: list[Orphan] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    studies: int = 0
    annotations: int = 0


def read_mdai(data: bytes) -> MdaiProject:
    """Read an export.

    Raises
    ------
    AnnotationFormatError
        When it is not JSON, or no export: without data sets or label groups, or with these of another type.
    """
    return mdai_of(open_json(data))


def mdai_of(value: object) -> MdaiProject:
    """An export that was decoded already; its annotations are taken out of ``value`` one after the other.

    Raises
    ------
    AnnotationFormatError
        As for :func:`read_mdai`.
    """
    document = Node(value, "export")
    known, collected = _Labels(), _Collected()
    schema = _schema(document, known)
    for number, dataset in enumerate(document["datasets"].each(most=10_000)):
        _collect(dataset, number, known, collected)
    readings = (
        Reading(f"{group}.{reader}.{study}", study, reader, method, schema.reference, tuple(collected.items[key]))
        for key, method in collected.methods.items()
        for group, reader, study in (key,)
    )
    return MdaiProject(
        schema,
        tuple(readings),
        _frame(document),
        tuple(collected.orphans),
        tuple(known.findings),
        collected.studies,
        collected.annotations,
    )


def _collect(dataset: Node, number: int, known: _Labels, collected: _Collected) -> None:
    studies = [_text(study, "StudyInstanceUID") for study in _elements(dataset, "studies")]
    collected.studies += len(studies)
    listed = frozenset(studies)
    for index, annotation in enumerate(_taken(dataset, "annotations")):
        collected.annotations += 1
        foreign = canonical_text({"dataset": number, "index": index, "annotation": annotation.value}).decode()
        item = _item(annotation, foreign, known)
        if item is None:
            collected.orphans.append(Orphan(foreign))
            continue
        if item.target.study_instance_uid not in listed:
            message = "The study of the annotation is not in the list of studies of its data set."
            known.findings.append(_warning("annotation.mdai-unlisted-study", annotation.path, message))
        if item.id in collected.ids:
            item = replace(item, id=f"{item.id}.{number}.{index}")
            message = "Two annotations have the same id; the item of the second is numbered."
            known.findings.append(_warning("annotation.mdai-repeated-id", annotation.path, message))
        collected.ids.add(item.id)
        key = known.group_of[item.label_id], _reader(annotation), item.target.study_instance_uid
        collected.items.setdefault(key, []).append(item)
        is_model = annotation.has("modelId")
        collected.methods[key] = Method.RETROSPECTIVE_AUTO if is_model else Method.RETROSPECTIVE_EXPERT


def _elements(dataset: Node, key: str) -> Iterator[Node]:
    return dataset[key].each(most=_MOST_ANNOTATIONS) if dataset.has(key) else iter(())


def _taken(dataset: Node, key: str) -> Iterator[Node]:
    """The elements of a list, each let go once it was read: as JSON they take ten times the memory of the document."""
    for index, element in enumerate(_elements(dataset, key)):
        dataset[key].value[index] = None  # type: ignore[index]  # a list, or it would have been refused
        yield element


def _frame(document: Node) -> str:
    """The document with empty lists of annotations, where there were any."""
    whole = dict(document.value) if isinstance(document.value, dict) else {}
    whole["datasets"] = [
        {**dataset.value, "annotations": []}
        if isinstance(dataset.value, dict) and dataset.has("annotations")
        else dataset.value
        for dataset in document["datasets"].each()
    ]
    return canonical_text(whole).decode()


def _schema(document: Node, known: _Labels) -> LabelSchema:
    groups: list[LabelGroup] = []
    for group in document["labelGroups"].each(most=1000):
        group_id = _code(_text(group, "id")) or f"group-{len(groups) + 1}"
        labels = [label for node in _elements(group, "labels") if (label := _label(node, group_id, known)) is not None]
        groups.append(
            LabelGroup(group_id, _title(_text(group, "name")) or group_id, tuple(labels), _text(group, "description"))
        )
    name = _code(f"mdai-{_text(document, 'id') or 'project'}")
    title = _title(_text(document, "name")) or name
    return LabelSchema(name, 1, title, tuple(groups), _text(document, "description"))


def _label(node: Node, group_id: str, known: _Labels) -> Label | None:
    label_id = _code(_text(node, "id"))
    if not label_id or label_id in known.labels:
        message = "The label has no id, or that of another label; its annotations are kept as orphans or by the first."
        known.findings.append(_warning("annotation.mdai-label", node.path, message))
        return None
    mode = _text(node, "annotationMode").lower()
    geometry = GEOMETRY_OF_MODE.get(mode, Geometry.NONE)
    if mode and geometry is Geometry.NONE:
        known.findings.append(
            _warning(
                "annotation.mdai-mode",
                node.path,
                "The label is drawn in a way that is not known; drawings are kept as text.",
            )
        )
    scopes = {"study": Scope.STUDY, "exam": Scope.STUDY, "series": Scope.SERIES, "instance": Scope.INSTANCE}
    scope = scopes.get(_text(node, "scope").lower(), Scope.STUDY)
    color = _text(node, "color")
    label = Label(
        id=label_id,
        name=_title(_text(node, "name")) or label_id,
        scope=scope if geometry is Geometry.NONE else Scope.REGION,
        value=_FLAG,
        geometry=geometry,
        parent=_code(_text(node, "parentId")),
        help=_text(node, "description"),
        color=color if _COLOR.fullmatch(color) else "",
    )
    known.labels[label_id] = label
    known.group_of[label_id] = group_id
    return label


def _text(node: Node, key: str) -> str:
    """A text as far as ours may hold it: without control characters, not too long; "" for anything else."""
    found = node[key].value if node.has(key) else ""
    if not isinstance(found, str):
        return ""
    return "".join(sign for sign in found[:LONGEST_TEXT] if sign >= " " or sign in "\t\n\r")


def _title(text: str) -> str:
    """A text on one short line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:256]


def _code(text: str) -> str:
    """An identifier of MD.ai as ours may be written: itself, or else what is plain in it with a digest.

    Two that differ stay different, also where they differ in signs that ours cannot hold.
    """
    plain_part = _UNSAFE.sub("-", text).lstrip("_.-")[:_LONGEST_CODE]
    if plain_part == text:
        return text
    return f"{plain_part[: _LONGEST_CODE - 9]}-{sha256_hex(text.encode())[:8]}".lstrip("-")


def _reader(annotation: Node) -> str:
    """Who made an annotation: MD.ai's own code of the person or the model."""
    return _code(_text(annotation, "createdById")) or _code(_text(annotation, "modelId")) or "unknown"


def _item(annotation: Node, foreign: str, known: _Labels) -> Item | None:
    """The item of an annotation; None when no reading can hold it."""
    try:
        item = _read_item(annotation, foreign, known)
    except AnnotationFormatError:
        item = None
    if item is None:
        message = "The annotation has an unknown label, no study, or parts of the wrong type; export gives it back."
        known.findings.append(_warning("annotation.mdai-orphan", annotation.path, message))
    return item


def _read_item(annotation: Node, foreign: str, known: _Labels) -> Item | None:
    label = known.labels.get(_code(_text(annotation, "labelId")))
    study = _text(annotation, "StudyInstanceUID")
    if label is None or not is_harmless_uid(study):
        return None
    target = Target(
        study,
        _uid(annotation, "SeriesInstanceUID"),
        _uid(annotation, "SOPInstanceUID"),
        annotation.get("frameNumber", lambda found: found.whole(least=0), 0),
    )
    shapes: tuple[Shape, ...] = ()
    if annotation.has("data"):
        shapes = _shapes(annotation, label, target, known)
    elif label.geometry is not Geometry.NONE:
        known.findings.append(
            _warning("annotation.mdai-no-data", annotation.path, "The label is drawn, the annotation has no drawing.")
        )
    item_id = _code(_text(annotation, "id")) or annotation.path
    return Item(item_id, label.id, target, value=True, shapes=shapes, note=_text(annotation, "note"), foreign=foreign)


def _uid(annotation: Node, key: str) -> str:
    found = _text(annotation, key)
    if found and not is_harmless_uid(found):
        raise annotation[key].wrong("is not a UID")
    return found


def _shapes(annotation: Node, label: Label, target: Target, known: _Labels) -> tuple[Shape, ...]:
    frame = FrameReference(target.sop_instance_uid, max(1, target.frame_number))
    try:
        if not target.sop_instance_uid:
            raise annotation.wrong("is drawn and names no image")
        return tuple(shapes_of_data(annotation["data"], label.geometry, frame))
    except AnnotationFormatError as error:
        message = "The drawing cannot be read; it is kept as text and given back on export."
        known.findings.append(_warning("annotation.mdai-data", str(error.facts["where"]), message))
        return ()


def write_mdai(project: MdaiProject) -> bytes:
    """An imported project as a document again: the same JSON, and the same bytes when those were written like a browser's.

    Readings may have been changed meanwhile: a note, and drawings that differ from the ones imported, are written anew; items
    that did not come from MD.ai are for ``mdai_export``.

    Raises
    ------
    AnnotationFormatError
        When an item has no text of MD.ai.
    """
    document = json.loads(project.frame)
    placed: dict[int, list[tuple[int, object]]] = {}
    texts = [orphan.foreign for orphan in project.orphans]
    for text in texts:
        kept = json.loads(text)
        placed.setdefault(kept["dataset"], []).append((kept["index"], kept["annotation"]))
    labels = {label.id: label for label in project.schema.labels}
    for reading in project.readings:
        for item in reading.items:
            kept = Node(json.loads(item.foreign or "null"), "item")
            annotation = _written(item, kept["annotation"], labels[item.label_id])
            placed.setdefault(kept["dataset"].whole(), []).append((kept["index"].whole(), annotation))
    for number, rows in placed.items():
        document["datasets"][number]["annotations"] = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    return canonical_text(document)


def _written(item: Item, kept: Node, label: Label) -> object:
    annotation = dict(kept.value) if isinstance(kept.value, dict) else {}
    if item.note != _text(kept, "note"):
        annotation["note"] = item.note or None
    imported: tuple[Shape, ...] = ()
    if kept.has("data") and item.target.sop_instance_uid:
        imported = _shapes(kept, label, item.target, _Labels())
    if item.shapes != imported:
        annotation["data"] = data_of_outlines(item.outlines)
    return annotation
