"""The verbs of the archive; the only writers of its tables."""

from radcommons.server.archive.services.mending import clean_up_pieces
from radcommons.server.archive.services.placing import place, place_of
from radcommons.server.archive.services.shelving import shelve, unshelve
from radcommons.server.archive.services.storing import (
    Offer,
    Stored,
    announce_stored,
    clean_up_unfinished,
    store_instance,
    store_instances,
)
from radcommons.server.archive.services.verification import Pace, Verification, verify_objects
from radcommons.server.platform.objects.choosing import ask_for_places

__all__ = [
    "Offer",
    "Pace",
    "Stored",
    "Verification",
    "announce_stored",
    "clean_up_pieces",
    "clean_up_unfinished",
    "place",
    "shelve",
    "store_instance",
    "store_instances",
    "unshelve",
    "verify_objects",
]

# A bucket has one name for an object; whoever uses the archive's verbs can ask where that is now.
ask_for_places(place_of)
