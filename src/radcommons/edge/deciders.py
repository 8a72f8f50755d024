"""Who decides, and why: what every decision of a person is recorded with."""

from radcommons.dicom.errors import Kind, RadCommonsError

LONGEST_NAME = 120
LONGEST_REASON = 500


def checked_name(by: str) -> str:
    """The name of a deciding person, cleaned.

    Raises
    ------
    RadCommonsError
        ``edge.name-needed`` when there is none.
    """
    cleaned = " ".join(by.split())
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise RadCommonsError(
            Kind.INVALID,
            "edge.name-needed",
            "Give the name of the person who decides (--by). It is sent to the centre.",
        )
    return cleaned


def checked_reason(reason: str) -> str:
    """The reason for a decision, cleaned.

    Raises
    ------
    RadCommonsError
        ``edge.reason-needed`` when there is none.
    """
    cleaned = " ".join(reason.split())
    if not cleaned or len(cleaned) > LONGEST_REASON:
        raise RadCommonsError(Kind.INVALID, "edge.reason-needed", "Say in one or two sentences why (--reason).")
    return cleaned
