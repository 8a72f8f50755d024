"""Identifiers inside what pages send and are sent, wherever they stand. Pure."""

from collections.abc import Callable
from typing import Any

_NAMES = frozenset({"study_instance_uid", "series_instance_uid", "sop_instance_uid"})
Change = Callable[[str], str]


def with_identifiers(value: Any, change: Change) -> Any:
    """The same plain JSON with every identifier of a study, series or instance changed."""
    if isinstance(value, dict):
        return {
            name: change(inner)
            if name in _NAMES and inner and isinstance(inner, str)
            else with_identifiers(inner, change)
            for name, inner in value.items()
        }
    # Points and runs are lists of numbers, or of lists of numbers: nothing to look for, and there are very many.
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [with_identifiers(inner, change) for inner in value]
    return value
