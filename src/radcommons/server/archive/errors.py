"""Refusals of the archive.

RadCommonsError
├── NotAcceptableError   archive.not-acceptable      no representation that the client accepts
├── QueryInvalidError    archive.query-invalid       a search that cannot be understood
├── RangeInvalidError    archive.range-invalid       a range outside the object
├── NotRenderableError   archive.not-renderable      no picture can be made of the object
├── DamagedObjectError   archive.object-damaged      the stored bytes are not what they were
└── RendererBusyError    archive.renderer-busy       all rendering processes are taken
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class NotAcceptableError(RadCommonsError):
    """The object has no representation that the client said it accepts (PS3.18 8.7.5)."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.UNSUPPORTED, "archive.not-acceptable", message)


class QueryInvalidError(RadCommonsError):
    """A parameter of a search or a retrieval cannot be understood."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "archive.query-invalid", message)


class RangeInvalidError(RadCommonsError):
    """The requested range of bytes lies outside the object."""

    def __init__(self, size_bytes: int) -> None:
        message = "The requested range lies outside the object."
        super().__init__(Kind.INVALID, "archive.range-invalid", message, size_bytes=size_bytes)


class NotRenderableError(RadCommonsError):
    """No picture can be made of the object: it has no pixels, or nothing here decodes them."""

    def __init__(self, reason: str) -> None:
        message = "No picture can be made of this object. Retrieve the instance itself."
        super().__init__(Kind.UNSUPPORTED, "archive.not-renderable", message, reason=reason)


class DamagedObjectError(RadCommonsError):
    """The stored bytes are gone or changed; they are not sent, and the operator is told."""

    def __init__(self) -> None:
        message = "The repository's copy of this file is damaged and is not sent. Tell the repository, and ask again once it is repaired."
        super().__init__(Kind.UNAVAILABLE, "archive.object-damaged", message)


class RendererBusyError(RadCommonsError):
    """Every process that decodes pixels is taken; trying again in a moment helps."""

    def __init__(self) -> None:
        super().__init__(Kind.UNAVAILABLE, "archive.renderer-busy", "Too many pictures are being made. Try again.")
