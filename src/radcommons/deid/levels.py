"""Where an element stands: what its text is written in, which sequences enclose it, who owns its private block."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from radcommons.deid.coding_schemes import has_standard_code
from radcommons.dicom.elements import Element
from radcommons.dicom.text import DEFAULT_ENCODINGS, encodings_of, texts_of

_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF
_GRAPHIC_GROUPS = frozenset({0x50, 0x60})


@dataclass(frozen=True, slots=True)
class Level:
    """One data set: the object itself, or an item of a sequence in it.

    Parameters
    ----------
    encodings
        The Python codecs of its texts.
    parents
        The sequences around it, outermost first.
    creators
        The private creators of its blocks, by the tags of the elements that name them (PS3.5 7.8.1).
    graphics
        Its overlays and curves, by tag: whether one element of them may stay, the others of its group decide.
    is_standard_code
        Whether it is an item that holds a code of a registered scheme; never the object itself.
    """

    encodings: tuple[str, ...] = DEFAULT_ENCODINGS
    parents: tuple[int, ...] = ()
    creators: Mapping[int, str] = field(default_factory=dict)
    graphics: Mapping[int, Element] = field(default_factory=dict)
    is_standard_code: bool = False

    def holding(self, elements: Iterable[Element]) -> "Level":
        """The level as its own elements describe it: their character set, their private creators."""
        every = tuple(elements)
        encodings = encodings_of(every, self.encodings)
        creators = {each.tag: _owner(each, encodings) for each in every if is_creator_tag(each.tag)}
        graphics = {each.tag: each for each in every if each.tag >> 24 in _GRAPHIC_GROUPS}
        # Elements of the object itself are decided one by one (:mod:`.fast.context`), without their neighbours.
        is_standard_code = bool(self.parents) and has_standard_code(every, encodings)
        return Level(encodings, self.parents, creators, graphics, is_standard_code)

    def inside(self, tag: int) -> "Level":
        """What an item of a sequence inherits; private blocks are its own."""
        return Level(self.encodings, (*self.parents, tag))

    def creator_of(self, tag: int) -> str:
        """Who owns a private element; empty when nobody does."""
        return self.creators.get(creator_tag_of(tag), "")


def _owner(element: Element, encodings: tuple[str, ...]) -> str:
    """The one name that reserves a block; nobody when there are several, of which only one could be known."""
    names = texts_of(element, encodings) if element.items is None else []
    return names[0] if len(names) == 1 else ""


def is_creator_tag(tag: int) -> bool:
    """Whether an element names the owner of a private block."""
    return bool(tag >> 16 & 1) and _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK


def creator_tag_of(tag: int) -> int:
    """The tag of the element that names the owner of a private element."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8


def idle_creators(tags: Iterable[int]) -> frozenset[int]:
    """The private creators among some tags that own no element among them."""
    every = tuple(tags)
    owners = {creator_tag_of(tag) for tag in every if tag >> 16 & 1 and not is_creator_tag(tag)}
    return frozenset(tag for tag in every if is_creator_tag(tag) and tag not in owners)
