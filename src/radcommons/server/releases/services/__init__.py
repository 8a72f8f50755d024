"""The verbs of the releases room."""

from radcommons.server.releases.services.admitting import admit_reader, dismiss_reader, open_version
from radcommons.server.releases.services.checking import check
from radcommons.server.releases.services.drafting import DraftWish, discard_draft, draft
from radcommons.server.releases.services.publishing import publish
from radcommons.server.releases.services.sequestering import sequester
from radcommons.server.releases.services.withdrawing import withdraw

__all__ = [
    "DraftWish",
    "admit_reader",
    "check",
    "discard_draft",
    "dismiss_reader",
    "draft",
    "open_version",
    "publish",
    "sequester",
    "withdraw",
]
