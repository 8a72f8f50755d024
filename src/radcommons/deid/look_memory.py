"""What the second look found in elements before: instances of a series repeat most of their header byte for byte.

The look decides by the element, what encloses it, the profile, the class and the subject; all of them are in the key, so a
memory changes how fast a file is looked at, never what is found.
"""

from collections import OrderedDict
from collections.abc import Iterator

from radcommons.deid.element_look import ElementLook, private_findings
from radcommons.deid.levels import Level
from radcommons.dicom.elements import Element
from radcommons.dicom.finding import Finding

_CONTEXTS = 16
_ELEMENTS = 5000
_LARGEST_VALUE = 512
_DEEPEST = 8
_Found = dict[object, tuple[Finding, ...]]


class LookMemory:
    """Remembers findings by element, for a few kinds of objects at a time."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[object, _Found] = OrderedDict()

    def level_findings(self, look: ElementLook, elements: tuple[Element, ...]) -> Iterator[Finding]:
        """What :meth:`.ElementLook.level_findings` finds in a whole data set."""
        level = Level().holding(elements)
        found = None if level.graphics else self._context(look, level)
        for element in elements:
            key = None if found is None else _key_of(element, 0)
            if key is None or found is None:
                yield from look.findings(element, level)
                continue
            known = found.get(key)
            if known is None:
                known = found[key] = tuple(look.findings(element, level))
            yield from known
        yield from private_findings((element.tag for element in elements), level)

    def _context(self, look: ElementLook, level: Level) -> _Found:
        key = (
            look.profile.digest,
            look.sop_class_uid,
            look.subject_id,
            level.encodings,
            frozenset(level.creators.items()),
        )
        found = self._contexts.get(key)
        if found is None or len(found) > _ELEMENTS:
            found = self._contexts[key] = {}
        self._contexts.move_to_end(key)
        if len(self._contexts) > _CONTEXTS:
            self._contexts.popitem(last=False)
        return found


def _key_of(element: Element, depth: int) -> object | None:
    """All of an element that a look can see, without where it lies; ``None`` when it is too much to keep."""
    if element.items is None:
        value = element.value
        return (element.tag, element.vr, bytes(value)) if len(value) <= _LARGEST_VALUE else None
    if depth >= _DEEPEST:
        return None
    items = []
    for item in element.items:
        inner = [_key_of(each, depth + 1) for each in item]
        if None in inner:
            return None
        items.append(tuple(inner))
    return element.tag, element.vr, tuple(items)
