"""Strict reading of untyped values: each function returns a typed value or says in one phrase what is wrong."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

MAXIMUM_TEXT_LENGTH = 256


def mapping(value: object, name: str) -> dict[str, object]:
    """``value`` when it is a JSON object.

    Raises
    ------
    ValueError
        When it is something else.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")  # noqa: TRY004 - one error type for every malformed value
    return value


def unknown_keys(
    value: Mapping[str, object], name: str, *, required: AbstractSet[str], optional: AbstractSet[str] = frozenset()
) -> None:
    """Demand exactly the ``required`` keys and allow the ``optional`` ones.

    Raises
    ------
    ValueError
        When a key is missing or unknown.
    """
    missing = required - value.keys()
    if missing:
        raise ValueError(f"{name} lacks {', '.join(sorted(missing))}")
    if value.keys() - required - optional:
        raise ValueError(f"{name} has keys that the schema does not know")


def text(value: Mapping[str, object], key: str, *, pattern: re.Pattern[str] | None = None) -> str:
    """The text under ``key``: printable, not empty, at most 256 characters, matching ``pattern`` as a whole.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    found = value[key]
    if not isinstance(found, str) or not found or len(found) > MAXIMUM_TEXT_LENGTH or not found.isprintable():
        raise ValueError(f"{key} is not a short printable text")
    if pattern is not None and not pattern.fullmatch(found):
        raise ValueError(f"{key} is malformed")
    return found


def whole_number(value: Mapping[str, object], key: str) -> int:
    """The whole number ≥ 0 under ``key``.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    found = value[key]
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{key} is not a whole number")
    return found
