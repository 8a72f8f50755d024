"""Refusals of the intake room.

RadCommonsError
├── DigestMismatchError   intake.digest-mismatch   the bytes of a part are not those of its digest
├── PartTooLargeError     intake.part-too-large    more bytes than the manifest announced
├── DiskFullError         intake.disk-full         the staging disk has no room
├── WrongSiteError        intake.wrong-site        a key of one site, a manifest of another
├── UnknownProfileError   intake.unknown-profile   de-identified by a profile this centre does not accept
├── SigningKeyError       intake.signing-key       signed with a key that was refused
└── ConflictError, InvalidError of the platform with the codes intake.parts-missing, intake.batch-sealed,
    intake.manifest-too-large, intake.batch-too-large, intake.quarantine-decided, intake.reason,
    intake.key-decided, intake.summary-missing, intake.profile-packaged
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class DigestMismatchError(RadCommonsError):
    """What arrived is not what was announced; nothing of it is kept."""

    def __init__(self) -> None:
        message = "The bytes that arrived do not have the announced digest; nothing was kept. Send the part again."
        super().__init__(Kind.INVALID, "intake.digest-mismatch", message)


class PartTooLargeError(RadCommonsError):
    """A part is longer than its manifest says; nothing of it is kept."""

    def __init__(self, size_bytes: int) -> None:
        message = "The part is longer than the manifest says; nothing was kept."
        super().__init__(Kind.TOO_LARGE, "intake.part-too-large", message, size_bytes=size_bytes)


class DiskFullError(RadCommonsError):
    """There is no room for more uploads; what arrived before is safe."""

    def __init__(self) -> None:
        message = "The repository has no room for uploads at the moment. Nothing is lost: send the same batch later."
        super().__init__(Kind.UNAVAILABLE, "intake.disk-full", message)


class WrongSiteError(RadCommonsError):
    """The contributor key belongs to another site than the manifest names."""

    def __init__(self) -> None:
        message = "The contributor key belongs to another site than the manifest names. Use that site's own key."
        super().__init__(Kind.FORBIDDEN, "intake.wrong-site", message)


class UnknownProfileError(RadCommonsError):
    """The instances went through a profile that neither comes with this software nor was accepted for the project."""

    def __init__(self, name: str, version: str) -> None:
        message = (
            "This centre does not accept the de-identification profile of the batch, or not in this version. Use a profile "
            "that comes with RadCommons in the centre's version, or ask the centre to accept yours for the project."
        )
        super().__init__(Kind.FORBIDDEN, "intake.unknown-profile", message, name=name, version=version)


class SigningKeyError(RadCommonsError):
    """A person at the centre refused the key that signed the batch."""

    def __init__(self) -> None:
        message = "The centre refused the key that signed this batch. Speak with the centre before sending again."
        super().__init__(Kind.FORBIDDEN, "intake.signing-key", message)
