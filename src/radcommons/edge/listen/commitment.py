"""Storage commitment: saying that instances lie here whole, now or by calling back (PS3.4 J.3)."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from pynetdicom import AE, build_role
from pynetdicom.dsutils import decode as decode_data_set

from radcommons.deid.writing import encoding_of
from radcommons.dicom import uids
from radcommons.dicom.element_writing import write_elements
from radcommons.dicom.elements import Element, ElementReader, FormatError
from radcommons.dicom.header import Header
from radcommons.edge.listen import dimse
from radcommons.edge.listen.folder import ReceivedFolder
from radcommons.edge.listen.identity import is_usable
from radcommons.edge.listen.negotiation import COMMITMENT_INSTANCE, STORAGE_COMMITMENT

logger = logging.getLogger(__name__)

_TRANSACTION, _REFERENCED, _FAILED = 0x00081195, 0x00081199, 0x00081198
_CLASS, _INSTANCE, _REASON = 0x00081150, 0x00081155, 0x00081197
_CLASS_INSTANCE_CONFLICT = 0x0119
_ALL_HERE, _SOME_MISSING = 1, 2
# Seconds after which a peer that did not take a report is called again.
_AGAIN_AFTER_S = (5.0, 60.0, 600.0)
_CALL_TIMEOUT_S = 20.0

Reference = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """What a peer wants to hear of: instances as class and instance UID."""

    transaction_uid: str
    references: tuple[Reference, ...]

    @classmethod
    def decoded(cls, data: bytes, transfer_syntax: str) -> "CommitmentRequest | None":
        """Read the data set of an N-ACTION; ``None`` when it is no such request (PS3.4 J.3.2.1)."""
        encoding = encoding_of(transfer_syntax)
        try:
            header = Header(ElementReader(memoryview(data), encoding).read_data_set(0), encoding)
        except FormatError:
            return None
        items = [Header(item, encoding) for item in header.items(_REFERENCED)]
        references = tuple((item.text(_CLASS), item.text(_INSTANCE)) for item in items)
        request = cls(header.text(_TRANSACTION), references)
        named = [request.transaction_uid, *(uid for reference in references for uid in reference)]
        return request if references and all(is_usable(uid) for uid in named) else None


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What lies here of what was asked for, and why the rest does not count."""

    transaction_uid: str
    present: tuple[Reference, ...]
    failed: tuple[tuple[Reference, int], ...]

    @property
    def event_type(self) -> int:
        """1 when everything is here, 2 otherwise (PS3.4 J.3.3.1)."""
        return _SOME_MISSING if self.failed else _ALL_HERE

    def encoded(self, transfer_syntax: str) -> bytes:
        """The data set of the N-EVENT-REPORT."""
        elements = [Element(_TRANSACTION, "UI", self.transaction_uid.encode())]
        encoding = encoding_of(transfer_syntax)
        if self.failed:
            reasons = [
                (*_item(reference), Element(_REASON, "US", reason.to_bytes(2, "little")))
                for reference, reason in self.failed
            ]
            elements.append(Element(_FAILED, "SQ", items=tuple(reasons)))
        if self.present:
            elements.append(Element(_REFERENCED, "SQ", items=tuple(_item(each) for each in self.present)))
        return write_elements(elements, encoding)


def _item(reference: Reference) -> tuple[Element, ...]:
    return (
        Element(_CLASS, "UI", reference[0].encode("ascii")),
        Element(_INSTANCE, "UI", reference[1].encode("ascii")),
    )


class Committer:
    """Decides about requests, and calls back those peers whose address is known.

    Parameters
    ----------
    title
        Our own title.
    peers
        Host and port by title; a peer that is not among them is answered on its own association.
    """

    def __init__(self, folder: ReceivedFolder, *, title: str, peers: Mapping[str, tuple[str, int]]) -> None:
        self._folder, self._title, self._peers = folder, title, peers
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Call nobody any more; a peer that hears nothing asks again."""
        self._stopped.set()

    def knows(self, title: str) -> bool:
        """Whether a peer can be called back."""
        return title in self._peers

    def decide(self, request: CommitmentRequest) -> CommitmentReport:
        """Look for every instance that was asked for."""
        self._folder.settle()
        present, failed = [], []
        for reference in dict.fromkeys(request.references):
            sop_class_uid, sop_instance_uid = reference
            if self._folder.holds(sop_class_uid, sop_instance_uid):
                present.append(reference)
            elif self._folder.class_of(sop_instance_uid) not in {"", sop_class_uid}:
                failed.append((reference, _CLASS_INSTANCE_CONFLICT))
            else:
                failed.append((reference, dimse.NO_SUCH_OBJECT))
        return CommitmentReport(request.transaction_uid, tuple(present), tuple(failed))

    def send_later(self, title: str, report: CommitmentReport) -> None:
        """Call a peer back in a thread of its own, again and again for a while when it does not answer."""
        threading.Thread(target=self._send, args=(title, report), name="commitment", daemon=True).start()

    def _send(self, title: str, report: CommitmentReport) -> None:
        for pause_s in (0.0, *_AGAIN_AFTER_S):
            if self._stopped.wait(pause_s):
                return
            if self._is_taken(title, report):
                return
        logger.warning("a peer did not take its report of storage commitment")

    def _is_taken(self, title: str, report: CommitmentReport) -> bool:
        host, port = self._peers[title]
        entity = AE(ae_title=self._title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _CALL_TIMEOUT_S
        entity.add_requested_context(STORAGE_COMMITMENT, uids.IMPLICIT_VR_LITTLE_ENDIAN)
        role = build_role(STORAGE_COMMITMENT, scp_role=True)
        association = entity.associate(host, port, ae_title=title, ext_neg=[role])
        if not association.is_established:
            return False
        try:
            data_set = decode_data_set(
                BytesIO(report.encoded(uids.IMPLICIT_VR_LITTLE_ENDIAN)),
                True,
                True,
            )
            status, _ = association.send_n_event_report(
                data_set, report.event_type, STORAGE_COMMITMENT, COMMITMENT_INSTANCE
            )
        except (ValueError, RuntimeError):
            return False
        finally:
            association.release()
        return bool(status) and status.Status == dimse.SUCCESS
