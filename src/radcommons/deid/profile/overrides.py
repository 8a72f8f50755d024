"""What a profile says of single attributes beyond its options: stricter actions, kept attributes, safe private ones."""

import re
from collections.abc import Mapping

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import tag_for_keyword

from radcommons.deid.private import PrivateAttribute, PrivateKey, standard_private_attributes
from radcommons.deid.profile.document import Document
from radcommons.deid.tables import attribute_rows
from radcommons.dicom.elements import KNOWN_VRS, vr_of_tag

# A code and why it is there.
Override = tuple[str, str]
_LETTERS = {"D": "dummy value", "Z": "empty", "X": "remove", "U": "new UID"}
_MIN_REASON_LENGTH = 10
_NEVER_KEPT_KEYWORDS = (
    "AccessionNumber MedicalRecordLocator OtherPatientIDs OtherPatientIDsSequence PatientAddress PatientBirthDate "
    "PatientBirthTime PatientID PatientIdentityRemoved PatientTelecomInformation PatientTelephoneNumbers PersonAddress "
    "PersonTelecomInformation PersonTelephoneNumbers"
)
_NEVER_KEPT = frozenset(map(tag_for_keyword, _NEVER_KEPT_KEYWORDS.split()))
# Written anew in every object, whatever a profile says.
_OWN_KEYWORDS = (
    "DeidentificationMethod DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified "
    "PatientIdentityRemoved PatientID PatientName SOPClassUID SpecificCharacterSet"
)
_OWN = frozenset(map(tag_for_keyword, _OWN_KEYWORDS.split()))
_CLEANED_VRS = frozenset({"DA", "DT", "LO", "LT", "SH", "SQ", "ST", "UC", "UT"})
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),\s*([0-9A-Fa-f]{4})\)?")
_PRIVATE_TAG = re.compile(r"\(?([0-9A-Fa-f]{3}[13579BDFbdf]),\s*xx([0-9A-Fa-f]{2})\)?")
_VM = re.compile(r"\d+(?:-(?:\d+|\d*n))?")


def tag_of(text: str) -> int | None:
    """The tag of a keyword or of ``(gggg,eeee)``; ``None`` when it is neither."""
    match = _TAG.fullmatch(text.strip())
    if match is not None:
        return int(match[1] + match[2], 16)
    # The dictionary has entries without a keyword.
    tag = tag_for_keyword(text.strip()) if text.strip() else None
    return None if tag is None else int(tag)


def sop_class_of(text: str) -> str | None:
    """The UID of a SOP class by its keyword, such as ``CTImageStorage``, or by itself; ``None`` when there is none."""
    if text in UID_dictionary:
        return text
    return next((uid for uid, entry in UID_dictionary.items() if entry[4] == text and entry[1] == "SOP Class"), None)


def actions_of(document: Document) -> dict[int, Override]:
    """The stricter actions of a profile or of one of its classes.

    Each is a letter of PS3.15, or a table with ``action`` and ``reason``.
    """
    section = document.section("actions")
    found = {}
    for key, value in section.content.items():
        tag = _tag(section, key)
        letter, reason = value, "stricter than the options"
        if isinstance(value, dict):
            entry = section.section(key)
            entry.expect_keys({"action", "reason"})
            letter, reason = entry.text("action"), entry.text("reason")
        if letter not in _LETTERS:
            letters = ", ".join(f"{code} ({meaning})" for code, meaning in _LETTERS.items())
            raise section.error(key, f"an action is one of {letters}; to keep more than the options do, use [keep].")
        if letter == "U" and vr_of_tag(tag) not in {"UI", "SQ"}:
            raise section.error(key, "only UIDs can get a new UID; use D, Z or X.")
        if tag in _OWN:
            raise section.error(key, "this attribute is written anew in every object; no action can change that.")
        found[tag] = (str(letter), reason)
    return found


def kept_of(document: Document, codes: Mapping[int, str]) -> dict[int, Override]:
    """The attributes a profile keeps although its options do not, each with its reason; texts and dates are cleaned."""
    section = document.section("keep")
    stricter = {_tag(section, key) for key in document.section("actions").content}
    found = {}
    for key in section.content:
        tag, reason = _tag(section, key), section.text(key)
        if len(reason.strip()) < _MIN_REASON_LENGTH:
            raise section.error(
                key, "say in words why it is kept; the reason is part of the profile and of its digest."
            )
        if tag in _NEVER_KEPT or vr_of_tag(tag) == "PN":
            raise section.error(key, "this attribute names a person or a record; no reason can keep it.")
        if tag in stricter:
            raise section.error(key, "it stands under [actions] as well; remove one of the two.")
        if codes.get(tag) == "K":
            raise section.error(key, "the options keep it already; remove the line.")
        found[tag] = ("C" if vr_of_tag(tag) in _CLEANED_VRS else "K", reason)
    return found


def classes_of(document: Document) -> dict[str, dict[int, Override]]:
    """The stricter actions for single SOP classes, by UID: ``[classes.CTImageStorage.actions]``."""
    section = document.section("classes")
    found = {}
    for key in section.content:
        uid = sop_class_of(key)
        if uid is None:
            raise section.error(key, "there is no SOP class of this keyword or UID; write CTImageStorage or its UID.")
        entry = section.section(key)
        entry.expect_keys({"actions"})
        found[uid] = actions_of(entry)
    return found


def private_of(
    document: Document, options: tuple[str, ...]
) -> tuple[dict[PrivateKey, PrivateAttribute], frozenset[str]]:
    """The private attributes a profile says are safe itself, and the creators it does not trust."""
    section = document.section("private")
    section.expect_keys({"keep", "without_creators"})
    if section.content and "retain_safe_private" not in options:
        raise section.error(next(iter(section.content)), 'it needs "retain_safe_private" among the options.')
    known = {attribute.creator for attribute in standard_private_attributes().values()}
    distrusted = section.texts("without_creators", default=())
    for creator in distrusted:
        if creator not in known:
            raise section.error("without_creators", f'Table E.3.10-1 has no creator "{creator}".')
    kept = {attribute.key: attribute for attribute in map(_private_entry, section.entries("keep"))}
    return kept, frozenset(distrusted)


def _private_entry(entry: Document) -> PrivateAttribute:
    entry.expect_keys({"creator", "tag", "vr", "vm", "meaning", "reason"})
    creator, reason = entry.text("creator").strip(), entry.text("reason")
    match = _PRIVATE_TAG.fullmatch(entry.text("tag").strip())
    if match is None:
        raise entry.error(
            "tag", "write group and last two digits as (0019,xx0C); the group of a private attribute is odd."
        )
    vr, vm = entry.text("vr"), entry.text("vm", default="1-n")
    if vr not in KNOWN_VRS - {"PN", "UN"}:
        raise entry.error(
            "vr", "name the value representation it must have; persons' names and unknown bytes are never safe."
        )
    if not creator:
        raise entry.error("creator", "name the creator exactly as it stands in the objects.")
    if _VM.fullmatch(vm) is None:
        raise entry.error("vm", "write the number of values as 1, 3-4, 1-n or 2-2n.")
    if len(reason.strip()) < _MIN_REASON_LENGTH:
        raise entry.error("reason", "say in words how it is known to be safe, for instance the conformance statement.")
    group, element = int(match[1], 16), int(match[2], 16)
    return PrivateAttribute(
        creator, group, element, vr, vm, entry.text("meaning", default=""), f"profile: {reason.strip()}"
    )


def _tag(section: Document, key: str) -> int:
    tag = tag_of(key)
    if tag is None or tag >> 16 & 1 or (vr_of_tag(tag) == "UN" and tag not in attribute_rows()):
        raise section.error(
            key, "it is no attribute of the standard; write its keyword, such as StationName, or its tag."
        )
    return tag
