"""What happens to plain values of an attribute, said once for all of them: they go, stay, or are UIDs to be replaced.

A slice differs from its neighbour in numbers, times and UIDs. Which attributes may be treated so, and how, the rewriter
alone decides; here stand only the forms in which nothing but such a value can hide.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from radcommons.dicom.text import is_numeric
from radcommons.dicom.uids import MAX_UID_LENGTH, is_valid_uid

TIME = re.compile(r"(?:[01]\d|2[0-4])(?::?[0-5]\d(?::?(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?")
_PLAIN_TIME = re.compile(TIME.pattern.encode("ascii") + rb" ?")
_NUMBER_VRS = ("AT", "FD", "FL", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV")


@dataclass(frozen=True, slots=True)
class Direct:
    """What happens to every plain value of one attribute.

    Parameters
    ----------
    is_plain
        Whether raw value bytes are plain; all others are decided one by one.
    new_uid
        For UIDs the replacement, ``None`` for one to be decided by itself; absent where plain values stay as they are.
    is_removed
        Whether the attribute goes, whatever its value.
    """

    is_plain: Callable[[bytes], bool]
    new_uid: Callable[[str], str | None] | None = None
    is_removed: bool = False


def _always(_: bytes) -> bool:
    return True


def _is_plain_time(value: bytes) -> bool:
    return _PLAIN_TIME.fullmatch(value) is not None


def is_plain_uid(value: bytes) -> bool:
    """Whether the bytes are one legal UID, padded or not."""
    if len(value) > MAX_UID_LENGTH + 1 or not value.isascii():
        return False
    return is_valid_uid(value.decode("ascii").removesuffix("\0"))


REMOVED_DIRECTLY = Direct(_always, is_removed=True)
STAYING = MappingProxyType(
    {
        **dict.fromkeys(_NUMBER_VRS, Direct(_always)),
        **dict.fromkeys(("DS", "IS"), Direct(is_numeric)),
        "TM": Direct(_is_plain_time),
    }
)
