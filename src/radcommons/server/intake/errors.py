"""Refusals of the intake room.

RadCommonsError
├── DigestMismatchError   intake.digest-mismatch   the bytes of a part are not those of its digest
├── PartTooLargeError     intake.part-too-large    more bytes than the manifest announced
├── DiskFullError         intake.disk-full         the staging disk has no room
├── WrongSiteError        intake.wrong-site        a key of one site, a manifest of another
├── UnknownProfileError   intake.unknown-profile   de-identified by a profile this centre does not accept
├── EarlierEngineError    intake.earlier-engine    de-identified by an engine that is not taken any longer
├── SigningKeyError       intake.signing-key       signed with a key that was refused
└── ConflictError, InvalidError of the platform with the codes intake.parts-missing, intake.parts-announced, intake.batch-sealed,
    intake.manifest-too-large, intake.batch-too-large, intake.quarantine-decided, intake.reason,
    intake.key-decided, intake.summary-missing, intake.profile-packaged
"""

from collections.abc import Sequence

from radcommons import __version__
from radcommons.deid.profile import OLDEST_ENGINE
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

    def __init__(self, name: str, version: str, *, accepted: Sequence[str]) -> None:
        message = (
            f"This centre takes batches that were de-identified by {', '.join(accepted)}, as RadCommons {__version__} knows them; "
            "this one names another profile, another version or another content. Bring RadCommons at the site to that version and "
            "run `radcommons edge deidentify` again, or ask the centre to accept your profile for the project."
        )
        super().__init__(Kind.FORBIDDEN, "intake.unknown-profile", message, name=name, version=version)


class EarlierEngineError(RadCommonsError):
    """An engine made the instances whose outputs this centre does not take any longer."""

    def __init__(self, engine: str) -> None:
        message = (
            f"The batch was made by an earlier de-identification engine than {OLDEST_ENGINE}, the oldest that this centre takes. "
            f"Bring RadCommons at the site to version {__version__} and run `radcommons edge deidentify` again."
        )
        super().__init__(Kind.FORBIDDEN, "intake.earlier-engine", message, engine=engine)


class SigningKeyError(RadCommonsError):
    """A person at the centre refused the key that signed the batch."""

    def __init__(self) -> None:
        message = "The centre refused the key that signed this batch. Speak with the centre before sending again."
        super().__init__(Kind.FORBIDDEN, "intake.signing-key", message)
