"""Applying a profile to the elements of one object.

What is kept stays byte for byte; only what an action touches is made anew. Nothing here reads or writes files.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.datadict import keyword_for_tag

from radcommons.deid.attribute_types import AttributeType, attribute_type
from radcommons.deid.content_items import ContentRules
from radcommons.deid.dates import shift_value
from radcommons.deid.declared_vr import NUMBER_TEXT_VRS, judged
from radcommons.deid.direct import BINARY_NUMBERS, KEPT_DIRECTLY, REMOVED_DIRECTLY, STAYING, TIME, UID_FORM, Direct
from radcommons.deid.dummies import DUMMY_CODE, DUMMY_VALUES, dummy_text, dummy_value, padded
from radcommons.deid.graphics import is_safe_graphic
from radcommons.deid.identifiers import IDENTIFYING_TAGS, IdentifierPattern
from radcommons.deid.known_numbers import has_known_number
from radcommons.deid.levels import Level, idle_creators, is_creator_tag
from radcommons.deid.private import fitting
from radcommons.deid.profile import GRAPHIC_GROUPS, KEPT_UID_TAGS, PATIENT_IDENTITY, Action, Profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.tables import tags_of_option
from radcommons.deid.text_rules import TextRules
from radcommons.dicom.elements import Element, tag_text, vr_of_tag
from radcommons.dicom.text import STRING_VRS, decode_text, is_numeric, split_values, texts_of
from radcommons.dicom.uids import is_harmless_uid, is_listed_uid, is_valid_uid

_CONTENT_SEQUENCE = 0x0040A730
_FRAME_GROUPS = frozenset({0x52009229, 0x52009230})
# Codes, and what is written anew afterwards anyway.
_UNREVIEWED = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00120062, 0x00120063, 0x00280303})
_REVIEWED_VRS = frozenset({"LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_AGE = re.compile(r"(\d{3})([DWMY])")


@dataclass(frozen=True, slots=True)
class PatientMapping:
    """Who a patient is in the new world.

    Parameters
    ----------
    original_patient_id
        The identifier in the file; it is searched for and must not remain.
    subject_id
        What stands for the patient afterwards, as Patient ID and as Patient's Name.
    date_shift_days
        By how many days every date moves.
    known_identifiers
        What other objects of the patient carry (see :func:`~radcommons.deid.engine.harvest_file`): a name in one object
        is then found in the comments of another.
    """

    original_patient_id: str
    subject_id: str
    date_shift_days: int
    known_identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportLine:
    """What happened to one attribute; never its value.

    Parameters
    ----------
    tag_path
        Tags from the outermost sequence inwards, without item numbers: ``(0040,0275)/(0040,0007)``.
    keyword
        The attribute's keyword, empty for private and unknown ones.
    action
        The letter of PS3.15: D, Z, X, C or U.
    reason
        Why, in a few words.
    """

    tag_path: str
    keyword: str
    action: str
    reason: str


@dataclass(slots=True)
class Rewriter:
    """One object on its way through a profile; used once.

    Parameters
    ----------
    profile, key, patient
        What to do, with which secret, for whom.
    sop_class_uid
        The class of the object, which decides what it must have.
    pattern
        The identifiers to find in texts.
    text_decisions
        What a person decided for texts that would be kept (see :class:`~radcommons.deid.cleaning.Cleaning`).
    """

    profile: Profile
    key: PseudonymKey
    patient: PatientMapping
    sop_class_uid: str
    pattern: IdentifierPattern
    text_decisions: Mapping[str, str | None] = field(default_factory=dict)
    report: dict[ReportLine, None] = field(default_factory=dict)
    kept_texts: dict[tuple[str, str], None] = field(default_factory=dict)
    redactions: int = 0
    has_cleaned_content: bool = False
    _content: ContentRules = field(init=False)
    _texts: TextRules = field(init=False)
    _safe_graphics: dict[int, bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.profile = self.profile.for_class(self.sop_class_uid)
        self._content = ContentRules(self.profile.options, maximum_age_years=self.profile.maximum_age_years)
        self._texts = TextRules(self.profile, self.pattern, self.patient.date_shift_days, self.text_decisions)

    def rewrite(self, elements: Iterable[Element], level: Level | None = None) -> tuple[Element, ...]:
        """The elements after the profile, in ascending order of their tags; of repeated ones the last."""
        by_tag = {element.tag: element for element in elements}
        own = (level or Level()).holding(by_tag.values())
        answer = {}
        for tag in sorted(by_tag):
            rewritten = self.rewrite_element(by_tag[tag], own)
            if rewritten is not None:
                answer[tag] = rewritten
        for tag in sorted(idle_creators(answer)):
            self.note_idle_creator(answer.pop(tag), own)
        return tuple(answer.values())

    def rewrite_element(self, element: Element, level: Level) -> Element | None:
        """One element after the profile, ``None`` when it goes; nothing but itself and its level decides.

        The owner of a private block stays for now: it goes when nothing of its block is left.
        """
        element = judged(element)
        if is_creator_tag(element.tag):
            # It is a key, not a text: whose attributes stay is known by it, all others go and it with them.
            return element
        kind = attribute_type(element.tag, self.sop_class_uid, level.parents)
        action = self._action(element, kind, level)
        if element.tag in PATIENT_IDENTITY and not level.parents:
            self._note(element, level, Action.DUMMY, "pseudonym")
            return Element(element.tag, element.vr, padded(self.patient.subject_id.encode("ascii", "replace")))
        fitted = self._fitted(element, level) if element.is_private and action is not Action.REMOVE else element
        if action is Action.REMOVE or fitted is None:
            self._note(element, level, Action.REMOVE, "private" if element.is_private else "profile")
            return None
        element = fitted
        if element.items is not None:
            return self._rewrite_sequence(element, action, kind, level)
        if action is Action.EMPTY:
            if len(element.value):
                self._note(element, level, action, "profile")
            return Element(element.tag, element.vr)
        if not len(element.value):
            return element
        if action is Action.DUMMY:
            self._note(element, level, action, "profile")
            return self._dummy_for(element, level.encodings)
        return self._rewrite_value(element, action, kind, level)

    def note_idle_creator(self, element: Element, level: Level) -> None:
        """Report that the owner of a private block went, because nothing of the block was kept."""
        self._note(element, level, Action.REMOVE, "private")

    def direct(self, tag: int, vr: str, level: Level) -> Direct | None:
        """What happens to every plain value of an attribute, where that can be said without the value.

        Parameters
        ----------
        tag, vr
            The attribute as it is encoded; ``UN`` has no plain values.
        level
            Where it stands.
        """
        probe = Element(tag, vr, items=() if vr == "SQ" else None)
        if judged(probe).vr != vr or vr == "UN" or (tag in PATIENT_IDENTITY and not level.parents):
            return None
        action = self._action(probe, attribute_type(tag, self.sop_class_uid, level.parents), level)
        if action is Action.REMOVE:
            return REMOVED_DIRECTLY
        if action in {Action.EMPTY, Action.DUMMY} or vr == "SQ" or probe.is_private or tag >> 24 in GRAPHIC_GROUPS:
            return None
        if vr == "UI" and action is Action.KEEP and tag not in KEPT_UID_TAGS:
            return Direct(UID_FORM)
        if vr == "UI":
            may_stay = _staying_uids(tag, self.pattern)
            return Direct(UID_FORM, lambda uid: None if may_stay(uid) else self.key.map_uid(uid))
        # Public numbers in binary are never looked into; whether something can be read in them, the last look asks.
        return KEPT_DIRECTLY if vr in BINARY_NUMBERS else STAYING.get(vr)

    def _action(self, element: Element, kind: AttributeType, level: Level) -> Action:
        if not element.is_private:
            is_nested = bool(level.parents)
            action = self.profile.action_for(element.tag, element.vr, attribute_type=kind, is_nested=is_nested)
            if element.tag >> 24 in GRAPHIC_GROUPS and action is Action.CLEAN:
                return Action.KEEP if self._is_safe_graphic(element.group, level) else Action.REMOVE
            return action
        if is_creator_tag(element.tag):
            return Action.KEEP
        creator = level.creator_of(element.tag)
        if not creator:
            return Action.REMOVE
        return self.profile.private_action(element.group, creator, element.tag & 0xFF, element.vr)

    def _is_safe_graphic(self, group: int, level: Level) -> bool:
        if level.parents:
            return False
        if group not in self._safe_graphics:
            self._safe_graphics[group] = is_safe_graphic(level.graphics, group)
        return self._safe_graphics[group]

    def _fitted(self, element: Element, level: Level) -> Element | None:
        """A private element that may stay, as it must be; ``None`` when its value is not what its table says."""
        attribute = self.profile.private_attribute(element.group, level.creator_of(element.tag), element.tag & 0xFF)
        return None if attribute is None else fitting(attribute, element)

    def _note(self, element: Element, level: Level, action: Action, reason: str) -> None:
        path = "/".join(tag_text(tag) for tag in (*level.parents, element.tag))
        self.report[ReportLine(path, keyword_for_tag(element.tag), action.value, reason)] = None

    # Sequences

    def _rewrite_sequence(
        self,
        element: Element,
        action: Action,
        kind: AttributeType,
        level: Level,
    ) -> Element | None:
        items = element.items or ()
        if items and self.profile.clean_reports and element.tag in tags_of_option("clean_structured_content"):
            self.has_cleaned_content = True
        if action is Action.EMPTY:
            if items:
                self._note(element, level, action, "profile")
            return Element(element.tag, "SQ", items=())
        if action is Action.DUMMY and keyword_for_tag(element.tag).endswith("CodeSequence"):
            self._note(element, level, action, "profile")
            return Element(element.tag, "SQ", items=(DUMMY_CODE,) if items else ())
        if element.tag == _CONTENT_SEQUENCE and self.profile.clean_reports:
            items = self._prepare_content(element, level)
        rewritten = tuple(self.rewrite(item, level.inside(element.tag)) for item in items)
        if element.tag not in _FRAME_GROUPS:
            # An item that lost everything says nothing any more; frames however are counted by their items.
            rewritten = tuple(new for new, old in zip(rewritten, items, strict=True) if new or not old)
        if not rewritten and element.items and kind is AttributeType.OPTIONAL:
            self._note(element, level, Action.REMOVE, "nothing left")
            return None
        return Element(element.tag, "SQ", items=rewritten)

    def _prepare_content(self, element: Element, level: Level) -> tuple[tuple[Element, ...], ...]:
        items = element.items or ()
        prepared = self._content.prepare(items)
        if prepared != items:
            self._note(element, level, Action.CLEAN, "report content (PS3.15 Table E.3.4-1)")
        return prepared

    # Values

    def _rewrite_value(
        self,
        element: Element,
        action: Action,
        kind: AttributeType,
        level: Level,
    ) -> Element | None:
        vr = element.vr
        if vr == "UI":
            if action is Action.KEEP and self._is_retained_uid(element):
                return element
            return self._rewrite_uids(element, level)
        if vr in {"DA", "DT"}:
            return self._per_value(element, kind, level, self._shifted(vr), "date moved")
        if vr == "TM":
            return self._per_value(element, kind, level, _time, "no time")
        if vr == "AS":
            return self._per_value(element, kind, level, self._capped_age, "age category")
        if action is Action.CLEAN and vr in {"AE", "OB", "UN", "CS"}:
            # Such values cannot be cleaned, only replaced.
            self._note(element, level, Action.DUMMY, "profile")
            is_needed = kind is AttributeType.REQUIRED
            return self._dummy_for(element, level.encodings) if is_needed else None
        if action is Action.KEEP and element.tag in IDENTIFYING_TAGS:
            # An option keeps it although it identifies a device or an institution; so it cannot be cleaned of itself.
            texts = texts_of(element, level.encodings)
            if self.pattern.names_persons(texts, self.patient.original_patient_id):
                self._note(element, level, Action.DUMMY, "known identifier")
                return self._dummy_for(element, level.encodings)
            self._note_kept(element, texts)
            return element
        if element.is_private and has_known_number(element, self.pattern):
            self._note(element, level, Action.REMOVE, "known identifier")
            return None
        if vr in STRING_VRS and not (vr in NUMBER_TEXT_VRS and is_numeric(element.value)):
            return self._rewrite_text(element, kind, level)
        return element

    def _is_retained_uid(self, element: Element) -> bool:
        """Whether an option may keep it: what has not the form of a UID may be anything, and is replaced even then.

        The UID of a device goes as well when a known number is part of it; where all UIDs are to stay, that is meant.
        """
        uids = texts_of(element)
        if not element.is_private and vr_of_tag(element.tag) != "UI":
            return False
        is_telling = not self.profile.keeps_uids and any(map(self.pattern.is_in_uid, uids))
        return element.tag not in KEPT_UID_TAGS and all(map(is_valid_uid, uids)) and not is_telling

    def _rewrite_uids(self, element: Element, level: Level) -> Element:
        may_stay = _staying_uids(element.tag, self.pattern)
        values = split_values(decode_text(element.value, "UI"), "UI")
        mapped = [value if not value or may_stay(value) else self.key.map_uid(value) for value in values]
        if mapped == values:
            return element
        self._note(element, level, Action.UID, "keyed UID")
        return Element(element.tag, "UI", padded("\\".join(mapped).encode("ascii"), b"\0"))

    def _shifted(self, vr: str) -> Callable[[str], str | None]:
        days = 0 if self.profile.has_full_dates else self.patient.date_shift_days
        return lambda value: shift_value(value, vr, days)

    def _capped_age(self, value: str) -> str | None:
        match = _AGE.fullmatch(value)
        if match is None:
            return None
        limit = self.profile.maximum_age_years
        return f"{limit + 1:03d}Y" if limit is not None and match[2] == "Y" and int(match[1]) > limit else value

    def _per_value(
        self,
        element: Element,
        kind: AttributeType,
        level: Level,
        change: Callable[[str], str | None],
        reason: str,
    ) -> Element:
        """Change each value of a multi-valued attribute; values that break their own rules become empty."""
        values = [value.strip() for value in split_values(decode_text(element.value, element.vr), element.vr)]
        changed = [change(value) if value else "" for value in values]
        if changed == values:
            return element
        is_broken = None in changed
        self._note(element, level, Action.EMPTY if is_broken else Action.CLEAN, "not valid" if is_broken else reason)
        text = "\\".join(value or "" for value in changed).encode("ascii")
        if not text.strip(b"\\") and kind is AttributeType.REQUIRED:
            return Element(element.tag, element.vr, DUMMY_VALUES[element.vr])
        return Element(element.tag, element.vr, padded(text))

    def _rewrite_text(self, element: Element, kind: AttributeType, level: Level) -> Element:
        if self.profile.has_only_form(element.tag, element.vr, level):
            self._note(element, level, Action.DUMMY, "profile")
            return dummy_text(element)
        cleaned = self._texts.cleaned(element, kind, level)
        self._note_kept(element, cleaned.texts)
        if cleaned.reasons:
            self.redactions += 1
            self._note(element, level, Action.CLEAN, ", ".join(cleaned.reasons))
        return cleaned.element

    def _note_kept(self, element: Element, texts: Iterable[str]) -> None:
        """What a person is to read: every text as cleaning left it, before anybody's decision about it."""
        if element.vr in _REVIEWED_VRS and element.tag not in _UNREVIEWED:
            keyword = keyword_for_tag(element.tag)
            self.kept_texts.update({(keyword, text): None for text in texts if text.strip()})

    def _dummy_for(self, element: Element, encodings: tuple[str, ...]) -> Element:
        if vr_of_tag(element.tag) == "SQ":
            # Its bytes were no sequence, and a dummy among them would not be read as one.
            return Element(element.tag, "SQ", items=())
        days = None if self.profile.dates_mark == "REMOVED" else self.patient.date_shift_days
        return Element(element.tag, element.vr, dummy_value(element, encodings, key=self.key, date_shift_days=days))


def _staying_uids(tag: int, pattern: IdentifierPattern) -> Callable[[str], bool]:
    """Which UIDs of an attribute are no identifiers: listed ones, and names of classes that no known number is part of."""
    may_be = tag in KEPT_UID_TAGS
    return lambda uid: is_listed_uid(uid) or (may_be and is_harmless_uid(uid) and not pattern.is_in_uid(uid))


def _time(value: str) -> str | None:
    return value if TIME.fullmatch(value) else None
