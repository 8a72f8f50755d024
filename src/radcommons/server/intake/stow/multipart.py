"""Reading multipart/related as it arrives, in constant memory (RFC 2046 5.1, RFC 2387). Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

MAXIMUM_HEADER_BYTES = 16_384
MAXIMUM_PARTS = 20_000
_HEADERS_END = b"\r\n\r\n"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]")


class MultipartError(Exception):
    """The body is no multipart message of the announced boundary; the message says why."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part with its headers, names in lower case."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of the part."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class PartEnds:
    """The part is whole."""


Event = PartBegins | PartData | PartEnds


class MultipartReader:
    """Turns pieces of a body into parts.

    Parameters
    ----------
    boundary
        As the Content-Type of the request names it.

    Raises
    ------
    MultipartError
        When the boundary is none.
    """

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise MultipartError("The Content-Type names no usable boundary.")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # A body may begin with its first delimiter, without a line break in front of it.
        self._data, self._at, self._last = b"\r\n", 0, -1
        self._is_in_part = False
        self._is_after_delimiter = False
        self._is_closed = False
        self._parts = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes; those of a part come out as they came in, uncopied.

        Raises
        ------
        MultipartError
            When they break the grammar or a limit.
        """
        if self._is_closed:
            return
        rest = self._data[self._at :]
        self._data, self._at = rest + data if rest else data, 0
        # Most pieces hold no delimiter, which takes half as long to learn from their end.
        self._last = self._data.rfind(self._delimiter)
        while (event := self._next()) is not None:
            if event is not _NOTHING:
                yield event
            if self._is_closed:
                return

    def close(self) -> None:
        """Say that the body has ended.

        Raises
        ------
        MultipartError
            When its last delimiter never came.
        """
        if not self._is_closed:
            raise MultipartError("The body ends before its last boundary.")

    def _next(self) -> Event | None:
        """The next event; ``None`` when more bytes are needed, ``_NOTHING`` when one step was made without any."""
        return self._head() if self._is_after_delimiter else self._content()

    def _content(self) -> Event | None:
        """What stands before the next delimiter: data of a part, or the preamble, which nobody reads."""
        start = self._at
        found = self._data.find(self._delimiter, start) if self._last >= start else -1
        end = found if found >= 0 else self._possible_delimiter()
        if end > start:
            self._at = end
            return PartData(memoryview(self._data)[start:end]) if self._is_in_part else _NOTHING
        if found < 0:
            return None
        self._at += len(self._delimiter)
        self._is_after_delimiter = True
        if self._is_in_part:
            self._is_in_part = False
            return PartEnds()
        return _NOTHING

    def _possible_delimiter(self) -> int:
        """Where a delimiter may begin whose end has not arrived; the end of the data when there is none."""
        first = max(self._at, len(self._data) - len(self._delimiter) + 1)
        at = self._data.find(b"\r", first)
        while at >= 0 and not self._delimiter.startswith(self._data[at:]):
            at = self._data.find(b"\r", at + 1)
        return at if at >= 0 else len(self._data)

    def _head(self) -> Event | None:
        """What follows a delimiter: two hyphens and the end, or the headers of the next part."""
        data, start = self._data, self._at
        if data.startswith(b"--", start):
            self._is_closed = True
            return _NOTHING
        if len(data) - start < 4:  # noqa: PLR2004  enough to tell one from the other
            return None
        end = data.find(_HEADERS_END, start)
        length = (end if end >= 0 else len(data)) - start
        if length > MAXIMUM_HEADER_BYTES + (0 if end >= 0 else len(_HEADERS_END) - 1):
            raise MultipartError("The headers of a part are too long.")
        if end < 0:
            return None
        self._parts += 1
        if self._parts > MAXIMUM_PARTS:
            raise MultipartError(f"A request has at most {MAXIMUM_PARTS} parts.")
        headers = _headers(data[start:end])
        self._at = end + len(_HEADERS_END)
        self._is_after_delimiter, self._is_in_part = False, True
        return PartBegins(headers)


_NOTHING = PartData(b"")


@lru_cache(maxsize=16)
def _headers(block: bytes) -> Mapping[str, str]:
    """Header fields of a part, which are those of the part before as a rule; what follows the delimiter on its line is white space (RFC 2046 5.1.1)."""
    padding, _, lines = block.partition(b"\r\n")
    if padding.strip(b" \t"):
        raise MultipartError("A boundary is followed by something else than a line break.")
    found = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", lines).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line and not colon:
            raise MultipartError("A header of a part has no colon.")
        if line:
            found[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    return MappingProxyType(found)
