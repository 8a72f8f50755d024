"""Readings as records of the ``annotation`` node of MIDRC's data dictionary, its names and enumerations verbatim, and back.

A record holds what the node has properties for: COVID-19 appearance and airspace disease grading of a radiograph, or the
mRALE score. Everything else a reading says travels as an annotation file (DICOM report, segmentation, table).
"""

from collections.abc import Mapping, Sequence

from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.annotation.geometry import uid_of
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading, Target, Value
from radcommons.transfer.annotation.untyped import Node

# Property of the node: ready schema, label, name of the annotation.
PROPERTIES = {
    "class_covid19_pneumonia": ("ricord-1c", "appearance", "midrc_mdai_chestxr"),
    "airspace_disease_grading": ("ricord-1c", "grading", "midrc_mdai_chestxr"),
    "midrc_mRALE_score": ("midrc-mrale", "mrale", "midrc_mRALE_Mastermind_Challenge"),
}
_KNOWN = {
    "type", "submitter_id", "annotation_name", "annotation_method", "annotator_id", "software_version", "imaging_studies",
    *PROPERTIES,
}  # fmt: skip
_HIGHEST_MRALE = 24


def midrc_records(readings: Sequence[Reading]) -> tuple[dict[str, object], ...]:
    """One record a reading that answers a property of the node; readings that answer none have no record."""
    return tuple(record for reading in readings if (record := _record(reading)) is not None)


def _record(reading: Reading) -> dict[str, object] | None:
    answers: dict[str, Value] = {}
    name = ""
    for key, (schema, label, annotation_name) in PROPERTIES.items():
        items = reading.items_of(label)
        if reading.schema == ready_schema(schema).reference and items:
            answers[key], name = items[0].value, annotation_name
    if not answers:
        return None
    record: dict[str, object] = {
        "type": "annotation",
        "submitter_id": reading.id,
        "annotation_name": name,
        "annotation_method": reading.method.value,
        "annotator_id": reading.reader,
        "imaging_studies": {"submitter_id": reading.study_instance_uid},
        **answers,
    }
    if reading.software:
        record["software_version"] = reading.software
    return record


def read_midrc(records: Sequence[Mapping[str, object]]) -> tuple[tuple[Reading, ...], list[Finding]]:
    """The readings that records hold, and a warning for every property that no reading can hold.

    Raises
    ------
    AnnotationFormatError
        When a record lacks its study, its name or its method, or a value is none of the node's.
    """
    readings, found = [], []
    for number, record in enumerate(records):
        node = Node(dict(record), f"annotation[{number}]")
        if record.keys() - _KNOWN:
            message = "The record has properties that readings do not hold; they are left out."
            found.append(Finding(Severity.WARNING, "annotation.midrc-property", node.path, message))
        readings.append(_reading(node))
    return tuple(readings), found


def _reading(node: Node) -> Reading:
    study = uid_of(node["imaging_studies"]["submitter_id"])
    target, items, schema_name = Target(study), [], ""
    for key, (schema, label_id, _) in PROPERTIES.items():
        if node.has(key):
            schema_name = schema
            items.append(Item(label_id, label_id, target, _value(node[key], schema, label_id)))
    if not items:
        raise node.wrong("has none of the properties that are read")
    return Reading(
        node["submitter_id"].name(),
        study,
        node["annotator_id"].name() if node.has("annotator_id") else "unknown",
        node["annotation_method"].choice(Method),
        ready_schema(schema_name).reference,
        tuple(items),
        software=node.get("software_version", Node.text, ""),
    )


def _value(node: Node, schema: str, label_id: str) -> Value:
    label = ready_schema(schema).label(label_id)
    if label is None or not label.value.choices:
        return node.whole(least=0, most=_HIGHEST_MRALE)
    found = node.name()
    if label.value.choice(found) is None:
        raise node.wrong(f"is none of {', '.join(choice.id for choice in label.value.choices)}")
    return found
