"""What happens to plain values of an attribute, said once for all of them: they go, stay, or are UIDs to be replaced.

A slice differs from its neighbour in numbers, times and UIDs. Which attributes may be treated so, and how, the rewriter
alone decides; here stand only the forms in which nothing but such a value can hide.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from radcommons.deid.byte_texts import PLAIN_NUMBERS
from radcommons.dicom.text import NUMERIC_FORM

TIME = re.compile(r"(?:[01]\d|2[0-4])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?")
ANYTHING = re.compile(rb"(?s:.*)")
# One legal UID of at most 64 characters, padded or not (PS3.5 9.1).
UID_FORM = re.compile(rb"(?=[0-9.]{1,64}\0?\Z)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+\0?")
_TIME_FORM = re.compile(TIME.pattern.encode("ascii") + rb" ?")
BINARY_NUMBERS = (
    *("AT", "FD", "FL", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV"),
    # What implicit encoding leaves open.
    *("US or SS", "US or OW", "US or SS or OW"),
)


@dataclass(frozen=True, slots=True)
class Direct:
    """What happens to every plain value of one attribute.

    Parameters
    ----------
    form
        What the raw bytes of a plain value match as a whole; all others are decided one by one.
    new_uid
        For UIDs the replacement, ``None`` for one to be decided by itself; absent where plain values stay as they are.
    is_removed
        Whether the attribute goes, whatever its value.
    """

    form: re.Pattern[bytes]
    new_uid: Callable[[str], str | None] | None = None
    is_removed: bool = False


REMOVED_DIRECTLY = Direct(ANYTHING, is_removed=True)
KEPT_DIRECTLY = Direct(ANYTHING)
STAYING = MappingProxyType(
    {
        **dict.fromkeys(BINARY_NUMBERS, Direct(PLAIN_NUMBERS)),
        **dict.fromkeys(("DS", "IS"), Direct(NUMERIC_FORM)),
        "TM": Direct(_TIME_FORM),
    }
)
