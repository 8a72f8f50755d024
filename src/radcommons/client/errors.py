"""What can go wrong between a researcher and a release."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
LONGEST_SAID = 1_000


def size_of(size_bytes: float) -> str:
    """A size as people read it."""
    place = 0
    while size_bytes >= _STEP and place < len(_UNITS) - 1:
        size_bytes, place = size_bytes / _STEP, place + 1
    return f"{size_bytes:.{1 if place else 0}f} {_UNITS[place]}"


def printable(text: str, most: int = LONGEST_SAID) -> str:
    """What somebody else said, as it may stand on a terminal: not endless, and without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:most])


class Failures(Counter[str]):
    """How many files or series failed, by code; with what was said of the first of each."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: dict[str, str] = {}

    def note(self, error: RadCommonsError) -> None:
        """One more."""
        self[error.code] += 1
        self.reasons.setdefault(error.code, error.message)

    def take(self, others: "Failures") -> None:
        """Those of another part of the same download."""
        self.update(others)
        self.reasons = {**others.reasons, **self.reasons}

    def lines(self) -> Iterator[str]:
        """What is printed of them."""
        for code, count in sorted(self.items()):
            yield f"failed: {count} × {self.reasons[code]} [{code}]"

    def to_json(self) -> dict[str, object]:
        """What ``--json`` prints of them: counts by code, and the reasons."""
        return {"failures": dict(self), "reasons": self.reasons}


class RemoteError(RadCommonsError):
    """The server refused, or could not be reached after all retries."""

    def __init__(self, kind: Kind, code: str, message: str, *, may_retry: bool = False, **facts: object) -> None:
        super().__init__(kind, code, message, **facts)
        self.may_retry = may_retry


class DiskSpaceError(RadCommonsError):
    """There is not enough room for what was asked for."""

    def __init__(self, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            Kind.UNAVAILABLE,
            "client.disk-full",
            f"The download needs {size_of(needed_bytes)} and some to spare, and the disk has {size_of(free_bytes)} free. "
            "Free some space, choose another folder, or select less with --where.",
            needed_bytes=needed_bytes,
            free_bytes=free_bytes,
        )


class LocalDiskError(RadCommonsError):
    """The disk to which is downloaded takes no more, or fails."""

    def __init__(self, reason: str) -> None:
        message = (
            f"The disk or folder of the download cannot be read or written ({reason}). Free space, check it, or choose "
            "another folder; then run the command again."
        )
        super().__init__(Kind.UNAVAILABLE, "client.disk", message)


@contextmanager
def on_disk() -> Iterator[None]:
    """Tell a disk that takes no more, or a folder that nobody may write, from a network that does not answer: both are OSError."""
    try:
        yield
    except OSError as error:
        raise LocalDiskError(error.strerror or "error") from error


def made(folder: Path) -> Path:
    """A folder, which is there now and may be written into.

    Raises
    ------
    LocalDiskError
        When it cannot be made, or not written.
    """
    with on_disk():
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(0, "no permission to write there")
    return folder


class ListError(RadCommonsError):
    """A list of another program that cannot be understood, or asked for."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "client.bad-list", message)


class MissingExtraError(RadCommonsError):
    """Something that an extra of the package does, which is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        message = f'{what} needs packages that are not installed: pip install "radcommons[{extra}]"'
        super().__init__(Kind.UNSUPPORTED, "client.missing-extra", message)


class SelectionError(RadCommonsError):
    """A ``--where`` that is not one condition over the tables of the release."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "client.bad-selection", message)


class FolderError(RadCommonsError):
    """The folder holds something else than the command expects."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(Kind.CONFLICT, "client.folder", message, **facts)


class BusyFolderError(RadCommonsError):
    """Another download is writing into the same folder."""

    def __init__(self) -> None:
        super().__init__(
            Kind.CONFLICT, "client.busy", "Another download is running in this folder. Wait for it, or stop it."
        )


class DigestError(RadCommonsError):
    """Bytes that are not what the signed manifest promises."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "client.digest-mismatch", message)
