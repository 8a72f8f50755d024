"""Refusals of the releases room."""

from collections.abc import Sequence

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding


class InvalidReleaseError(RadCommonsError):
    """A draft whose description cannot be accepted."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "releases.invalid", message)


class VersionExistsError(RadCommonsError):
    """The version is taken."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Kind.CONFLICT, "releases.version-exists", f"{name} exists already. Choose another version number."
        )


class ImmutableReleaseError(RadCommonsError):
    """What was asked would change a version that is out."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Kind.CONFLICT,
            "releases.immutable",
            f"{name} is published; it is never changed. Draft a new version instead.",
        )


class CheckFailedError(RadCommonsError):
    """The checks found what keeps the draft in."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        codes = sorted({finding.code for finding in findings})
        super().__init__(
            Kind.CONFLICT,
            "releases.check-failed",
            f"The draft cannot be published: {', '.join(codes)}. Run the checks for the details.",
            findings=[finding.to_json() for finding in findings],
        )


class BusyReleaseError(RadCommonsError):
    """Somebody publishes or discards this version at the moment, or moves the objects of another."""

    def __init__(self) -> None:
        super().__init__(
            Kind.CONFLICT,
            "releases.busy",
            "A version is being published, discarded or withdrawn just now. Try again in a minute.",
        )


class WithdrawnReleaseError(RadCommonsError):
    """The version was withdrawn; only its tombstone is left."""

    def __init__(self, name: str, reason: str, withdrawn_on: str) -> None:
        super().__init__(
            Kind.GONE,
            "releases.withdrawn",
            f"{name} was withdrawn on {withdrawn_on}: {reason}",
            withdrawn_on=withdrawn_on,
            reason=reason,
        )


class RestrictedReleaseError(RadCommonsError):
    """The version is restricted, and this account was not granted access, or no longer has it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Kind.FORBIDDEN,
            "releases.restricted",
            f"{name} is restricted, and your account has no access to it. Its page says how to ask for it.",
        )
