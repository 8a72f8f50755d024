"""Growing values that may exceed memory: small ones stay in it, large ones move to a nameless file."""

import mmap
import tempfile
from pathlib import Path
from typing import IO

_IN_MEMORY_BYTES = 64 * 2**20


class Spool:
    """Bytes written once from front to end and then read as one value.

    Parameters
    ----------
    folder
        Where a large value is kept meanwhile; the system's folder for temporary files when not given. The file has no
        name and vanishes with the last view of it.
    in_memory_bytes
        Up to which size memory is used.
    """

    def __init__(self, folder: Path | None = None, *, in_memory_bytes: int = _IN_MEMORY_BYTES) -> None:
        self._folder = folder
        self._limit = in_memory_bytes
        self._pieces: list[bytes] = []
        self._stream: IO[bytes] | None = None
        self._reserved = 0
        self.size = 0

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        self.size += len(piece)
        if self._stream is None and self.size > self._limit:
            self._stream = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  closed by view()
            for earlier in self._pieces:
                self._stream.write(earlier)
            self._pieces.clear()
        if self._stream is None:
            self._pieces.append(bytes(piece))
        else:
            self._stream.write(piece)

    def reserve(self, size: int) -> None:
        """Leave room for bytes that are known only at the end; before anything is written."""
        self._reserved = size
        self.write(bytes(size))

    def fill_reserved(self, front: bytes) -> None:
        """Write what room was left for.

        Raises
        ------
        ValueError
            When it is of another size.
        """
        if len(front) != self._reserved:
            raise ValueError("The reserved bytes are of another size.")
        if self._stream is None:
            self._pieces[0] = front
        else:
            self._stream.seek(0)
            self._stream.write(front)
            self._stream.seek(0, 2)

    def view(self) -> bytes | memoryview:
        """Everything that was written; nothing can be written afterwards."""
        if self._stream is None:
            return b"".join(self._pieces)
        self._stream.flush()
        with self._stream as stream:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
