"""Refusals of the access room.

RadCommonsError
├── NbiaRefusalError       access.nbia-refusal
├── ObjectsOnDiskError     access.objects-on-disk
└── TooManyObjectsError    access.drs-too-many
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class NbiaRefusalError(RadCommonsError):
    """A call that NBIA answers with status 400 and a sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "access.nbia-refusal", message)


class ObjectsOnDiskError(RadCommonsError):
    """A list of bucket addresses was asked for, and there is no bucket."""

    def __init__(self) -> None:
        super().__init__(
            Kind.CONFLICT,
            "access.objects-on-disk",
            "The objects of this centre lie on its own disks, not in an S3 bucket that s5cmd or rclone could read. "
            "Use 'radcommons download', the .tcia manifest, or DRS.",
        )


class TooManyObjectsError(RadCommonsError):
    """More was asked for than is answered at once."""

    def __init__(self, most: int) -> None:
        message = f"At most {most} objects are answered at once. Ask level by level."
        super().__init__(Kind.INVALID, "access.drs-too-many", message)
