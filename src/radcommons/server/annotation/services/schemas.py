"""The verbs of label schemas: add one, make its next version."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from radcommons.dicom.finding import Finding, Severity
from radcommons.server.annotation.errors import SchemaInvalidError, SchemaUsedError
from radcommons.server.annotation.models import LabelSchema
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation import schema as values
from radcommons.transfer.annotation.checking import check_schema

DROPPED = ""


def add_schema(value: object, *, actor: Actor, mapping: Mapping[str, str] | None = None) -> LabelSchema:
    """Keep one version of a label schema.

    Parameters
    ----------
    value
        The schema as plain JSON, see :func:`radcommons.transfer.annotation.schema.schema_from_json`.
    mapping
        For every version but the first: each label of the version before, and which one it became here; an empty text
        for one that was dropped. Labels that keep their id need not be named.

    Raises
    ------
    AnnotationFormatError, SchemaInvalidError
        When it cannot be read, contradicts itself, or the mapping does not lead from the version before.
    ConflictError
        When that version exists with other contents, or the one before is missing.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    schema = values.schema_from_json(value)
    findings = [finding for finding in check_schema(schema) if finding.is_error]
    if findings:
        raise SchemaInvalidError(findings)
    known = LabelSchema.objects.filter(name=schema.name, version=schema.version).first()
    if known is not None and known.digest == schema.digest:
        return known
    if known is not None:
        message = "There is such a version with other labels. Give this one the next number."
        raise ConflictError("annotation.schema-exists", message)
    whole = _mapping(schema, mapping or {})
    try:
        with transaction.atomic():
            row = _create(schema, whole, actor)
    except IntegrityError as error:
        raise ConflictError("annotation.schema-exists", "Somebody has just added this version.") from error
    return row


def _create(schema: values.LabelSchema, mapping: Mapping[str, str], actor: Actor) -> LabelSchema:
    row = LabelSchema.objects.create(
        name=schema.name,
        version=schema.version,
        title=schema.title,
        definition=schema.to_json(),
        digest=schema.digest,
        mapping=dict(mapping),
        made_by=actor.name,
        made_at=timezone.now(),
    )
    facts = {"digest": schema.digest, "labels": len(schema.labels)}
    audit.record(actor, "annotation.schema-added", object_kind="schema", object_id=str(schema.reference), facts=facts)
    return row


def _mapping(schema: values.LabelSchema, given: Mapping[str, str]) -> dict[str, str]:
    """From every label of the version before to one of this version, or to nothing."""
    if schema.version == 1:
        return {}
    before = LabelSchema.objects.filter(name=schema.name, version=schema.version - 1).first()
    if before is None:
        raise ConflictError("annotation.schema-version", "Versions follow one another: add the one before first.")
    old = {label.id for label in values.schema_from_json(before.definition).labels}
    new = {label.id for label in schema.labels}
    whole = {label: label for label in old & new} | dict(given)
    wrong = [
        Finding(Severity.ERROR, "annotation.mapping", f"mapping.{label}", message)
        for label in sorted(old | whole.keys())
        if (message := _wrong(label, whole, old, new))
    ]
    if wrong:
        raise SchemaInvalidError(wrong)
    return whole


def _wrong(label: str, whole: Mapping[str, str], old: set[str], new: set[str]) -> str:
    if label not in old:
        return "The version before has no such label."
    if label not in whole:
        return "Say which label this one became, or that it was dropped."
    return "" if whole[label] in {*new, DROPPED} else "It leads to a label that this version does not have."


def replace_draft(value: object, *, actor: Actor, mapping: Mapping[str, str] | None = None) -> LabelSchema:
    """Change a version that no project uses yet.

    Raises
    ------
    SchemaUsedError
        When a project uses it.
    NotFoundError
        When there is none; see :func:`add_schema` for the rest.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    schema = values.schema_from_json(value)
    findings = [finding for finding in check_schema(schema) if finding.is_error]
    if findings:
        raise SchemaInvalidError(findings)
    whole = _mapping(schema, mapping or {})
    with transaction.atomic():
        row = LabelSchema.objects.select_for_update().filter(name=schema.name, version=schema.version).first()
        if row is None:
            raise NotFoundError("There is no such version of the schema.")
        if row.is_used:
            raise SchemaUsedError
        row.title, row.definition, row.digest, row.mapping = schema.title, schema.to_json(), schema.digest, whole
        row.save(update_fields=["title", "definition", "digest", "mapping"])
        audit.record(
            actor,
            "annotation.schema-changed",
            object_kind="schema",
            object_id=str(schema.reference),
            facts={"digest": schema.digest},
        )
    return row
