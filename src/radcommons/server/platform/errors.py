"""Refusals that any room may raise.

RadCommonsError
├── NotFoundError        platform.not-found
├── ForbiddenError       platform.forbidden
├── UnauthenticatedError platform.unauthenticated
├── InvalidError         <room>.<reason>
├── ConflictError        <room>.<reason>
└── UnavailableError     <room>.<reason>
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class NotFoundError(RadCommonsError):
    """The object does not exist, or the actor may not know that it does."""

    def __init__(self, message: str = "There is nothing here, or it is not open to you.") -> None:
        super().__init__(Kind.NOT_FOUND, "platform.not-found", message)


class ForbiddenError(RadCommonsError):
    """The actor is known and may not do this."""

    def __init__(self, message: str = "Your account may not do this. Ask an administrator for the role.") -> None:
        super().__init__(Kind.FORBIDDEN, "platform.forbidden", message)


class UnauthenticatedError(RadCommonsError):
    """Nobody is signed in, or the token is unknown, expired or revoked."""

    def __init__(self, message: str = "Sign in, or send a valid token.") -> None:
        super().__init__(Kind.UNAUTHENTICATED, "platform.unauthenticated", message)


class InvalidError(RadCommonsError):
    """What was sent cannot be accepted as it is."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(Kind.INVALID, code, message, **facts)


class ConflictError(RadCommonsError):
    """The request contradicts the present state."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(Kind.CONFLICT, code, message, **facts)


class UnavailableError(RadCommonsError):
    """Something this depends on does not answer; trying again later may help."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(Kind.UNAVAILABLE, code, message, **facts)
