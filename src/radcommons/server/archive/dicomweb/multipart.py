"""Writing multipart/related (RFC 2387) with a length known beforehand."""

import os
from collections import Counter


class MultipartWriter:
    """The delimiters of one multipart message.

    Parameters
    ----------
    part_type
        The media type of the parts, for the message's own Content-Type.
    """

    def __init__(self, part_type: str) -> None:
        self.boundary = os.urandom(16).hex()
        self.content_type = f'multipart/related; type="{part_type}"; boundary={self.boundary}'
        self._is_begun = False

    def open_part(self, content_type: str, location: str = "") -> bytes:
        """What stands before the bytes of the next part; ``location`` is its own address, where it has one."""
        before = b"\r\n" if self._is_begun else b""
        self._is_begun = True
        return before + self._head(f"{content_type}\r\nContent-Location: {location}" if location else content_type)

    def close(self) -> bytes:
        """What stands after the last part."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def length(self, content_types: Counter[str], size_bytes: int) -> int:
        """The length of a message with so many parts of each type and so many bytes in them, at least one part."""
        heads = sum((len(self._head(kind)) + 2) * count for kind, count in content_types.items())
        return heads - 2 + size_bytes + len(self.close())

    def _head(self, content_type: str) -> bytes:
        return f"--{self.boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
