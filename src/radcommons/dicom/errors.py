"""The one family of exceptions of the house.

Exceptions are for broken promises; odd data is a :class:`~radcommons.dicom.finding.Finding`.
A door (command line, HTTP) maps the *kind* to its own protocol; nothing below a door knows a status number.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of refusal an error is, without the numbers of any protocol."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"


class RadCommonsError(Exception):
    """A refusal that a person or a program can act on.

    Parameters
    ----------
    kind
        The sort of refusal; doors translate it.
    code
        A stable slug, ``<room>.<reason>``.
    message
        One or two sentences: what, where, and what to do. Never an identifier, a file name or a header value.
    facts
        Values a program may need (counts, digests, codes), safe to show to whoever receives the error.
    """

    def __init__(self, kind: Kind, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message
        self.facts = facts

    def to_json(self) -> dict[str, object]:
        """The error as every door shows it: code, message and facts."""
        return {"code": self.code, "message": self.message, **self.facts}
