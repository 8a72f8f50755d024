"""Who may associate, and what is agreed on: any storage class in any standard transfer syntax (PS3.8 7.1, PS3.7 D)."""

import ipaddress
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from radcommons.deid.writing import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from radcommons.dicom import uids
from radcommons.edge.listen.errors import ProtocolError
from radcommons.edge.listen.pdu import rejection

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_DICOM_ROOT = "1.2.840.10008."
_ACCEPTED, _NO_SUCH_CLASS, _NO_SUCH_SYNTAX = 0, 3, 4
_PLAIN_SYNTAXES = (uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN, uids.EXPLICIT_VR_BIG_ENDIAN)
# PS3.8 9.3.4: rejected permanently by the user; rejected for now by the provider.
_CALLING_NOT_RECOGNISED, _CALLED_NOT_RECOGNISED = (1, 1, 3), (1, 1, 7)
TOO_MANY = rejection(2, 3, 2)
# What a codec of another house may raise when it is fed with anything.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who may associate: an application entity title, a network, or a title from a network; empty means any."""

    title: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None

    def admits(self, title: str, address: str) -> bool:
        """Whether a caller is the one meant."""
        if self.title and self.title != title:
            return False
        if self.network is None:
            return True
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return (mapped or found) in self.network


@dataclass(frozen=True, slots=True)
class Admission:
    """Whom the listener lets in, and as whom it may be called; an empty ``called`` lets itself be called anything."""

    called: str
    peers: tuple[Peer, ...] = ()

    def may_connect(self, address: str) -> bool:
        """Whether anybody at an address could be let in, asked before a byte is read."""
        return not self.peers or any(Peer("", peer.network).admits("", address) for peer in self.peers)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an association agreed on: contexts as abstract and transfer syntax by their number."""

    calling: str
    contexts: Mapping[int, tuple[str, str]]
    maximum_length: int
    reply: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a peer was turned away, and what it is told."""

    reason: str
    reply: bytes


def negotiate(body: bytes, admission: Admission, *, address: str, maximum_length: int) -> Agreement | Refusal:
    """Answer an A-ASSOCIATE-RQ.

    Parameters
    ----------
    body
        The unit without its head.

    Raises
    ------
    ProtocolError
        When it cannot be read.
    """
    try:
        unit = A_ASSOCIATE_RQ()
        unit.decode(struct.pack(">BxI", 1, len(body)) + body)
        return _answered(unit.to_primitive(), admission, address=address, maximum_length=maximum_length)
    except _UNREADABLE as error:
        raise ProtocolError("an association request cannot be read") from error


def _answered(request: A_ASSOCIATE, admission: Admission, *, address: str, maximum_length: int) -> Agreement | Refusal:
    calling, called = str(request.calling_ae_title).strip(), str(request.called_ae_title).strip()
    if admission.called and called != admission.called:
        return Refusal("another title was called", rejection(*_CALLED_NOT_RECOGNISED))
    if admission.peers and not any(peer.admits(calling, address) for peer in admission.peers):
        return Refusal("the caller is not on the list", rejection(*_CALLING_NOT_RECOGNISED))
    results = [_decided(context) for context in request.presentation_context_definition_list]
    contexts = {
        int(context.context_id or 0): (str(context.abstract_syntax), str(context.transfer_syntax[0]))
        for context in results
        if context.result == _ACCEPTED
    }
    theirs = int(request.maximum_length_received or 0)
    return Agreement(calling, contexts, theirs, _acceptance(request, results, maximum_length))


def _decided(proposed: PresentationContext) -> PresentationContext:
    answer = PresentationContext()
    answer.context_id, answer.abstract_syntax = proposed.context_id, proposed.abstract_syntax
    offered = [str(each) for each in proposed.transfer_syntax]
    if not _is_served(str(proposed.abstract_syntax)):
        answer.transfer_syntax, answer.result = [UID(offered[0])], _NO_SUCH_CLASS
        return answer
    chosen = chosen_syntax(offered, is_storage=is_storage(str(proposed.abstract_syntax)))
    answer.transfer_syntax = [UID(chosen or offered[0])]
    answer.result = _ACCEPTED if chosen else _NO_SUCH_SYNTAX
    return answer


def _is_served(abstract_syntax: str) -> bool:
    return abstract_syntax in {VERIFICATION, STORAGE_COMMITMENT} or is_storage(abstract_syntax)


def is_storage(abstract_syntax: str) -> bool:
    """Whether instances of a class are taken: those of the standard, newer ones of its arc, and private ones."""
    return (
        abstract_syntax.startswith(_STORAGE_ROOT)
        or uids.is_storage_sop_class(abstract_syntax)
        or not abstract_syntax.startswith(_DICOM_ROOT)
    )


def chosen_syntax(offered: list[str], *, is_storage: bool) -> str:
    """The transfer syntax to receive in; empty when none will do.

    The sender's own order, since its first is usually how the instance lies there; implicit little endian, which says
    least about private attributes, only when there is nothing else.
    """
    usable = [each for each in offered if uids.is_standard_transfer_syntax(each)]
    if not is_storage:
        usable = [each for each in usable if each in _PLAIN_SYNTAXES[:2]]
    better = [each for each in usable if each != uids.IMPLICIT_VR_LITTLE_ENDIAN]
    return next(iter(better or usable), "")


def _acceptance(request: A_ASSOCIATE, results: list[PresentationContext], maximum_length: int) -> bytes:
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    version = ImplementationVersionNameNotification()
    length.maximum_length_received = maximum_length
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    answer = A_ASSOCIATE()
    answer.application_context_name = UID(_APPLICATION_CONTEXT)
    answer.calling_ae_title, answer.called_ae_title = request.calling_ae_title, request.called_ae_title
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = results
    answer.user_information = [length, implementation, version]
    unit = A_ASSOCIATE_AC()
    unit.from_primitive(answer)
    return bytes(unit.encode())
