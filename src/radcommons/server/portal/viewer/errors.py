"""Refusals of the viewer's installation.

ViewerInstallError
├── viewer.npm-missing        npm is needed once, to fetch the files
├── viewer.fetch-failed       npm could not fetch them
├── viewer.digest-mismatch    the package is not the one that was examined
└── viewer.unexpected-files   the package does not hold what the changes expect
"""

from radcommons.dicom.errors import Kind, RadCommonsError


class ViewerInstallError(RadCommonsError):
    """The OHIF viewer cannot be installed as it is; the reading page serves meanwhile."""

    def __init__(self, kind: Kind, reason: str, message: str, **facts: object) -> None:
        super().__init__(kind, f"viewer.{reason}", message, **facts)
