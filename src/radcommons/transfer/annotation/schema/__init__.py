"""What readers are asked: label schemas as immutable, versioned values with canonical JSON.

A schema is a list of groups of labels. A label says where it holds (scope), how it is drawn (geometry), what its answer is
(value), what it means to others (codes), and when it must be answered (required, required_if). Once a reading used a
version it never changes; a change is a new version and a mapping (``versions``).
"""

from radcommons.transfer.annotation.schema.answers import Choice, Condition, ValueKind, ValueRule
from radcommons.transfer.annotation.schema.labels import (
    SCHEMA_FORMAT,
    Example,
    Label,
    LabelGroup,
    LabelSchema,
    SchemaReference,
    Scope,
    schema_from_json,
)

__all__ = [
    "SCHEMA_FORMAT",
    "Choice",
    "Condition",
    "Example",
    "Label",
    "LabelGroup",
    "LabelSchema",
    "SchemaReference",
    "Scope",
    "ValueKind",
    "ValueRule",
    "schema_from_json",
]
