"""Which attributes an object must have, with a value or without (types 1 and 2 of PS3.3, PS3.5 7.4).

The knowledge is the generated table ``ps3_3_types``: all objects that PS3.4 knows, all sequences. An attribute that is
needed only under a condition counts as needed where it is there, for then the condition held; attributes that the Basic
Profile always removes are the exception, since for them the standard saw no condition that matters.
"""

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from radcommons.deid.tables import attribute_rows, rows_of, table


class AttributeType(Enum):
    """How an object needs an attribute."""

    REQUIRED = "1"
    MAY_BE_EMPTY = "2"
    OPTIONAL = "3"


# Classes that PS3.4 has retired need what their successors need.
_SUCCESSORS = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.3": "1.2.840.10008.5.1.4.1.1.3.1",
        "1.2.840.10008.5.1.4.1.1.5": "1.2.840.10008.5.1.4.1.1.20",
        "1.2.840.10008.5.1.4.1.1.6": "1.2.840.10008.5.1.4.1.1.6.1",
        "1.2.840.10008.5.1.4.1.1.12.3": "1.2.840.10008.5.1.4.1.1.12.1",
    }
)
# Nothing says what a class of no standard object needs; these keep any object readable, and cost nothing.
_UNKNOWN_OBJECT = "unknown"
_Place = tuple[int, int]


@lru_cache(maxsize=1)
def _objects() -> Mapping[str, str]:
    classes: Mapping[str, str] = table("ps3_3_types")["classes"]  # type: ignore[assignment]  # shape of the generated table
    return classes


@lru_cache(maxsize=1)
def _usual() -> Mapping[_Place, str]:
    return {_place(row): str(row["type"]) for row in rows_of("ps3_3_types")}


@lru_cache(maxsize=1)
def _exceptions() -> Mapping[_Place, Mapping[str, str]]:
    answer: dict[_Place, Mapping[str, str]] = {}
    for row in rows_of("ps3_3_types"):
        others: Mapping[str, list[str]] = row.get("except", {})  # type: ignore[assignment]  # shape of the generated table
        if others:
            answer[_place(row)] = {name: kind for kind, names in others.items() for name in names}
    return answer


def _place(row: Mapping[str, object]) -> _Place:
    return int(str(row["in"]) or "0", 16), int(str(row["tag"]), 16)


def object_of(sop_class_uid: str) -> str:
    """The name of the object of PS3.3 that a SOP class stores, such as ``ct-image``; ``unknown`` for no standard one."""
    known = _objects()
    return known.get(sop_class_uid) or known.get(_SUCCESSORS.get(sop_class_uid, ""), _UNKNOWN_OBJECT)


@lru_cache(maxsize=16_384)
def _type_of(tag: int, name: str, parent: int) -> AttributeType:
    place = (parent, tag)
    kind = _exceptions().get(place, {}).get(name) or _usual().get(place, "3")
    is_conditional = kind.endswith("C")
    row = attribute_rows().get(tag)
    if is_conditional and row is not None and row["basic"] == "X":
        return AttributeType.OPTIONAL
    return AttributeType(kind.removesuffix("C"))


def attribute_type(tag: int, sop_class_uid: str, parents: tuple[int, ...] = ()) -> AttributeType:
    """How an object of a SOP class needs an attribute.

    Parameters
    ----------
    tag
        The attribute.
    sop_class_uid
        The class of the whole object.
    parents
        The sequences the attribute is nested in, outermost first.
    """
    return _type_of(tag, object_of(sop_class_uid), parents[-1] if parents else 0)
