"""What is decided alike for every patient who is not named in an element: most of what is written there is said of nobody.

A text that stays as it is for one patient stays for the next one too, unless an identifier of that one is in it. Whether
one may be is asked of the beginnings of words alone, which takes a hundredth of the time of deciding anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from radcommons.deid.declared_vr import judged
from radcommons.deid.identifiers import IDENTIFYING_TAGS, IdentifierPattern, beginnings_in
from radcommons.deid.readings import texts_as_meant
from radcommons.dicom.elements import Element
from radcommons.dicom.text import SPECIFIC_CHARACTER_SET, STRING_VRS

_Answer = TypeVar("_Answer")
# Values of a form of their own are decided by it, by the key and by the dates of the patient.
_FREE_VRS = STRING_VRS - {"AS", "DA", "DT", "PN", "TM", "UI"}


@dataclass(frozen=True, slots=True)
class Unnamed(Generic[_Answer]):
    """An answer that was given because nothing was found in some texts.

    Parameters
    ----------
    answer
        What was said of the element.
    texts
        What is written in it.
    beginnings
        With which letters an identifier would begin that is in one of the texts.
    """

    answer: _Answer
    texts: frozenset[str]
    beginnings: frozenset[str]

    def holds_for(self, pattern: IdentifierPattern, decisions: Mapping[str, str | None]) -> bool:
        """Whether the same is said for the bearer of other identifiers, where persons decided about some texts."""
        return pattern.is_silent_on(self.beginnings) and (not decisions or decisions.keys().isdisjoint(self.texts))


def unnamed(
    element: Element, encodings: tuple[str, ...], pattern: IdentifierPattern, answer: _Answer
) -> Unnamed[_Answer] | None:
    """The answer for everybody not named in a public element of the object itself; ``None`` when more than its texts decided."""
    texts = _texts_alone((element,), encodings)
    if texts is None:
        return None
    beginnings = frozenset(each for text in texts for each in beginnings_in(text))
    return Unnamed(answer, texts, beginnings) if pattern.is_silent_on(beginnings) else None


def _texts_alone(elements: Iterable[Element], encodings: tuple[str, ...]) -> frozenset[str] | None:
    """All texts of some elements, at whatever depth; ``None`` when there is anything else, or letters beyond ASCII."""
    found: set[str] = set()
    for element in map(judged, elements):
        if element.is_private or element.tag in IDENTIFYING_TAGS:
            return None
        if element.items is None:
            if element.vr not in _FREE_VRS or not bytes(element.value).isascii():
                return None
            found.update(texts_as_meant(element, encodings))
        for item in element.items or ():
            inner = _texts_alone(item, encodings)
            if inner is None or any(each.tag == SPECIFIC_CHARACTER_SET for each in item):
                return None
            found |= inner
    return frozenset(found)
