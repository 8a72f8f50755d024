"""A compressed ZIP archive that is sent while its files are made: no more than one file of it is held at a time."""

import io
import zipfile
from collections.abc import Iterable, Iterator

from radcommons.server.annotation.rules.exporting import Member

# The same reads give the same archive: no file in it has the time of its making.
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_PACKED_ALREADY = (".gz", ".zip", ".parquet")


class _Outlet(io.RawIOBase):
    """Takes what is written, to be given on; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Return that it takes bytes."""
        return True

    def write(self, data: object) -> int:
        """Keep a copy until it is taken."""
        part = bytes(data)  # type: ignore[call-overload]  # zipfile hands over bytes
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """The pieces of an archive, one a file and the directory at the end."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_STORED if member.name.endswith(_PACKED_ALREADY) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, member.data)
            yield outlet.taken()
    yield outlet.taken()
