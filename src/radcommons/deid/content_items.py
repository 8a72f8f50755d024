"""The content tree of structured reports, item by item (PS3.15 E.3.4, Table E.3.4-1).

Only what depends on an item's concept is done here: items that must go are taken out, texts that must be replaced are. All
values that remain pass through the rules for their attribute like everywhere else.
"""

from functools import lru_cache

from radcommons.deid.tables import code_of, table
from radcommons.dicom.elements import Element
from radcommons.dicom.text import first_text

Item = tuple[Element, ...]
_CONTENT_SEQUENCE = 0x0040A730
_CONCEPT_NAME = 0x0040A043
_VALUE_TYPE = 0x0040A040
_TEXT_VALUE = 0x0040A160
_MEASURED_VALUES = 0x0040A300
_NUMERIC_VALUE = 0x0040A30A
_OTHER_NUMBERS = frozenset({0x0040A161, 0x0040A162, 0x0040A163})
# Subject Age and Age of the coding schemes that reports use.
_AGES = frozenset({("DCM", "121033"), ("SCT", "397669002"), ("SCT", "424144002"), ("LN", "30525-0")})
_REFERENCED_ITEM = 0x0040DB73
# Such items only point somewhere; their UIDs are replaced, and the report keeps its meaning.
_REFERENCE_TYPES = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM", "UIDREF"})
_REMOVED_TEXT = Element(_TEXT_VALUE, "UT", b"REMOVED ")


@lru_cache(maxsize=8)
def _concept_codes(options: tuple[str, ...]) -> dict[tuple[str, str], str]:
    rows: list[dict[str, object]] = table("ps3_15_e3_4_1")["rows"]  # type: ignore[assignment]  # shape of the generated table
    return {(str(row["scheme"]), str(row["code"])): code_of(row, options) for row in rows}


class ContentRules:
    """Table E.3.4-1 under some options."""

    def __init__(self, options: tuple[str, ...], *, maximum_age_years: int | None = None) -> None:
        self._codes = _concept_codes(options)
        self._maximum_age_years = maximum_age_years

    def prepare(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """The items of one content sequence without those that must go; nested sequences are prepared when reached."""
        # Relationships by reference count positions, so where they exist items are replaced rather than removed.
        may_remove = not any(_has_reference(item) for item in items)
        answer = []
        for item in items:
            action = self._action(item)
            if action == "K":
                answer.append(self._with_capped_age(item))
            elif action == "D" or not may_remove:
                answer.append(_with_dummy(item))
        return tuple(answer)

    def _with_capped_age(self, item: Item) -> Item:
        """The item with an age above the highest category as that category: years are a number here, not an AS."""
        limit, concept = self._maximum_age_years, _find(item, _CONCEPT_NAME)
        if limit is None or concept is None or not concept.items:
            return item
        name = concept.items[0]
        if (first_text(_find(name, 0x00080102)), first_text(_find(name, 0x00080100))) not in _AGES:
            return item
        return tuple(_capped(element, limit) if element.tag == _MEASURED_VALUES else element for element in item)

    def _action(self, item: Item) -> str:
        """K to leave the item to the rules of its attributes, D to replace its text, X to remove it."""
        value_type = first_text(_find(item, _VALUE_TYPE))
        concept = _find(item, _CONCEPT_NAME)
        if value_type in _REFERENCE_TYPES or concept is None or not concept.items:
            return "K"
        name = concept.items[0]
        key = (first_text(_find(name, 0x00080102)), first_text(_find(name, 0x00080100)))
        code = self._codes.get(key, "K")
        if code in {"K", "C"}:
            return "K"
        if "X" in code.split("/"):
            return "X"
        # Names, dates and UIDs get their dummies by the rules of their attributes.
        return "D" if value_type == "TEXT" else "K"


def _find(item: Item, tag: int) -> Element | None:
    return next((element for element in item if element.tag == tag), None)


def _has_reference(item: Item) -> bool:
    return any(
        element.tag == _REFERENCED_ITEM or any(_has_reference(inner) for inner in element.items or ())
        for element in item
    )


def _capped(measured: Element, limit: int) -> Element:
    items = tuple(
        tuple(
            Element(each.tag, each.vr, f"{limit + 1} "[:2].encode("ascii")) if _is_above(each, limit) else each
            for each in item
            # The same number in other forms would tell it again.
            if each.tag not in _OTHER_NUMBERS
        )
        if any(_is_above(each, limit) for each in item)
        else item
        for item in measured.items or ()
    )
    return Element(measured.tag, "SQ", items=items)


def _is_above(element: Element, limit: int) -> bool:
    if element.tag != _NUMERIC_VALUE:
        return False
    try:
        return float(first_text(element)) > limit
    except ValueError:
        return False


def _with_dummy(item: Item) -> Item:
    return tuple(_REMOVED_TEXT if element.tag == _TEXT_VALUE else element for element in item)
