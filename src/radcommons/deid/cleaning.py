"""What was found and decided about one object beyond its profile: boxes to blacken, texts to replace, a release."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from radcommons.deid.pixels.boxes import Box


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Decisions about one object.

    Parameters
    ----------
    boxes
        What to blacken in the pixels; empty when they were looked at and hold nothing to blacken, ``None`` when nobody
        looked.
    text_decisions
        For a text that the profile would keep, exactly as it would be kept and whatever its attribute: what stands in its
        place. The empty text removes it; ``None`` keeps it.
    released_classes
        SOP Classes a person releases although objects of them can hold anything and cannot be cleaned as a whole.
    """

    boxes: tuple[Box, ...] | None = None
    text_decisions: Mapping[str, str | None] = field(default_factory=dict)
    released_classes: frozenset[str] = frozenset()
