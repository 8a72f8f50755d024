"""What can go wrong between a researcher and a release."""

from radcommons.dicom.errors import Kind, RadCommonsError

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def size_of(size_bytes: float) -> str:
    """A size as people read it."""
    place = 0
    while size_bytes >= _STEP and place < len(_UNITS) - 1:
        size_bytes, place = size_bytes / _STEP, place + 1
    return f"{size_bytes:.{1 if place else 0}f} {_UNITS[place]}"


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
            f"The download's disk cannot be written ({reason}). Free space or check it, then run the command again."
        )
        super().__init__(Kind.UNAVAILABLE, "client.disk", message)


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
