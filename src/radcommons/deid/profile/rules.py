"""What a compiled profile says about each attribute of an object."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from radcommons.deid.attribute_types import AttributeType
from radcommons.deid.coding_schemes import CODE_MEANING, CODE_TAGS
from radcommons.deid.levels import Level
from radcommons.deid.pixels.rules import PixelRules
from radcommons.deid.private import PrivateAttribute, PrivateKey, standard_private_attributes
from radcommons.deid.profile.unlisted import is_typed_by_people, unlisted_code
from radcommons.deid.tables import PIXEL_OPTIONS
from radcommons.dicom.elements import PIXEL_TAGS, vr_of_tag

# Commands, meta information and directories of media: no part of an object, and their addresses and file names tell a lot.
_OUTER_GROUPS = frozenset({0x0000, 0x0002, 0x0004})
GRAPHIC_GROUPS = frozenset({0x50, 0x60})
PATIENT_IDENTITY = frozenset({0x00100010, 0x00100020})
"""Patient's Name and Patient ID, whose place the code of the subject takes in the object itself."""
_TRAILING_GROUPS = frozenset({0xFFFA, 0xFFFC})
# Compression tables of ACR-NEMA, which give any number of attributes without saying what is in them.
_RETIRED_GROUPS = frozenset({0x1000, 0x1010})
# Pictures beside the picture: variable pixel data and coefficients of wavelets, which no viewer shows any more.
_PIXEL_GROUPS = frozenset(range(0x7F00, 0x8000, 2))
_KEPT_PIXEL_TAGS = PIXEL_TAGS | {0x7FE00001, 0x7FE00002, 0x7FE00003}
_FREE_TEXT_VRS = frozenset({"LO", "SH", "UC"})
_NARRATIVE_VRS = frozenset({"LT", "ST", "UT"})
_CLAIMED_WHERE_APPLIED = PIXEL_OPTIONS | {"clean_structured_content"}


class Action(StrEnum):
    """What happens to an attribute, in the letters of PS3.15 Table E.1-1a."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    UID = "U"


@dataclass(frozen=True, slots=True)
class Profile:
    """A compiled profile.

    Parameters
    ----------
    name, version
        What it is called; both are written into every object. Together with the digest they are unique.
    title
        What it is for, in a sentence.
    options
        The options of PS3.15 E.3 it applies, by their names in :data:`~radcommons.deid.tables.OPTION_CODES`.
    digest
        SHA-256 of its content, the same in every version of RadCommons; see :mod:`radcommons.deid.profile.engine`.
    codes
        For each attribute of the table, and each the profile names itself, its settled or compound code.
    overrides
        The attributes the profile treats otherwise than its options say: code and reason, by tag.
    classes
        The profile as it is for single SOP classes, where it names some, by their UIDs.
    private
        The private attributes it says itself are safe, by group, creator and last two digits.
    distrusted_creators
        Whose attributes go although Table E.3.10-1 lists some.
    pixels
        What is done about writing in pixels and about faces.
    maximum_age_years
        Ages above it become one category; ``None`` leaves ages as they are.
    are_unknown_words_removed
        Whether free text loses every word outside the vocabulary of imaging, rather than showing it to a reviewer.
    """

    name: str
    version: str
    title: str
    options: tuple[str, ...]
    digest: str
    codes: Mapping[int, str]
    overrides: Mapping[int, tuple[str, str]]
    classes: "Mapping[str, Profile]"
    private: Mapping[PrivateKey, PrivateAttribute]
    distrusted_creators: frozenset[str]
    pixels: PixelRules
    maximum_age_years: int | None
    are_unknown_words_removed: bool = False

    @property
    def clean_reports(self) -> bool:
        """Whether structured reports keep a cleaned content tree (PS3.15 E.3.4)."""
        return "clean_structured_content" in self.options

    @property
    def has_clean_graphics(self) -> bool:
        """Whether overlays, curves and annotations stay, cleaned (PS3.15 E.3.3)."""
        return "clean_graphics" in self.options

    @property
    def keeps_uids(self) -> bool:
        """Whether UIDs stay as they are (PS3.15 E.3.9)."""
        return "retain_uids" in self.options

    @property
    def has_full_dates(self) -> bool:
        """Whether dates stay as they are (PS3.15 E.3.6)."""
        return "retain_longitudinal_full_dates" in self.options

    @property
    def dates_mark(self) -> str:
        """What Longitudinal Temporal Information Modified (0028,0303) says afterwards (PS3.3 C.12.1.1.7)."""
        if self.has_full_dates:
            return "UNMODIFIED"
        return "MODIFIED" if "retain_longitudinal_modified_dates" in self.options else "REMOVED"

    @property
    def header_options(self) -> tuple[str, ...]:
        """The options that every object goes through; those about pixels and content trees are claimed where they were applied."""
        return tuple(option for option in self.options if option not in _CLAIMED_WHERE_APPLIED)

    def for_class(self, sop_class_uid: str) -> "Profile":
        """The profile with what it says of one SOP class only."""
        return self.classes.get(sop_class_uid, self)

    def action_for(
        self,
        tag: int,
        vr: str = "",
        *,
        attribute_type: AttributeType = AttributeType.OPTIONAL,
        is_nested: bool = False,
    ) -> Action:
        """What happens to an attribute; private ones are asked for with :meth:`private_action`.

        Parameters
        ----------
        tag
            Group and element.
        vr
            Its value representation in the object, which decides for attributes the table does not list.
        attribute_type
            Whether the object must have it, and with a value (PS3.5 7.4).
        is_nested
            Whether it stands in an item of a sequence, where nobody looks at pixels.
        """
        group = tag >> 16
        if group & 1 or tag & 0xFFFF == 0 or group in _OUTER_GROUPS | _TRAILING_GROUPS | _RETIRED_GROUPS:
            return Action.REMOVE
        if (group in _PIXEL_GROUPS and tag not in _KEPT_PIXEL_TAGS) or (is_nested and group in _PIXEL_GROUPS):
            return Action.REMOVE
        if group >> 8 in GRAPHIC_GROUPS:
            return Action.CLEAN if self.has_clean_graphics and vr != "UN" else Action.REMOVE
        code = self.codes.get(tag)
        if vr == "UN" and code in {None, "C", "K", "U"}:
            # Bytes of unknown form can be neither cleaned nor trusted.
            code = "X"
        if code is None:
            code, _ = unlisted_code(tag, vr or vr_of_tag(tag), self.options)
        return settled(code, attribute_type)

    def private_attribute(self, group: int, creator: str, element_byte: int) -> PrivateAttribute | None:
        """The safe private attribute at a place, when the profile keeps it.

        Parameters
        ----------
        group
            The odd group number.
        creator
            The text that reserves the block, without padding.
        element_byte
            The last two hexadecimal digits of the element number.
        """
        if "retain_safe_private" not in self.options or creator in self.distrusted_creators:
            return None
        key = (group, creator, element_byte)
        return self.private.get(key) or standard_private_attributes().get(key)

    def private_attributes(self) -> Mapping[PrivateKey, PrivateAttribute]:
        """All private attributes that stay."""
        if "retain_safe_private" not in self.options:
            return {}
        every = {**standard_private_attributes(), **self.private}
        return {key: attribute for key, attribute in every.items() if attribute.creator not in self.distrusted_creators}

    def private_action(self, group: int, creator: str, element_byte: int, vr: str) -> Action:
        """What happens to a private attribute; its value's shape is checked besides (:func:`.private.fitting`).

        Parameters
        ----------
        group, creator, element_byte
            As for :meth:`private_attribute`.
        vr
            Its value representation in the object.
        """
        attribute = self.private_attribute(group, creator, element_byte)
        if attribute is None or (vr != "UN" and vr not in attribute.vrs):
            return Action.REMOVE
        vr = attribute.vr.split("/")[0] if vr == "UN" else vr
        if not vr:
            return Action.REMOVE
        if vr == "UI":
            return Action.KEEP if self.keeps_uids else Action.UID
        if vr == "PN":
            return Action.EMPTY
        return Action.CLEAN if vr in _FREE_TEXT_VRS | _NARRATIVE_VRS | {"DA", "DT", "UR"} else Action.KEEP

    def has_only_form(self, tag: int, vr: str, level: Level) -> bool:
        """Whether a text in an item may say nothing: one of the sequences around it has to be a dummy (D).

        Texts with a row of their own in the table are the exception, and codes of registered schemes.
        """
        if vr not in _FREE_TEXT_VRS | _NARRATIVE_VRS or tag in self.codes:
            return False
        is_code = level.is_standard_code and tag in CODE_TAGS
        return not is_code and any(self.codes.get(parent, "").endswith("D") for parent in level.parents)

    def is_descriptor(self, tag: int, vr: str, level: Level | None = None) -> bool:
        """Whether a kept text is free text, to be cleaned thoroughly, and not a code or a technical value.

        The meaning of a code is free text unless the code is one of a registered scheme, and even then where the table
        has the sequence of codes itself cleaned.
        """
        if vr in _NARRATIVE_VRS:
            return True
        if tag == CODE_MEANING and (level is None or not level.is_standard_code or self._is_cleaned_code(level)):
            return True
        code = self.codes.get(tag)
        is_free = bool(tag >> 16 & 1) or tag >> 24 in GRAPHIC_GROUPS or code == "C"
        return vr in _FREE_TEXT_VRS and (is_free or (code is None and is_typed_by_people(tag)))

    def removes_unknown_words(self, tag: int, level: Level) -> bool:
        """Whether free text loses unknown words; registered meanings do not: no list has all names of diseases."""
        return self.are_unknown_words_removed and not (tag == CODE_MEANING and level.is_standard_code)

    def _is_cleaned_code(self, level: Level) -> bool:
        return bool(level.parents) and self.codes.get(level.parents[-1]) == "C"


def settled(code: str, attribute_type: AttributeType) -> Action:
    """The action of a code of Table E.1-1 for an attribute of a type: what identifies least without breaking the object."""
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
