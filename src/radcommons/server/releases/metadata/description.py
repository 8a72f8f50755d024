"""What the records say of a release, gathered once."""

from dataclasses import dataclass
from datetime import date, datetime

from radcommons.server.releases.rules import LICENCES, Licence, Told
from radcommons.transfer.release.manifest import FileEntry

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
    is_restricted
        Whether what is in it is for those who were granted access.
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
    counts: Told
    modalities: tuple[str, ...]
    root_hash: str
    files: tuple[FileEntry, ...]
    parent: str | None = None
    parent_url: str | None = None
    replaced_by: str | None = None
    replaced_by_url: str | None = None
    withdrawn_on: date | None = None
    withdrawal_reason: str = ""
    is_restricted: bool = False

    @property
    def licence(self) -> Licence:
        """The licence with its name and address."""
        return LICENCES[self.licence_id]

    @property
    def address(self) -> str:
        """What a citation ends with: the DOI as a link, or the page."""
        return f"https://doi.org/{self.doi}" if self.doi else self.landing_url

    @property
    def amounts(self) -> tuple[str, ...]:
        """How much there is, in words, as far as it is told."""
        counts = self.counts
        named = {
            "subjects": counts.subjects,
            "studies": counts.studies,
            "series": counts.series,
            "instances": counts.instances,
            "bytes": counts.size_bytes,
        }
        least = "at least " if self.is_restricted else ""
        return tuple(f"{least}{number} {name}" for name, number in named.items() if number is not None)

    @property
    def access_right(self) -> tuple[str, str]:
        """The access right by the vocabulary of COAR: its identifier and its label."""
        if self.withdrawn_on:
            return "c_14cb", "metadata only access"
        return ("c_16ec", "restricted access") if self.is_restricted else ("c_abf2", "open access")

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words to find it by."""
        return (*KEYWORDS, *self.modalities)
