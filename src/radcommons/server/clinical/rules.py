"""Decisions of the clinical room: which statements there are."""

from enum import StrEnum


class Covid19Status(StrEnum):
    """A site's statement about a subject, by any of RICORD's criteria (RT-PCR, antibodies, clinical diagnosis)."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


def as_status(value: object) -> Covid19Status:
    """The statement behind a word; anything else is unknown."""
    return next((status for status in Covid19Status if status.value == value), Covid19Status.UNKNOWN)
