"""Exit codes of the command line by kind of error, after the conventions of ``sysexits.h`` where one fits."""

from collections.abc import Mapping
from types import MappingProxyType

from radcommons.dicom.errors import Kind

EXIT_CODES: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.INVALID: 65,
        Kind.NOT_FOUND: 66,
        Kind.UNSUPPORTED: 67,
        Kind.GONE: 68,
        Kind.UNAVAILABLE: 69,
        Kind.TOO_LARGE: 70,
        Kind.CONFLICT: 73,
        Kind.UNAUTHENTICATED: 76,
        Kind.FORBIDDEN: 77,
    }
)
