"""What was found in parts of a batch before the batch was whole, for as long as this process lives and memory allows."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from radcommons.server.intake.rules import Inspection, PartClaim

MOST_PARTS = 4000
_MOST_BYTES = 64 * 2**20
# What a description takes beside its longest parts.
_DESCRIPTION_BYTES = 8192
_FRAME_BYTES = 200


class Foreseen:
    """Remembers inspections by claim; each is given once, and the oldest make room for new ones.

    A claim names the digest of the bytes, the profile and all else that an inspection depends on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[PartClaim, Inspection] = OrderedDict()
        self._bytes = 0

    def keep(self, claim: PartClaim, inspection: Inspection) -> None:
        """Remember what was found in a file; of one that could not be described it is found again."""
        if inspection.description is None:
            return
        with self._lock:
            self._drop(claim)
            self._found[claim] = inspection
            self._bytes += _size(inspection)
            while self._bytes > _MOST_BYTES or len(self._found) > MOST_PARTS:
                self._drop(next(iter(self._found)))

    def taken(self, claims: Iterable[PartClaim]) -> dict[int, Inspection]:
        """What is known of some claims, by their parts; it is not remembered any longer."""
        with self._lock:
            return {claim.part_id: found for claim in claims if (found := self._drop(claim)) is not None}

    def _drop(self, claim: PartClaim) -> Inspection | None:
        found = self._found.pop(claim, None)
        self._bytes -= _size(found) if found is not None else 0
        return found


def _size(inspection: Inspection) -> int:
    item = inspection.description
    return _DESCRIPTION_BYTES + (len(item.dicom_json) + _FRAME_BYTES * len(item.frames) if item is not None else 0)


foreseen = Foreseen()
