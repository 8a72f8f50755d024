"""One way to write an identifier, as letters and digits alone, and what may stand between them."""

from dataclasses import dataclass
from enum import Enum, auto


class Gap(Enum):
    """What has to stand between the parts of a needle."""

    ANY = auto()
    SOME = auto()
    PUNCTUATION = auto()


@dataclass(frozen=True, slots=True)
class Needle:
    """One way to write an identifier.

    Parameters
    ----------
    text
        Its letters and digits, folded.
    joints
        Before which of its characters others may stand.
    is_distinct
        Whether it means the person wherever it stands, and not only in free text.
    is_embedded
        Whether it is also looked for inside longer words.
    gap
        What stands at its joints.
    is_number
        Whether leading zeros come and go.
    """

    text: str
    joints: frozenset[int] = frozenset()
    is_distinct: bool = True
    is_embedded: bool = False
    gap: Gap = Gap.ANY
    is_number: bool = False
