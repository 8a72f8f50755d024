"""A listener of our own in this process, instances to send it, and DCMTK's programs as its peers."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pydicom

from radcommons.edge.listen.association import Rules
from radcommons.edge.listen.negotiation import Admission, Peer
from radcommons.edge.listen.server import Listener, ListenOptions, running

TITLE = "RADCOMMONS"


@contextmanager
def listening(
    folder: Path, *, peers: tuple[Peer, ...] = (), timeout_s: float = 20.0, **more: object
) -> Iterator[Listener]:
    """A listener on a free port that takes from ``peers``, or from anybody."""
    limits = {key: more.pop(key) for key in ("maximum_bytes", "maximum_length") if key in more}
    rules = Rules(Admission(TITLE, peers), timeout_s=timeout_s, **limits)
    options = {"reserve_bytes": 0, "port": 0, **more}
    with running(folder, ListenOptions(TITLE, rules, **options)) as listener:
        yield listener


def storescu(port: int, files: Sequence[Path], *words: str, called: str = TITLE) -> subprocess.CompletedProcess[str]:
    """Send files by DCMTK's storescu."""
    command = ["storescu", "-v", "-aec", called, *words, "127.0.0.1", str(port), *map(str, files)]
    environment = os.environ | {"TCP_NODELAY": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def received(folder: Path) -> list[Path]:
    """The files that were received, in order of their names."""
    return sorted(path for path in folder.rglob("*.dcm") if ".radcommons" not in path.parts)


def data_set_of(path: Path) -> bytes:
    """The bytes of a file after its meta information."""
    with path.open("rb") as stream:
        pydicom.filereader.read_preamble(stream, force=False)
        pydicom.filereader._read_file_meta_info(stream)
        return stream.read()
