"""Documents with reads of the past as values: ours, and those of other programs."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from radcommons.dicom.finding import Finding, Severity
from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.queries.final import CONSENSUS
from radcommons.server.annotation.queries.frames import known_frames
from radcommons.server.annotation.queries.parsed import schema_named
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.coco import CocoImage, CocoRegions, listed_images, read_coco
from radcommons.transfer.annotation.documents import open_json
from radcommons.transfer.annotation.fitting import fitted, label_meant
from radcommons.transfer.annotation.lidc import LIDC_SCHEMA, read_lidc
from radcommons.transfer.annotation.mdai import read_mdai
from radcommons.transfer.annotation.midrc import read_midrc
from radcommons.transfer.annotation.mrale_csv import SCHEMA_NAME, read_mrale
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading, reading_from_json
from radcommons.transfer.annotation.ricord import RICORD, ricord_readings, ricord_schema_of
from radcommons.transfer.annotation.schema import LabelSchema, schema_from_json
from radcommons.transfer.annotation.untyped import AnnotationFormatError, Node

MOST_READINGS = 1_000_000
# What makes a reading no answer to its schema at all; everything else is told and kept.
_REFUSED = frozenset({"annotation.other-schema", "annotation.unknown-label", "annotation.repeated-id"})


class Format(StrEnum):
    """The documents that are read."""

    READINGS = "readings"
    MDAI = "mdai"
    MRALE = "mrale"
    LIDC = "lidc"
    COCO = "coco"
    MIDRC = "midrc"


@dataclass(frozen=True, slots=True)
class ImportWish:
    """How an import is to be called.

    Parameters
    ----------
    schema_name
        For MD.ai: a ready schema to translate the answers to, without which the document's own labels are the schema. For COCO:
        the version that its categories are labels of, as NAME/VERSION. For MIDRC: which of two schemas that it answers.
    """

    slug: str
    title: str
    format: Format
    schema_name: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a document holds.

    Parameters
    ----------
    studies
        Every study that it names, read or not.
    annotations
        How many of its own annotations it has; for tables and XML the number of items.
    policies
        How its answers were compared; the usual rules for labels that are not named.
    has_occasions
        That a second reading of a study by the same reader is a repeat, and not another label group.
    better_schema
        A ready schema under which the answers of all label groups would be comparable.
    """

    schema: LabelSchema
    readings: tuple[Reading, ...]
    studies: tuple[str, ...]
    annotations: int
    findings: tuple[Finding, ...]
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    has_occasions: bool = False
    better_schema: str = ""


def _items(readings: Iterable[Reading]) -> int:
    return sum(len(reading.items) for reading in readings)


def _read_mdai(data: bytes, wish: ImportWish) -> Imported:
    project = read_mdai(data)
    frame = json.loads(project.frame)
    named = [
        study["StudyInstanceUID"]
        for dataset in frame.get("datasets", [])
        for study in dataset.get("studies") or []
        if isinstance(study, dict) and isinstance(study.get("StudyInstanceUID"), str)
    ]
    schema, readings, findings = project.schema, project.readings, project.findings
    better = "" if wish.schema_name else ricord_schema_of(project)
    if wish.schema_name:
        if wish.schema_name not in RICORD:
            raise ProjectInvalidError(f"Answers of MD.ai are translated to one of: {', '.join(RICORD)}.")
        schema = ready_schema(wish.schema_name)
        readings, more = ricord_readings(project, wish.schema_name)
        findings = (*findings, *more)
    return Imported(schema, readings, tuple(named), project.annotations, tuple(findings), better_schema=better)


def _read_mrale(data: bytes, wish: ImportWish) -> Imported:
    del wish
    table = read_mrale(data)
    return Imported(ready_schema(SCHEMA_NAME), table.readings, (), _items(table.readings), table.findings)


def _read_lidc(data: bytes, wish: ImportWish) -> Imported:
    del wish
    reads = read_lidc(data)
    return Imported(LIDC_SCHEMA, reads.readings, (reads.study_instance_uid,), _items(reads.readings), reads.findings)


def _read_readings(data: bytes, wish: ImportWish) -> Imported:
    """Our own document: schema, rules and readings as ``export --as readings`` writes them."""
    del wish
    document = Node(open_json(data), "document")
    document.fields({"project", "title", "schema", "policies", "readings"}, required={"schema", "readings"})
    schema = schema_from_json(document["schema"].value)
    readings = document.tuple_of("readings", lambda node: reading_from_json(node.value), most=MOST_READINGS)
    policies = document["policies"].value if document.has("policies") else {}
    if not isinstance(policies, dict) or not all(isinstance(rule, dict) for rule in policies.values()):
        raise document["policies"].wrong("is not an object of objects")
    found = _checked(schema, readings)
    return Imported(schema, readings, (), _items(readings), found, policies, has_occasions=True)


def _checked(schema: LabelSchema, readings: Sequence[Reading]) -> tuple[Finding, ...]:
    """What is odd in readings that are kept all the same.

    Raises
    ------
    AnnotationFormatError
        When one answers no label of the schema, or two have the same id.
    """
    if any(count > 1 for count in Counter(reading.id for reading in readings).values()):
        raise AnnotationFormatError("readings", "has two readings of the same id")
    found = []
    for number, reading in enumerate(readings):
        for finding in check_reading(schema, reading, is_complete=False):
            where = f"readings[{number}].{finding.where}"
            if finding.code in _REFUSED:
                raise AnnotationFormatError(where, f"cannot be kept. {finding.message.rstrip('.')}")
            found.append(replace(finding, where=where, severity=Severity.WARNING))
    return tuple(found)


def _read_coco(data: bytes, wish: ImportWish) -> Imported:
    """Drawings; categories are labels of the named schema, file names SOP Instance UIDs."""
    if not wish.schema_name:
        raise ProjectInvalidError("Name with --schema the NAME/VERSION whose labels the categories are.")
    schema = schema_named(wish.schema_name)
    images = _images(data)
    sizes = {image.frame: (image.rows, image.columns) for image in images}
    readings: list[Reading] = []
    found: list[Finding] = []
    drawn = read_coco(data, images)
    for regions in drawn:
        # An export of everything holds what was made of the reads besides the reads: that is nobody's own.
        if regions.reader == CONSENSUS and len(drawn) > 1:
            message = f"{len(regions.items)} drawings are the consensus of the other readers, and no reader's own."
            found.append(Finding(Severity.WARNING, "annotation.consensus-left-out", "annotations", message))
            continue
        readings += _coco_readings(schema, regions, lambda item: sizes[item.shapes[0].frame])
    studies = tuple(dict.fromkeys(image.study_instance_uid for image in images))
    found += _checked(schema, readings)
    return Imported(schema, tuple(readings), studies, _items(readings), tuple(found), has_occasions=True)


def _images(data: bytes) -> list[CocoImage]:
    """The images of a data set, those of strangers under the study and series that the archive knows."""
    listed = listed_images(data)
    known = known_frames({image.frame.sop_instance_uid for image in listed if not image.series_instance_uid})
    found = []
    for image in listed:
        study, series = image.study_instance_uid, image.series_instance_uid
        if not (study and series):
            if image.frame.sop_instance_uid not in known:
                continue
            study, series = known[image.frame.sop_instance_uid]
        found.append(CocoImage(image.frame, study, series, image.rows, image.columns))
    return found


def _coco_readings(
    schema: LabelSchema, regions: CocoRegions, size_of: Callable[[Item], tuple[int, int]]
) -> Iterable[Reading]:
    """One reading for each study that the regions are of."""
    by_study: dict[str, list[Item]] = {}
    for item in regions.items:
        label = label_meant(schema, (item.label_id,))
        if label is None:
            raise AnnotationFormatError("categories", f"has one that is no label of {schema.reference}")
        by_study.setdefault(item.target.study_instance_uid, []).append(fitted(item, label, *size_of(item)))
    for study, items in by_study.items():
        reading_id = regions.reading_id if len(by_study) == 1 else f"{regions.reading_id}.{study}"
        method = Method.RETROSPECTIVE_EXPERT
        yield Reading(reading_id, study, regions.reader, method, schema.reference, tuple(items))


def _read_midrc(data: bytes, wish: ImportWish) -> Imported:
    """Records of the annotation node; those of one schema make a project."""
    value = open_json(data)
    listed = value if isinstance(value, list) else [value]
    records: list[dict[str, object]] = [record for record in listed if isinstance(record, dict)]
    if len(records) != len(listed):
        raise AnnotationFormatError("document", "is no list of records")
    readings, findings = read_midrc(records)
    schemas = sorted({reading.schema.name for reading in readings})
    if wish.schema_name:
        schemas = [name for name in schemas if name == wish.schema_name]
    if len(schemas) != 1:
        raise ProjectInvalidError("The records answer none or several schemas. Name one with --schema.")
    schema = ready_schema(schemas[0])
    kept = tuple(reading for reading in readings if reading.schema == schema.reference)
    if others := len(readings) - len(kept):
        message = f"{others} records answer another schema; import the file once more for it."
        findings.append(Finding(Severity.WARNING, "annotation.other-schema", "document", message))
    findings += _checked(schema, kept)
    return Imported(schema, kept, (), _items(kept), tuple(findings), has_occasions=True)


READERS: Mapping[Format, Callable[[bytes, ImportWish], Imported]] = MappingProxyType(
    {
        Format.READINGS: _read_readings,
        Format.MDAI: _read_mdai,
        Format.MRALE: _read_mrale,
        Format.LIDC: _read_lidc,
        Format.COCO: _read_coco,
        Format.MIDRC: _read_midrc,
    }
)
