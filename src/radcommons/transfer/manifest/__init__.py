"""The sealed batch: a canonical JSON list of what a site sends, named by the digest of its own bytes.

Only new (de-identified) unique identifiers and digests appear in a manifest; it is the one document besides the
instances that leaves the hospital. The same content sealed by the same reviewer gives the same bytes everywhere, so
sending a batch twice is harmless and both ends can name it without asking each other.
"""

from radcommons.transfer.manifest.batch import SCHEMA, BatchManifest
from radcommons.transfer.manifest.files import MAXIMUM_FILES
from radcommons.transfer.manifest.stamps import (
    LEAVING,
    BatchFile,
    Covid19Status,
    ProfileStamp,
    ReleaseReason,
    ReleaseStamp,
    ReviewStamp,
    SoftwareStamp,
)

__all__ = [
    "LEAVING",
    "MAXIMUM_FILES",
    "SCHEMA",
    "BatchFile",
    "BatchManifest",
    "Covid19Status",
    "ProfileStamp",
    "ReleaseReason",
    "ReleaseStamp",
    "ReviewStamp",
    "SoftwareStamp",
]
