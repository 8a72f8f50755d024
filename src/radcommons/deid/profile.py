"""De-identification profiles: the tables of PS3.15 annex E, options by their standard names, and stricter actions as data.

A profile is compiled once to one code for each attribute; compound codes (X/Z/D and the like) are settled by the type the
attribute has where it stands, always to the side that identifies less without breaking the object.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from pydicom.datadict import tag_for_keyword

from radcommons.deid.attribute_types import AttributeType
from radcommons.deid.pixels.rules import PixelRules
from radcommons.dicom.elements import vr_of_tag
from radcommons.dicom.errors import Kind, RadCommonsError

SCHEMA = "radcommons.profile/1"
# Part of every digest: raised whenever the same profile would give other bytes.
ENGINE_VERSION = 2

# PS3.16 CID 7050: what is written into De-identification Method Code Sequence.
BASIC_PROFILE_CODE = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA_CODE = ("113101", "Clean Pixel Data Option")
CLEAN_STRUCTURED_CONTENT_CODE = ("113104", "Clean Structured Content Option")
OPTION_CODES = {
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_structured_content": CLEAN_STRUCTURED_CONTENT_CODE,
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "retain_longitudinal_full_dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
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
# The options whose behaviour this engine has; a profile that asks for another is refused rather than half obeyed.
SUPPORTED_OPTIONS = frozenset(
    {
        "clean_descriptors",
        "clean_structured_content",
        "retain_device_identity",
        "retain_longitudinal_modified_dates",
        "retain_patient_characteristics",
    }
)
_KEPT_UID_KEYWORDS = [
    "AffectedSOPClassUID",
    "CodingSchemeUID",
    "ContextGroupExtensionCreatorUID",
    "ContextUID",
    "MappingResourceUID",
    "OriginalSpecializedSOPClassUID",
    "ReferencedRelatedGeneralSOPClassUIDInFile",
    "ReferencedSOPClassUID",
    "ReferencedTransferSyntaxUIDInFile",
    "RelatedGeneralSOPClassUID",
    "RequestedSOPClassUID",
    "SOPClassesInStudy",
    "SOPClassesSupported",
    "SOPClassUID",
    "TransferSyntaxUID",
    "AvailableTransferSyntaxUID",
    "EncryptedContentTransferSyntaxUID",
    "MACCalculationTransferSyntaxUID",
]
KEPT_UID_TAGS = frozenset(tag for tag in map(tag_for_keyword, _KEPT_UID_KEYWORDS) if tag is not None)
# Commands, meta information and directories of media: no part of an object, and their addresses and file names tell a lot.
_OUTER_GROUPS = frozenset({0x0000, 0x0002, 0x0004})
# Addresses that name a vocabulary; all others name servers, files and persons.
_KEPT_URLS = frozenset(map(tag_for_keyword, ("CodingSchemeURL", "URNCodeValue")))
_GRAPHIC_GROUPS = frozenset({0x50, 0x60})
_TRAILING_GROUPS = frozenset({0xFFFA, 0xFFFC})
_FREE_TEXT_VRS = frozenset({"LO", "SH", "UC"})
_NARRATIVE_VRS = frozenset({"LT", "ST", "UT"})


class Action(StrEnum):
    """What happens to an attribute, in the letters of PS3.15 Table E.1-1a."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


_PIXEL_RULES = PixelRules()


class ProfileError(RadCommonsError):
    """A profile that cannot be used, with what to change in it."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "deid.invalid-profile", message)


@dataclass(frozen=True, slots=True)
class Profile:
    """A compiled profile.

    Parameters
    ----------
    name, version
        What it is called; both are written into every object.
    options
        The options of PS3.15 E.3 it applies, by their names in Table E.1-1.
    digest
        SHA-256 of everything that decides its outcome, the tables and this engine's version included.
    codes
        For each attribute of the table its settled or compound code.
    clean_reports
        Whether structured reports keep a cleaned content tree (Clean Structured Content, for these objects only).
    maximum_age_years
        Ages above it become one category; ``None`` leaves ages as they are.
    pixels
        What it says of writing and faces in pixels.
    """

    name: str
    version: str
    options: tuple[str, ...]
    digest: str
    codes: Mapping[int, str]
    clean_reports: bool
    maximum_age_years: int | None
    pixels: PixelRules = _PIXEL_RULES

    def action_for(self, tag: int, vr: str = "", *, attribute_type: AttributeType = AttributeType.OPTIONAL) -> Action:
        """What happens to an attribute.

        Parameters
        ----------
        tag
            Group and element.
        vr
            Its value representation in the object, which decides for attributes the table does not list.
        attribute_type
            Whether the object must have it, and with a value (PS3.5 7.4).
        """
        group = tag >> 16
        if group & 1 or tag & 0xFFFF == 0 or group in _OUTER_GROUPS | _TRAILING_GROUPS:
            return Action.REMOVE
        if group >> 8 in _GRAPHIC_GROUPS:
            return Action.REMOVE
        code = self.codes.get(tag)
        if vr == "UN" and code in {None, "C", "K"}:
            # Bytes of unknown form can be neither cleaned nor trusted.
            return Action.REMOVE
        if code is None:
            return _unlisted(tag, vr or vr_of_tag(tag))
        return _settle(code, attribute_type)

    def private_action(self, group: int, creator: str, element_byte: int, vr: str) -> Action:  # noqa: ARG002
        """What happens to a private attribute of a known owner; it goes unless the owner's block is known to be safe."""
        return Action.REMOVE

    def is_descriptor(self, tag: int, vr: str) -> bool:
        """Whether a kept text is free text, to be cleaned thoroughly, and not a code or a technical value."""
        return vr in _NARRATIVE_VRS or (vr in _FREE_TEXT_VRS and self.codes.get(tag) == "C")


def _unlisted(tag: int, vr: str) -> Action:
    """The action for an attribute the table does not list: deny what could name somebody."""
    if vr_of_tag(tag) == "UN" or ("UR" in {vr, vr_of_tag(tag)} and tag not in _KEPT_URLS):
        return Action.REMOVE
    if vr == "PN":
        return Action.EMPTY
    if vr == "UI":
        return Action.KEEP if tag in KEPT_UID_TAGS else Action.UID
    return Action.CLEAN if vr in {"DA", "DT"} else Action.KEEP


def _settle(code: str, attribute_type: AttributeType) -> Action:
    if code in {"K", "C", "U"}:
        return Action(code)
    if "U*" in code:
        # Sequences of references: the items stay and every UID in them is replaced (PS3.15 Table E.1-1a, X/Z/U*).
        return Action.CLEAN
    choices = code.split("/")
    if attribute_type is AttributeType.REQUIRED or choices == ["D"]:
        return Action.DUMMY
    if attribute_type is AttributeType.MAY_BE_EMPTY:
        return Action.EMPTY
    return next(action for action in (Action.REMOVE, Action.EMPTY, Action.DUMMY) if action.value in choices)


@lru_cache(maxsize=2)
def table(name: str) -> dict[str, object]:
    """One of the generated tables of PS3.15 annex E: ``ps3_15_e1_1`` or ``ps3_15_e3_4_1``."""
    content: dict[str, object] = json.loads((files("radcommons.deid") / "data" / f"{name}.json").read_text("utf-8"))
    return content


@lru_cache(maxsize=16)
def load_profile(name_or_path: str | Path) -> Profile:
    """Load a profile that comes with the package by its name, or any by the path of its TOML file.

    Raises
    ------
    ProfileError
        When it is missing, malformed, made for another edition of the standard, or asks for what this engine cannot do.
    """
    text = _read(name_or_path)
    try:
        content = tomllib.loads(text)
        return _compile(content)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"The profile is no valid TOML: {error}.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ProfileError(f"The profile lacks or misuses {error}.") from error


def _read(name_or_path: str | Path) -> str:
    packaged = files("radcommons.deid") / "profiles" / f"{name_or_path}.toml"
    try:
        if "/" not in str(name_or_path) and packaged.is_file():
            return packaged.read_text("utf-8")
        return Path(name_or_path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(
            "There is no such profile: give the name of a packaged one or the path of a TOML file."
        ) from error


def _compile(content: dict[str, object]) -> Profile:
    if content["schema"] != SCHEMA:
        raise ProfileError(f"The schema must be {SCHEMA}.")
    attributes = table("ps3_15_e1_1")
    if content["edition"] != attributes["edition"]:
        raise ProfileError(f"The tables here are of edition {attributes['edition']}.")
    options = tuple(sorted(_strings(content["options"])))
    if unknown := sorted(set(options) - SUPPORTED_OPTIONS):
        raise ProfileError(f"Unknown or unsupported options: {', '.join(unknown)}.")
    overrides = {_tag(keyword): _letter(code) for keyword, code in _mapping(content.get("actions", {})).items()}
    codes = _codes(attributes["rows"], options)  # type: ignore[arg-type]  # the generated table has this shape
    codes.update(overrides)
    age = content.get("maximum_age_years")
    fingerprint = json.dumps(
        [ENGINE_VERSION, content, attributes["sha256_of_source_xml"]], sort_keys=True, ensure_ascii=False
    )
    return Profile(
        name=str(content["name"]),
        version=str(content["version"]),
        options=options,
        digest=hashlib.sha256(fingerprint.encode()).hexdigest(),
        codes=codes,
        clean_reports=bool(content.get("clean_reports", False)),
        maximum_age_years=age if isinstance(age, int) else None,
    )


def code_of(row: Mapping[str, object], options: tuple[str, ...]) -> str:
    """The code of a table row under some options: cleaning goes before keeping, and both before the Basic Profile."""
    given: Mapping[str, str] = row["options"]  # type: ignore[assignment]  # the generated tables have this shape
    codes = [given[option] for option in options if option in given]
    for preferred in ("C", "K"):
        if preferred in codes:
            return preferred
    return str(row["basic"])


def _codes(rows: list[dict[str, object]], options: tuple[str, ...]) -> dict[int, str]:
    codes = {}
    for row in rows:
        tag = str(row["tag"])
        # Curves, overlays and private attributes are whole groups; they are removed without looking at the table.
        if "x" not in tag and tag.isalnum() and tag != "PRIVATE":
            codes[int(tag, 16)] = code_of(row, options)
    return codes


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ProfileError("Options are a list of names.")
    return value


def _mapping(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
        raise ProfileError("Actions are a table of attribute keywords with one letter each.")
    return value


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ProfileError(f"{keyword} is no attribute keyword of the standard.")
    return int(tag)


def _letter(code: str) -> str:
    if code not in {"D", "Z", "X", "U"}:
        raise ProfileError("An own action may only be stricter than the options: D, Z, X or U.")
    return code
