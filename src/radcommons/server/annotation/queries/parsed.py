"""Label schemas as values, parsed once in a process: a version is named by its digest, so what is remembered stays true."""

from radcommons.server.annotation.models import LabelSchema as SchemaRow
from radcommons.transfer.annotation.schema import LabelSchema, schema_from_json

_MOST = 64
_known: dict[str, LabelSchema] = {}


def schema_value(row: SchemaRow) -> LabelSchema:
    """The schema of a row."""
    found = _known.get(row.digest)
    if found is None:
        if len(_known) >= _MOST:
            _known.clear()
        found = _known[row.digest] = schema_from_json(row.definition)
    return found
