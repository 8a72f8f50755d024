"""What a manifest says about one batch and about each of its files, as frozen values."""

from dataclasses import dataclass
from enum import StrEnum

from radcommons.deid.pixel_text import PixelText

# Verdicts about writing in pixels with which an instance leaves its hospital.
LEAVING = frozenset({PixelText.NOT_APPLICABLE, PixelText.CLEAN, PixelText.REDACTED, PixelText.APPROVED})


class Covid19Status(StrEnum):
    """The site's statement about a subject."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ProfileStamp:
    """Which de-identification profile made the instances; ``digest`` is of the compiled profile."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class SoftwareStamp:
    """Which program made the batch."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ReviewStamp:
    """Who at the site looked at the de-identified content and answers for sending it."""

    by: str
    decision: str


class ReleaseReason(StrEnum):
    """Why a person let an object go that no program can clean; the person's own words stay at the hospital."""

    READ = "read"
    NO_PATIENT = "no-patient"
    CLEANED_BEFORE = "cleaned-before"


@dataclass(frozen=True, slots=True, order=True)
class ReleaseStamp:
    """That a person let one object go although no program can clean it as a whole.

    Parameters
    ----------
    role
        Of the person at the site; never a name.
    at
        When, in UTC, to the second.
    why
        In one of three words.
    """

    role: str
    at: str
    why: ReleaseReason

    def to_json(self) -> dict[str, str]:
        """The release as it stands in the manifest."""
        return {"at": self.at, "role": self.role, "why": self.why.value}


@dataclass(frozen=True, slots=True, order=True)
class BatchFile:
    """One instance of a batch; every UID is a new one under 2.25. ``release`` only where no program can clean it."""

    sha256: str
    size_bytes: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    pixel_text: PixelText
    release: ReleaseStamp | None = None

    def to_json(self) -> dict[str, object]:
        """The file's line as it stands in the manifest."""
        release = {} if self.release is None else {"release": self.release.to_json()}
        return {
            **release,
            "pixel_text": self.pixel_text.value,
            "series_instance_uid": self.series_instance_uid,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "study_instance_uid": self.study_instance_uid,
        }
