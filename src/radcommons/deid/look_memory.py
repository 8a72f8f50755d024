"""What the second look found in elements before: instances of a series repeat most of their header byte for byte.

The look decides by the element, what encloses it, the profile, the class and the subject; what was found is remembered for
exactly these, so a memory changes how fast a file is looked at, never what is found.
"""

from collections import OrderedDict
from collections.abc import Iterator

from radcommons.deid.element_look import ElementLook, private_findings
from radcommons.deid.levels import Level
from radcommons.dicom.element_memory import ElementMemory, MadeOfElements
from radcommons.dicom.elements import Element
from radcommons.dicom.finding import Finding

_CONTEXTS = 16
_Found = MadeOfElements[tuple[Finding, ...]]


class LookMemory:
    """Remembers findings by element, for a few kinds of objects at a time.

    Parameters
    ----------
    elements
        The memory of the reader that the elements come from.
    """

    def __init__(self, elements: ElementMemory) -> None:
        self._elements = elements
        self._contexts: OrderedDict[object, _Found] = OrderedDict()

    def level_findings(self, look: ElementLook, elements: tuple[Element, ...]) -> Iterator[Finding]:
        """What :meth:`.ElementLook.level_findings` finds in a whole data set."""
        level = Level().holding(elements)
        if level.graphics:
            # Of overlays and curves the elements of a group decide together.
            yield from look.level_findings(elements, Level())
            return

        def seen(element: Element) -> tuple[Finding, ...]:
            return tuple(look.findings(element, level))

        for found in self._context(look, level).made_of(elements, seen):
            yield from found
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
        if found is None:
            found = self._contexts[key] = MadeOfElements(self._elements)
        self._contexts.move_to_end(key)
        if len(self._contexts) > _CONTEXTS:
            self._contexts.popitem(last=False)
        return found
