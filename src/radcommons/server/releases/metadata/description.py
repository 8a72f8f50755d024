"""What the records say of a release, gathered once."""

from dataclasses import dataclass
from datetime import date, datetime

from radcommons.server.releases.rules import LICENCES, Licence
from radcommons.transfer.release.manifest import Counts, FileEntry

KEYWORDS = ("medical imaging", "radiology", "DICOM", "de-identified")


@dataclass(frozen=True, slots=True)
class Description:
    """A published release.

    Parameters
    ----------
    doi
        Its DOI, or an empty string while none is registered.
    landing_url, files_url
        Absolute addresses of its page and of its folder; the latter ends with a slash.
    parent, parent_url, replaced_by, replaced_by_url
        The version before and, once there is one, after it; versions and addresses of their pages.
    files
        The files its signature covers.
    withdrawn_on, withdrawal_reason
        Set on a tombstone.
    """

    slug: str
    version: str
    title: str
    description: str
    licence_id: str
    creators: tuple[str, ...]
    publisher: str
    doi: str
    landing_url: str
    files_url: str
    published_at: datetime
    counts: Counts
    modalities: tuple[str, ...]
    root_hash: str
    files: tuple[FileEntry, ...]
    parent: str | None = None
    parent_url: str | None = None
    replaced_by: str | None = None
    replaced_by_url: str | None = None
    withdrawn_on: date | None = None
    withdrawal_reason: str = ""

    @property
    def licence(self) -> Licence:
        """The licence with its name and address."""
        return LICENCES[self.licence_id]

    @property
    def address(self) -> str:
        """What a citation ends with: the DOI as a link, or the page."""
        return f"https://doi.org/{self.doi}" if self.doi else self.landing_url

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words to find it by."""
        return (*KEYWORDS, *self.modalities)
