"""Who may associate, and what is agreed on: any storage class in any standard transfer syntax (PS3.8 7.1, PS3.7 D)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from radcommons.deid.writing import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from radcommons.dicom import uids
from radcommons.edge.listen.pdu import rejection
from radcommons.edge.listen.requests import Decided, Proposed, read_request, written_acceptance

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_DICOM_ROOT = "1.2.840.10008."
_ACCEPTED, _NO_SUCH_CLASS, _NO_SUCH_SYNTAX = 0, 3, 4
_PLAIN_SYNTAXES = (uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN, uids.EXPLICIT_VR_BIG_ENDIAN)
# PS3.8 9.3.4: rejected permanently by the user; rejected for now by the provider.
_CALLING_NOT_RECOGNISED, _CALLED_NOT_RECOGNISED = (1, 1, 3), (1, 1, 7)
TOO_MANY = rejection(2, 3, 2)


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
    request = read_request(body)
    calling = request.calling_title
    if admission.called and request.called_title != admission.called:
        return Refusal("another title was called", rejection(*_CALLED_NOT_RECOGNISED))
    if admission.peers and not any(peer.admits(calling, address) for peer in admission.peers):
        return Refusal("the caller is not on the list", rejection(*_CALLING_NOT_RECOGNISED))
    decisions = [_decided(context) for context in request.contexts]
    contexts = {
        decided.context_id: (proposed.abstract_syntax, decided.transfer_syntax)
        for proposed, decided in zip(request.contexts, decisions, strict=True)
        if decided.result == _ACCEPTED
    }
    implementation = (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME)
    reply = written_acceptance(request, decisions, maximum_length=maximum_length, implementation=implementation)
    return Agreement(calling, contexts, request.maximum_length, reply)


def _decided(proposed: Proposed) -> Decided:
    offered = [each for each in proposed.transfer_syntaxes if uids.is_harmless_uid(each)]
    # Of a context that is refused nobody reads the syntax (PS3.8 9.3.3.2.1).
    otherwise = (offered or [uids.IMPLICIT_VR_LITTLE_ENDIAN])[0]
    if not _is_served(proposed.abstract_syntax):
        return Decided(proposed.context_id, _NO_SUCH_CLASS, otherwise)
    chosen = chosen_syntax(offered, is_storage=is_storage(proposed.abstract_syntax))
    return Decided(proposed.context_id, _ACCEPTED if chosen else _NO_SUCH_SYNTAX, chosen or otherwise)


def _is_served(abstract_syntax: str) -> bool:
    is_ours = abstract_syntax in {VERIFICATION, STORAGE_COMMITMENT} or is_storage(abstract_syntax)
    return is_ours and uids.is_harmless_uid(abstract_syntax)


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
