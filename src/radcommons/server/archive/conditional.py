"""Conditional and partial requests (RFC 9110 13 and 14). Pure."""

import re

from radcommons.server.archive.errors import RangeInvalidError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client holds this representation already (weak comparison)."""
    if if_none_match is None:
        return False
    held = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in held or etag.removeprefix("W/") in held


def requested_range(
    header: str | None, size_bytes: int, *, if_range: str | None = None, etag: str = ""
) -> tuple[int, int] | None:
    """The part of an object that is asked for, as start and length in bytes; None for all of it.

    Several ranges, other units and malformed headers are answered with the whole object, as the RFC allows.

    Raises
    ------
    RangeInvalidError
        When the range begins behind the end.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or (match[1], match[2]) == ("", "") or (if_range is not None and if_range != etag):
        return None
    if not match[1]:
        length = min(int(match[2]), size_bytes)
        start = size_bytes - length
    else:
        start = int(match[1])
        end = min(int(match[2]), size_bytes - 1) if match[2] else size_bytes - 1
        if match[2] and int(match[2]) < start:
            return None
        length = end - start + 1
    if start >= size_bytes or length <= 0:
        raise RangeInvalidError(size_bytes)
    return start, length
