"""What a profile does to the texts of an object: free text is cleaned thoroughly, technical text of known identifiers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from radcommons.deid.attribute_types import AttributeType
from radcommons.deid.descriptors import CleanedText, clean_descriptor, clean_technical
from radcommons.deid.dummies import DUMMY_VALUES, REMOVED, padded
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.levels import Level
from radcommons.deid.patterns import without_paths
from radcommons.deid.profile import Profile
from radcommons.deid.readings import CONTROL, other_texts, texts_as_meant
from radcommons.deid.written_dates import DateReading
from radcommons.dicom.elements import Element
from radcommons.dicom.text import encode_text

_NO_TEXT = "no text"
_DIVIDED = "identifier in several values"
_PATH = "e-mail, file or machine"
_OTHER_CHARACTERS = "identifier in another character set"


@dataclass(frozen=True, slots=True)
class CleanedElement:
    """A text element after cleaning.

    Parameters
    ----------
    element
        The element; the same object when nothing was taken out.
    texts
        Its values as cleaning left them, before anybody's decision about them.
    reasons
        Why parts of them went; none when nothing did.
    """

    element: Element
    texts: tuple[str, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRules:
    """How the texts of one object are cleaned.

    Parameters
    ----------
    profile
        The profile as it is for the object's class.
    pattern
        The identifiers to find.
    date_shift_days
        By how many days dates in texts move where the profile moves them.
    decisions
        What a person decided for texts that would be kept (see :class:`~radcommons.deid.cleaning.Cleaning`).
    """

    profile: Profile
    pattern: IdentifierPattern
    date_shift_days: int
    decisions: Mapping[str, str | None] = field(default_factory=dict)

    def cleaned(self, element: Element, kind: AttributeType, level: Level) -> CleanedElement:
        """One text element of a type, cleaned as its place demands."""
        is_descriptor = self.profile.is_descriptor(element.tag, element.vr, level)
        removes_unknown = self.profile.removes_unknown_words(element.tag, level)
        written = texts_as_meant(element, level.encodings)
        whole = "\\".join(written)
        rest = without_paths(whole) if is_descriptor and len(written) > 1 else whole
        if rest != whole:
            written = rest.split("\\")
        plain = [CONTROL.split(value, maxsplit=1)[0].rstrip(" ") for value in written]
        cleaned = [self._clean(value, is_descriptor=is_descriptor, removes_unknown=removes_unknown) for value in plain]
        cleaned = [
            replace(each, reasons=(*each.reasons, _NO_TEXT)) if CONTROL.search(value) else each
            for each, value in zip(cleaned, written, strict=True)
        ]
        if rest != whole:
            cleaned[0] = replace(cleaned[0], reasons=tuple(sorted({*cleaned[0].reasons, _PATH})))
        cleaned = self._without_divided(cleaned, is_descriptor=is_descriptor)
        texts = tuple(each.text for each in cleaned)
        cleaned = list(map(self._decided, cleaned))
        # Inside items, and for technical values, an empty text would break what it belongs to.
        is_needed = kind is AttributeType.REQUIRED or bool(level.parents) or not is_descriptor
        new = element
        if any(each.is_changed for each in cleaned):
            new = _with_texts(element, [each.text for each in cleaned], level, is_needed=is_needed)
        reasons = {reason for each in cleaned for reason in each.reasons}
        if any(self.pattern.spans(text, is_thorough=is_descriptor) for text in other_texts(new, level.encodings)):
            new = _with_texts(element, [""], level, is_needed=is_needed)
            reasons.add(_OTHER_CHARACTERS)
            texts = ()
        return CleanedElement(new, texts, tuple(sorted(reasons)))

    def _without_divided(self, cleaned: list[CleanedText], *, is_descriptor: bool) -> list[CleanedText]:
        """Values of which one identifier takes a part in each go: Quixo and tesen, 12 and 05 and 1947."""
        if len(cleaned) == 1:
            return cleaned
        whole = "\\".join(each.text for each in cleaned)
        rest, position = [], 0
        spans = self.pattern.spans(whole, is_thorough=is_descriptor)
        for each in cleaned:
            end = position + len(each.text)
            is_part = any(start < end and stop > position for start, stop in spans)
            rest.append(CleanedText("", tuple(sorted({*each.reasons, _DIVIDED}))) if is_part else each)
            position = end + 1
        return rest

    def _clean(self, text: str, *, is_descriptor: bool, removes_unknown: bool) -> CleanedText:
        if not is_descriptor:
            return clean_technical(text, self.pattern)
        dates = self._date_reading()
        return clean_descriptor(text, self.pattern, dates=dates, are_unknown_words_removed=removes_unknown)

    def _date_reading(self) -> DateReading | None:
        """How dates in texts move; ``None`` where the profile keeps none."""
        if self.profile.dates_mark == "REMOVED":
            return None
        days = 0 if self.profile.has_full_dates else self.date_shift_days
        return DateReading(days, known=self.pattern.dates)

    def _decided(self, cleaned: CleanedText) -> CleanedText:
        """The text as a person wants it, who read what cleaning left."""
        decided = self.decisions.get(cleaned.text) if cleaned.text else None
        if decided is None or decided == cleaned.text:
            return cleaned
        return CleanedText(decided, tuple(sorted({*cleaned.reasons, "decided by a person"})))


def _with_texts(element: Element, texts: list[str], level: Level, *, is_needed: bool) -> Element:
    if not any(texts) and is_needed:
        texts = [DUMMY_VALUES[element.vr].decode().strip() if element.vr in DUMMY_VALUES else REMOVED]
    return Element(element.tag, element.vr, padded(encode_text("\\".join(texts), element.vr, level.encodings)))
