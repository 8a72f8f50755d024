"""The verbs of label schemas: add one, make its next version."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from radcommons.server.annotation.errors import SchemaInvalidError, SchemaUsedError
from radcommons.server.annotation.models import LabelSchema
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.transfer.annotation import schema as values
from radcommons.transfer.annotation.checking import check_schema
from radcommons.transfer.annotation.versions import SchemaMapping, check_mapping, proposed_mapping


def add_schema(value: object, *, actor: Actor, mapping: Mapping[str, object] | None = None) -> LabelSchema:
    """Keep one version of a label schema.

    Parameters
    ----------
    value
        The schema as plain JSON, see :func:`radcommons.transfer.annotation.schema.schema_from_json`.
    mapping
        For every version but the first: ``labels`` and ``choices`` as in
        :class:`radcommons.transfer.annotation.versions.SchemaMapping`; what keeps its id need not be named.

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


def _create(schema: values.LabelSchema, mapping: Mapping[str, object], actor: Actor) -> LabelSchema:
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


def _mapping(schema: values.LabelSchema, given: Mapping[str, object]) -> dict[str, object]:
    """How a version follows from the one before: what was given, on top of what equal names say."""
    if schema.version == 1:
        return {}
    before = LabelSchema.objects.filter(name=schema.name, version=schema.version - 1).first()
    if before is None:
        raise ConflictError("annotation.schema-version", "Versions follow one another: add the one before first.")
    old = values.schema_from_json(before.definition)
    proposed = proposed_mapping(old, schema)
    # A label that is gone ends only when a person says so.
    kept = {name: became for name, became in proposed.labels.items() if became}
    wished = SchemaMapping.from_json({**proposed.to_json(), "labels": kept, **given})
    mapping = SchemaMapping(wished.old, wished.new, {**kept, **wished.labels}, {**proposed.choices, **wished.choices})
    wrong = [finding for finding in check_mapping(mapping, old, schema) if finding.is_error]
    if wrong:
        raise SchemaInvalidError(wrong)
    return mapping.to_json()


def replace_draft(value: object, *, actor: Actor, mapping: Mapping[str, object] | None = None) -> LabelSchema:
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
        row = (
            LabelSchema.objects.select_for_update(no_key=True).filter(name=schema.name, version=schema.version).first()
        )
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
