"""The verb by which the reads of a closed project are carried over to another version of its schema."""

from collections.abc import Mapping
from dataclasses import replace

from radcommons.dicom.finding import Finding
from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectInvalidError
from radcommons.server.annotation.models import LabelSchema, ReadingProject
from radcommons.server.annotation.queries.final import reader_readings
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.readings import reads_document
from radcommons.server.annotation.rules.states import ProjectState
from radcommons.server.annotation.services.documents import Format, Imported, ImportWish
from radcommons.server.annotation.services.importing import keep_past
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation.checking import check_reading
from radcommons.transfer.annotation.record import Reading
from radcommons.transfer.annotation.schema import LabelSchema as Schema
from radcommons.transfer.annotation.versions import SchemaMapping, carried_over, differences
from radcommons.transfer.release.canonical import canonical_json


def carry_reads(
    old: ReadingProject, version: int, slug: str, *, title: str = "", actor: Actor
) -> tuple[ReadingProject, Imported]:
    """Make a closed project of another's reads as answers to a later version of its schema.

    The old project stays as it is. Each version says what became of the labels of the one before; what has no counterpart is
    told, answer by answer. Labels that did not change are compared by the rules of the old project.

    Raises
    ------
    MoveNotPossibleError
        While the old project is not closed: its readers must not learn of one another.
    ProjectInvalidError
        When the version is not a later one, or is missing.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if old.state != ProjectState.CLOSED:
        raise MoveNotPossibleError(old.state)
    steps = LabelSchema.objects.filter(name=old.schema.name, version__gt=old.schema.version, version__lte=version)
    rows = list(steps.order_by("version"))
    if version <= old.schema.version or len(rows) != version - old.schema.version:
        raise ProjectInvalidError(
            f"The reads answer {old.schema.name}/{old.schema.version}; name a later version that is kept here."
        )
    before = list(reader_readings(old))
    after, findings = _carried(before, rows)
    schema = schema_value(rows[-1])
    found = Imported(
        schema,
        after,
        tuple(old.cases.order_by("pk").values_list("study_instance_uid", flat=True)),
        sum(len(reading.items) for reading in after),
        findings,
        _kept_policies(old, schema),
        has_occasions=True,
    )
    document = canonical_json(reads_document(old, before))
    return keep_past(found, ImportWish(slug, title, Format.READINGS), document, actor=actor)


def _carried(readings: list[Reading], rows: list[LabelSchema]) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    found: list[Finding] = []
    kept = []
    for number, first in enumerate(readings):
        reading = first
        for row in rows:
            reading, lost = carried_over(reading, SchemaMapping.from_json(row.mapping), schema_value(row))
            found += [replace(one, where=f"readings[{number}].{one.where}") for one in lost]
        odd = check_reading(schema_value(rows[-1]), reading, is_complete=False)
        found += [replace(one, where=f"readings[{number}].{one.where}") for one in odd]
        kept.append(reading)
    return tuple(kept), tuple(found)


def _kept_policies(old: ReadingProject, schema: Schema) -> Mapping[str, Mapping[str, object]]:
    changed = {change.label_id for change in differences(schema_value(old.schema), schema)}
    return {name: rule for name, rule in old.policies.items() if name not in changed and schema.label(name)}
