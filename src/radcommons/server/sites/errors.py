"""Refusals of the sites room.

RadCommonsError
├── NoValidAgreementError  sites.no-valid-agreement
└── InvalidError, ConflictError of the platform with the codes sites.code, sites.code-taken, sites.country,
    sites.licence, sites.dates, sites.text, sites.text-taken, sites.already-revoked, sites.survey-incomplete
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class NoValidAgreementError(RadCommonsError):
    """The site has no data sharing agreement in force for the project; the message says which part is missing."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(Kind.FORBIDDEN, "sites.no-valid-agreement", message, reason=reason)
