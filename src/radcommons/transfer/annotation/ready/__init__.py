"""Label schemas that come with the house, as data files beside this module: read, checked, ready to be used or copied."""

import json
from functools import cache
from importlib import resources

from radcommons.transfer.annotation.schema import LabelSchema, schema_from_json

READY = (
    "ricord-1a",
    "ricord-1c",
    "midrc-mrale",
    "co-rads",
    "ct-severity-lobes",
    "ct-severity-zones",
    "image-quality",
)


@cache
def ready_schema(name: str) -> LabelSchema:
    """The schema of that name.

    Raises
    ------
    KeyError
        When the house brings no such schema.
    """
    if name not in READY:
        raise KeyError(name)
    text = resources.files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return schema_from_json(json.loads(text))


def ready_schemas() -> tuple[LabelSchema, ...]:
    """All of them."""
    return tuple(ready_schema(name) for name in READY)
