"""The verbs of the archive; the only writers of its tables."""

from radcommons.server.archive.dicomweb.intact import ask_for_examination
from radcommons.server.archive.services.exporting import Export, export_archive
from radcommons.server.archive.services.importing import Import, import_archive
from radcommons.server.archive.services.mending import clean_up_pieces
from radcommons.server.archive.services.older_digests import OlderDigests, older_digests
from radcommons.server.archive.services.placing import place, place_of, take_back
from radcommons.server.archive.services.purging import Cause, Selection, apply_purge, lift_purge, plan_purge
from radcommons.server.archive.services.shelving import shelve, unshelve
from radcommons.server.archive.services.storing import (
    Offer,
    Stored,
    announce_derived,
    announce_stored,
    begin_storing,
    clean_up_unfinished,
    finish_storing,
    place_bytes,
    store_instance,
    store_instances,
)
from radcommons.server.archive.services.verification import Pace, Verification, examine, verify_objects
from radcommons.server.platform.objects.choosing import ask_for_places

__all__ = [
    "Cause",
    "Export",
    "Import",
    "Offer",
    "OlderDigests",
    "Pace",
    "Selection",
    "Stored",
    "Verification",
    "announce_derived",
    "announce_stored",
    "apply_purge",
    "begin_storing",
    "clean_up_pieces",
    "clean_up_unfinished",
    "examine",
    "export_archive",
    "finish_storing",
    "import_archive",
    "lift_purge",
    "older_digests",
    "place",
    "place_bytes",
    "plan_purge",
    "shelve",
    "store_instance",
    "store_instances",
    "take_back",
    "unshelve",
    "verify_objects",
]

# A bucket has one name for an object; whoever uses the archive's verbs can ask where that is now.
ask_for_places(place_of)
# Whoever sends bytes can have those examined that look wrong.
ask_for_examination(examine)
