"""How an error becomes an HTTP answer: one table, one shape (``{"code", "message", …facts}``)."""

from collections.abc import Mapping
from types import MappingProxyType

from radcommons.dicom.errors import Kind, RadCommonsError

STATUS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.INVALID: 422,
        Kind.UNAUTHENTICATED: 401,
        Kind.FORBIDDEN: 403,
        Kind.NOT_FOUND: 404,
        Kind.CONFLICT: 409,
        Kind.GONE: 410,
        Kind.TOO_LARGE: 413,
        Kind.UNSUPPORTED: 415,
        Kind.UNAVAILABLE: 503,
    }
)

UNEXPECTED = {
    "code": "platform.unexpected",
    "message": "Something went wrong on our side. It has been logged under the request id; nothing was changed.",
}

NO_DATABASE = {
    "code": "platform.database-unavailable",
    "message": "The database does not answer. Nothing was half saved. Try again in a minute; if it lasts, tell the operator.",
}


def status_of(error: RadCommonsError) -> int:
    """The HTTP status of an error."""
    return STATUS[error.kind]
