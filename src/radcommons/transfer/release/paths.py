"""Names inside a release folder, and the refusal of names that would leave it."""

import re
from pathlib import PurePosixPath

from radcommons.transfer.release.errors import ReleaseFormatError

RELEASE_JSON = "release.json"
ENVELOPE_JSON = "release.dsse.json"
STATUS_JSON = "status.json"
PUBLIC_KEY_PEM = "signing-key.pem"
SHA256SUMS = "SHA256SUMS"

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_SIZES_END = 1 << 63
_SHA256 = re.compile(r"[0-9a-f]{64}")


def safe_relative_path(text: str) -> PurePosixPath:
    """*text* as a relative path that stays inside the folder it is joined to, on every operating system.

    Raises
    ------
    ReleaseFormatError
        For absolute paths, ``..``, hidden names, reserved Windows names and unusual characters.
    """
    parts = text.split("/")
    for part in parts:
        if not _PART.fullmatch(part) or _RESERVED.fullmatch(part) or part.endswith("."):
            raise ReleaseFormatError("A file name in the release would leave its folder or cannot be stored safely.")
    return PurePosixPath(*parts)


def is_sha256(text: str) -> bool:
    """Whether *text* is 64 lower-case hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def is_size(value: object) -> bool:
    """Whether a number that somebody else wrote can be the size of a file in bytes, here and in every database."""
    return isinstance(value, int) and 0 <= value < _SIZES_END


def instance_path(sha256: str) -> str:
    """Where an instance lies relative to the address of the release."""
    return f"instances/{sha256}.dcm"
