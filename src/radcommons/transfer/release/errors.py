"""What can be wrong with a release as a whole."""

from radcommons.dicom.errors import Kind, RadCommonsError


class ReleaseFormatError(RadCommonsError):
    """A release document that this software cannot read, or that says something impossible."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(Kind.INVALID, "release.malformed", message, **facts)


class SignatureError(RadCommonsError):
    """A signature that does not belong to the document or to the key."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(Kind.INVALID, "release.signature-invalid", message, **facts)
