"""The generated tables of the standard that decide what de-identification does, and the options they have columns for.

They are facts of PS3.15 annex E and PS3.3, made by ``tools/make_deid_tables.py``; each says its edition and its sources.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

# PS3.16 CID 7050: what is written into De-identification Method Code Sequence.
BASIC_PROFILE_CODE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA_CODE = ("113101", "Clean Pixel Data Option")
CLEAN_STRUCTURED_CONTENT_CODE = ("113104", "Clean Structured Content Option")
OPTION_CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "clean_pixel_data": CLEAN_PIXEL_DATA_CODE,
        "clean_recognizable_visual_features": ("113102", "Clean Recognizable Visual Features Option"),
        "clean_graphics": ("113103", "Clean Graphics Option"),
        "clean_structured_content": CLEAN_STRUCTURED_CONTENT_CODE,
        "clean_descriptors": ("113105", "Clean Descriptors Option"),
        "retain_longitudinal_full_dates": (
            "113106",
            "Retain Longitudinal Temporal Information Full Dates Option",
        ),
        "retain_longitudinal_modified_dates": (
            "113107",
            "Retain Longitudinal Temporal Information Modified Dates Option",
        ),
        "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
        "retain_device_identity": ("113109", "Retain Device Identity Option"),
        "retain_uids": ("113110", "Retain UIDs Option"),
        "retain_safe_private": ("113111", "Retain Safe Private Option"),
        "retain_institution_identity": ("113112", "Retain Institution Identity Option"),
    }
)
# Options about pixels have no column in Table E.1-1.
PIXEL_OPTIONS = frozenset({"clean_pixel_data", "clean_recognizable_visual_features"})


@lru_cache(maxsize=8)
def table(name: str) -> dict[str, object]:
    """One of the generated tables: ``ps3_15_e1_1``, ``ps3_15_e3_4_1``, ``ps3_15_e3_10_1`` or ``ps3_3_types``."""
    content: dict[str, object] = json.loads((files("radcommons.deid") / "data" / f"{name}.json").read_text("utf-8"))
    return content


def rows_of(name: str) -> list[dict[str, object]]:
    """The rows of a generated table, each as a mapping."""
    rows: list[dict[str, object]] = table(name)["rows"]  # type: ignore[assignment]  # the generated tables have this shape
    return rows


@lru_cache(maxsize=1)
def attribute_rows() -> Mapping[int, Mapping[str, object]]:
    """The rows of Table E.1-1 that are about one attribute each, by tag; whole groups are not among them."""
    return MappingProxyType(
        {int(tag, 16): row for row in rows_of("ps3_15_e1_1") if (tag := str(row["tag"])) and _is_one(tag)}
    )


def _is_one(tag: str) -> bool:
    return "x" not in tag and tag != "PRIVATE"


@lru_cache(maxsize=16)
def tags_of_option(option: str) -> frozenset[int]:
    """The attributes for which Table E.1-1 has something to say under an option."""
    return frozenset(tag for tag, row in attribute_rows().items() if option in str(row["options"]))


def code_of(row: Mapping[str, object], options: tuple[str, ...]) -> str:
    """The code of a table row under some options: cleaning goes before keeping, and both before the Basic Profile."""
    given: Mapping[str, str] = row["options"]  # type: ignore[assignment]  # the generated tables have this shape
    codes = [given[option] for option in options if option in given]
    for preferred in ("C", "K"):
        if preferred in codes:
            return preferred
    return str(row["basic"])


def option_name(text: str) -> str | None:
    """The name of an option in the tables for a name a person wrote; ``None`` when there is no such option.

    ``Retain Longitudinal Temporal Information Modified Dates Option``, ``Retain Longitudinal Modified Dates`` and
    ``retain_longitudinal_modified_dates`` are the same; so are an option's code (``113107``) and its name.
    """
    for name, (code, _) in OPTION_CODES.items():
        if text.strip() == code:
            return name
    words = text.replace("-", " ").replace("_", " ").casefold().split()
    shortened = [word for word in words if word not in {"temporal", "information", "option"}]
    name = "_".join(shortened)
    return name if name in OPTION_CODES else None
