"""Label schemas as values, parsed once in a process: a version is named by its digest, so what is remembered stays true."""

from radcommons.server.annotation.models import LabelSchema as SchemaRow
from radcommons.server.platform.errors import NotFoundError
from radcommons.transfer.annotation.ready import READY, ready_schema
from radcommons.transfer.annotation.schema import LabelSchema, schema_from_json

_MOST = 64
_LONGEST_VERSION = 10
_known: dict[str, LabelSchema] = {}


def schema_value(row: SchemaRow) -> LabelSchema:
    """The schema of a row."""
    found = _known.get(row.digest)
    if found is None:
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[row.digest] = schema_from_json(row.definition)
    return found


def schema_named(text: str) -> LabelSchema:
    """The schema that somebody writes as NAME/VERSION; one that comes with the house by its name alone too.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    name, _, version = text.rpartition("/")
    if version.isascii() and version.isdigit() and len(version) < _LONGEST_VERSION:
        row = SchemaRow.objects.filter(name=name, version=int(version)).first()
        if row is not None:
            return schema_value(row)
    if text in READY:
        return ready_schema(text)
    raise NotFoundError("There is no such version of a schema. Write NAME/VERSION.")
