"""What somebody may wish of files that they send: how a document is to be called, how drawings are to be labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from radcommons.server.annotation.errors import ProjectInvalidError

KEPT = timedelta(days=2)
EVERYTHING = "*"
LONGEST_NAME_BYTES = 200


class UploadState(StrEnum):
    """How far an upload is: to be looked at, looked at, refused, to be taken in, taken in."""

    WAITING = "waiting"
    READY = "ready"
    REFUSED = "refused"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"


UNDER_WAY = frozenset({UploadState.WAITING, UploadState.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Labelling:
    """Which label drawings answer where their own names do not say it.

    Parameters
    ----------
    default
        The label of everything; "" when names and codes decide.
    by_name
        The label of what has that name or number; "" for what is to be left out.
    leaves_rest
        That what is no label by its name, number or code is left out instead of refused.
    """

    default: str = ""
    by_name: Mapping[str, str] = field(default_factory=dict)
    leaves_rest: bool = False

    @classmethod
    def from_words(cls, words: Sequence[str]) -> "Labelling":
        """What ``LABEL``, ``NAME=LABEL``, ``NAME=``, ``*=`` mean, one after the other."""
        pairs = [one.rpartition("=") for one in words]
        by_name = {name: label for name, sign, label in pairs if sign and name != EVERYTHING}
        default = next((label for name, sign, label in pairs if not sign or (name == EVERYTHING and label)), "")
        return cls(default, by_name, any(name == EVERYTHING and not label for name, _, label in pairs))


def plain_name(name: str) -> str:
    """The last part of a file's name, as a file of a folder may be called.

    Raises
    ------
    ProjectInvalidError
        When nothing of it can be a name.
    """
    last = name.replace("\\", "/").rpartition("/")[2].strip()
    if last in {"", ".", ".."} or "\x00" in last or len(last.encode()) > LONGEST_NAME_BYTES:
        raise ProjectInvalidError("A file has a name that no file can have.")
    return last
