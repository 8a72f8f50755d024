"""The verbs of the archive; the only writers of its tables."""

from radcommons.server.archive.services.shelving import shelve, unshelve
from radcommons.server.archive.services.storing import (
    Offer,
    Stored,
    announce_stored,
    clean_up_unfinished,
    store_instance,
    store_instances,
)
from radcommons.server.archive.services.verification import Verification, verify_objects

__all__ = [
    "Offer",
    "Stored",
    "Verification",
    "announce_stored",
    "clean_up_unfinished",
    "shelve",
    "store_instance",
    "store_instances",
    "unshelve",
    "verify_objects",
]
