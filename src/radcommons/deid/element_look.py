"""A second look at single elements: what a profile does not leave there, and what is known of the patient.

Nothing here knows how an element came to be; what stands inside a sequence is looked at with it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from radcommons.deid.attribute_types import AttributeType, attribute_type
from radcommons.deid.byte_texts import texts_in_bytes
from radcommons.deid.dates import shift_value
from radcommons.deid.declared_vr import NUMBER_TEXT_VRS, judged
from radcommons.deid.descriptors import looks_identifying
from radcommons.deid.direct import TIME
from radcommons.deid.dummies import DUMMY_SCHEME, REMOVED
from radcommons.deid.graphics import is_safe_graphic
from radcommons.deid.identifiers import IDENTIFYING_TAGS, IdentifierPattern
from radcommons.deid.known_numbers import has_known_number
from radcommons.deid.levels import Level, idle_creators, is_creator_tag
from radcommons.deid.private import fitting
from radcommons.deid.profile import GRAPHIC_GROUPS, KEPT_UID_TAGS, Action, Profile
from radcommons.deid.readings import CONTROL, other_texts, texts_as_meant
from radcommons.dicom import uids
from radcommons.dicom.elements import PIXEL_TAGS, Element, tag_text, vr_of_tag
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.text import STRING_VRS, is_numeric, texts_of

PATIENT_IDENTITY = frozenset({0x00100010, 0x00100020})
_METHOD_TAGS = frozenset({0x00120063, 0x00120064})
_CONTENT_SEQUENCE = 0x0040A730
_ALLOWED_NAMES = frozenset({"", REMOVED})
_DUMMY_TEXTS = _ALLOWED_NAMES | {DUMMY_SCHEME}
_AGE_IN_YEARS = re.compile(r"(\d{3})Y")
# Their values are numbers, dates or UIDs: an identifier of digits may equal one of them by chance.
_UNSEARCHED_VRS = frozenset({"AS", "DA", "DT", "TM", "UI"})
_NAMING_VRS = STRING_VRS - _UNSEARCHED_VRS


@dataclass(frozen=True, slots=True)
class ElementLook:
    """What a profile allows in objects of one class and one subject.

    Parameters
    ----------
    profile
        What the object should have been through.
    sop_class_uid
        The class of the whole object.
    subject_id
        What stands for the patient in it.
    """

    profile: Profile
    sop_class_uid: str
    subject_id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "profile", self.profile.for_class(self.sop_class_uid))

    def level_findings(self, elements: tuple[Element, ...], level: Level) -> Iterator[Finding]:
        """What must not be in a whole data set; ``level`` is what encloses it."""
        own = level.holding(elements)
        for element in elements:
            yield from self.findings(element, own)
        yield from private_findings((element.tag for element in elements), own)

    def findings(self, element: Element, level: Level) -> Iterator[Finding]:
        """What must not be in one element, or stands in it without being allowed there."""
        element = judged(element)
        if is_creator_tag(element.tag):
            return
        where = _where(element.tag, level)
        kind = attribute_type(element.tag, self.sop_class_uid, level.parents)
        if element.is_private:
            fitted = self._safe_private(element, level)
            if fitted is None:
                yield error(
                    "deid.private-attribute", where, "A private attribute is there that is not known to be safe."
                )
                return
            element = fitted
        else:
            is_nested = bool(level.parents)
            action = self.profile.action_for(element.tag, element.vr, attribute_type=kind, is_nested=is_nested)
            if element.tag >> 24 in GRAPHIC_GROUPS and action is Action.CLEAN:
                yield from _graphic_findings(element, level, where)
            yield from self._misplaced(element, action, kind, level, where)
        if element.items is not None:
            for item in element.items:
                yield from self.level_findings(item, level.inside(element.tag))
        elif element.vr in STRING_VRS:
            yield from self._texts(element, level, where)

    def _safe_private(self, element: Element, level: Level) -> Element | None:
        creator = level.creator_of(element.tag)
        attribute = self.profile.private_attribute(element.group, creator, element.tag & 0xFF)
        return None if attribute is None else fitting(attribute, element)

    def _misplaced(
        self, element: Element, action: Action, kind: AttributeType, level: Level, where: str
    ) -> Iterator[Finding]:
        if element.tag == _CONTENT_SEQUENCE and self.profile.clean_reports:
            return
        has_value = bool(len(element.value) or element.items)
        is_subject = element.tag in PATIENT_IDENTITY and not level.parents
        if action is Action.REMOVE and (has_value or kind is AttributeType.OPTIONAL):
            yield error("deid.forbidden-attribute", where, "The profile removes this attribute, and it is there.")
        elif action is Action.EMPTY and has_value and not is_subject:
            yield error("deid.forbidden-value", where, "The profile empties this attribute, and it has a value.")

    def _keeps_uid(self, element: Element) -> bool:
        if element.is_private:
            return self.profile.keeps_uids
        is_kept = self.profile.action_for(element.tag, "UI") is Action.KEEP
        return is_kept and element.tag not in KEPT_UID_TAGS and vr_of_tag(element.tag) == "UI"

    def _texts(self, element: Element, level: Level, where: str) -> Iterator[Finding]:
        values = [value for value in map(str.strip, texts_of(element, level.encodings)) if value]
        problem = self._problem_of_form(element, values)
        if problem is not None:
            yield error(problem[0], where, problem[1])
            return
        if self.profile.has_only_form(element.tag, element.vr, level) and not _DUMMY_TEXTS.issuperset(values):
            yield error("deid.forbidden-value", where, "Only the form of this sequence may stay, and it has text.")
        if any(map(CONTROL.search, values)):
            message = "Something follows the end of the text."
            yield Finding(Severity.WARNING, "deid.suspicious-text", where, message)
        if self.profile.is_descriptor(element.tag, element.vr, level):
            may_hold_dates = self.profile.dates_mark != "REMOVED"
            if any(looks_identifying(value, may_hold_dates=may_hold_dates) for value in values):
                message = "The text looks as if it held a date, a number, a name or an address."
                yield Finding(Severity.WARNING, "deid.suspicious-text", where, message)

    def _problem_of_form(self, element: Element, values: list[str]) -> tuple[str, str] | None:
        """Code and message about values whose form says what they may be."""
        vr = element.vr
        if vr == "PN" and not (_ALLOWED_NAMES | {self.subject_id}).issuperset(values):
            return "deid.person-name", "A person's name is there."
        if vr == "UI":
            may_stay = uids.is_harmless_uid if element.tag in KEPT_UID_TAGS else _is_new_uid
            if self._keeps_uid(element):
                may_stay = uids.is_valid_uid
            if not all(map(may_stay, values)):
                return "deid.uid", "A UID is neither of the standard nor a replacement under 2.25."
        if vr in {"DA", "DT", "TM"} and not all(_is_date_or_time(value, vr) for value in values):
            return "deid.no-date", "A value that should be a date or a time of day is none."
        if vr == "AS" and any(_is_too_old(value, self.profile) for value in values):
            return "deid.age", "An age above the highest category is there."
        return None


def _graphic_findings(element: Element, level: Level, where: str) -> Iterator[Finding]:
    if level.parents or not is_safe_graphic(level.graphics, element.group):
        yield error("deid.graphic-writing", where, "An overlay or curve is there that may show writing.")


def private_findings(tags: Iterator[int], level: Level) -> Iterator[Finding]:
    """Owners of private blocks that own nothing."""
    for tag in sorted(idle_creators(tags)):
        yield error("deid.private-attribute", _where(tag, level), "A private block is named that holds nothing.")


def residues(
    element: Element, pattern: IdentifierPattern, level: Level, *, kept: frozenset[int] = frozenset()
) -> Iterator[str]:
    """At which attributes of one element, or inside it, known identifiers stand; ``kept`` ones are meant to hold some."""
    where = _where(element.tag, level)
    if element.tag in PIXEL_TAGS or element.tag in _METHOD_TAGS or is_creator_tag(element.tag):
        return
    if element.tag in kept and element.items is None:
        if pattern.names_persons(texts_of(element, level.encodings)):
            yield where
        return
    if element.tag in PATIENT_IDENTITY and not level.parents:
        return
    if element.items is not None:
        for item in element.items:
            inner = level.inside(element.tag).holding(item)
            for each in item:
                yield from residues(each, pattern, inner, kept=kept)
    elif _has_identifier(element, pattern, level.encodings):
        yield where


def _has_identifier(element: Element, pattern: IdentifierPattern, encodings: tuple[str, ...]) -> bool:
    texts = _searched_texts(element, encodings)
    if any(pattern.spans(text, is_thorough=False) for text in texts):
        return True
    if element.vr in _NAMING_VRS and any(map(pattern.written_names, texts)):
        return True
    if element.vr == "UI":
        return any(pattern.is_in_uid(uid) and not uids.is_listed_uid(uid) for uid in map(str.strip, texts_of(element)))
    return element.is_private and has_known_number(element, pattern)


def _searched_texts(element: Element, encodings: tuple[str, ...]) -> list[str]:
    if element.vr in NUMBER_TEXT_VRS and is_numeric(element.value):
        return []
    if element.vr not in STRING_VRS:
        return texts_in_bytes(element.value, encodings)
    if element.vr in _UNSEARCHED_VRS:
        return []
    return [*texts_as_meant(element, encodings), *other_texts(element, encodings)]


def kept_identifiers(profile: Profile) -> frozenset[int]:
    """The identifying attributes an option of the profile keeps, such as the name of the institution."""
    return frozenset(tag for tag in IDENTIFYING_TAGS if profile.codes.get(tag) == "K")


def error(code: str, where: str, message: str) -> Finding:
    """A finding that keeps an object out."""
    return Finding(Severity.ERROR, code, where, message)


def _where(tag: int, level: Level) -> str:
    return "/".join(tag_text(each) for each in (*level.parents, tag))


def _is_new_uid(value: str) -> bool:
    return uids.is_listed_uid(value) or (value.startswith("2.25.") and uids.is_valid_uid(value))


def _is_date_or_time(value: str, vr: str) -> bool:
    return TIME.fullmatch(value) is not None if vr == "TM" else shift_value(value, vr, 0) is not None


def _is_too_old(value: str, profile: Profile) -> bool:
    match = _AGE_IN_YEARS.fullmatch(value)
    limit = profile.maximum_age_years
    return match is not None and limit is not None and int(match[1]) > limit + 1
