"""One association, from its request to its end: storing, echoing, committing (PS3.4 A, B and J).

A data set is never decoded here: its fragments go from the socket to the disk.
"""

import logging
import socket
from dataclasses import dataclass

from radcommons.deid.writing import PREAMBLE, meta_bytes
from radcommons.edge.listen import dimse, pdu
from radcommons.edge.listen.commitment import Committer
from radcommons.edge.listen.counts import Counts
from radcommons.edge.listen.dimse import Command
from radcommons.edge.listen.errors import OutOfSpaceError, PeerGoneError, ProtocolError
from radcommons.edge.listen.folder import ReceivedFolder
from radcommons.edge.listen.identity import identity_of, is_usable
from radcommons.edge.listen.messages import CommitmentMessage, Message, StoreMessage, status_of
from radcommons.edge.listen.negotiation import (
    STORAGE_COMMITMENT,
    VERIFICATION,
    Admission,
    Agreement,
    Refusal,
    is_storage,
    negotiate,
)

logger = logging.getLogger(__name__)

# PS3.8 9.1.5: how long a caller may take to say what it wants.
ARTIM_S = 15.0
MAXIMUM_COMMAND_BYTES = 1 << 16
_UNSPECIFIED, _INVALID = 0, 6


@dataclass(frozen=True, slots=True)
class Rules:
    """What every association of a listener keeps to.

    Parameters
    ----------
    maximum_length
        The longest P-DATA-TF that is taken, in bytes.
    timeout_s
        The longest silence of a peer.
    maximum_bytes
        The largest instance.
    """

    admission: Admission
    maximum_length: int = 1 << 18
    timeout_s: float = 60.0
    maximum_bytes: int = 8 << 30


@dataclass(frozen=True, slots=True)
class House:
    """What the associations of a listener share."""

    folder: ReceivedFolder
    rules: Rules
    committer: Committer
    counts: Counts


class Association:
    """Serves one connection, from ``address``, until it ends."""

    def __init__(self, connection: socket.socket, address: str, house: House) -> None:
        self._socket, self._address, self._house = connection, address, house
        rules = house.rules
        self._stream = pdu.PduStream(connection, maximum_length=rules.maximum_length, timeout_s=rules.timeout_s)
        self._agreement = Agreement("", {}, 0, b"")
        self._message: Message | None = None
        self._fragments = bytearray()
        self._is_ending = False

    def serve(self) -> None:
        """Negotiate, then answer messages until the peer releases, leaves, or breaks the protocol."""
        try:
            if self._is_agreed():
                self._house.counts.add(associations=1)
                while self._is_served():
                    continue
        except PeerGoneError:
            logger.info("a peer left without releasing its association")
        except ProtocolError as error:
            logger.warning("association aborted: %s", error)
            self._say_last(pdu.abort_unit(_INVALID))
        finally:
            if self._message is not None:
                self._message.drop()

    def end(self) -> None:
        """Ask for the end: between two messages at once, otherwise after the one that is on its way."""
        self._is_ending = True
        if self._message is None and not self._fragments:
            self.cut()

    def cut(self) -> None:
        """End now, whatever is on its way; it was not acknowledged and will be sent again."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            logger.debug("a connection was closed already")

    def _say_last(self, data: bytes) -> None:
        try:
            self._stream.write(data)
        except PeerGoneError:
            logger.debug("a peer did not wait for the last word")

    def _is_agreed(self) -> bool:
        rules = self._house.rules
        kind, body = self._stream.read(timeout_s=min(ARTIM_S, rules.timeout_s))
        if kind != pdu.ASSOCIATE_RQ:
            raise ProtocolError("an association begins with something else than its request")
        answer = negotiate(bytes(body), rules.admission, address=self._address, maximum_length=rules.maximum_length)
        self._stream.write(answer.reply)
        if isinstance(answer, Refusal):
            logger.warning("an association was refused: %s", answer.reason)
            self._house.counts.add(turned_away=1)
            return False
        self._agreement = answer
        return True

    def _is_served(self) -> bool:
        """Take the next unit; whether the association goes on."""
        kind, body = self._stream.read()
        if kind == pdu.DATA:
            for value in pdu.values_of(body):
                if value.is_command:
                    self._take_command(value)
                else:
                    self._take_data(value)
            if self._is_ending and self._message is None and not self._fragments:
                self._say_last(pdu.abort_unit(_UNSPECIFIED))
                return False
            return True
        if kind == pdu.RELEASE_RQ:
            self._say_last(pdu.release_reply())
            return False
        if kind == pdu.ABORT:
            return False
        raise ProtocolError("a unit came at the wrong time")

    def _take_command(self, value: pdu.Pdv) -> None:
        if self._message is not None:
            raise ProtocolError("a command came before the data set of the last one")
        if len(self._fragments) + len(value.data) > MAXIMUM_COMMAND_BYTES:
            raise ProtocolError("a command set is too long")
        self._fragments += value.data
        if not value.is_last:
            return
        command = dimse.decode(bytes(self._fragments))
        self._fragments.clear()
        message = self._begun(value.context_id, command)
        if command.has_data_set:
            self._message = message
        else:
            self._finish(message)

    def _take_data(self, value: pdu.Pdv) -> None:
        message = self._message
        if message is None or message.context_id != value.context_id:
            raise ProtocolError("a data set came without its command")
        message.take(value.data)
        if value.is_last:
            self._finish(message)
            self._message = None

    def _begun(self, context_id: int, command: Command) -> Message:
        context = self._agreement.contexts.get(context_id)
        if context is None:
            raise ProtocolError("a message came in a context that was not agreed on")
        abstract_syntax, transfer_syntax = context
        if command.field == dimse.C_STORE_RQ and is_storage(abstract_syntax):
            return self._storing(context_id, command, abstract_syntax, transfer_syntax)
        if command.field == dimse.C_ECHO_RQ and abstract_syntax == VERIFICATION:
            return Message(context_id, command)
        if command.field == dimse.N_ACTION_RQ and abstract_syntax == STORAGE_COMMITMENT and command.has_data_set:
            return CommitmentMessage(context_id, command, transfer_syntax=transfer_syntax)
        if command.field == dimse.N_EVENT_REPORT_RSP:
            return Message(context_id, command)
        return Message(context_id, command, dimse.UNRECOGNISED_OPERATION)

    def _storing(self, context_id: int, command: Command, abstract_syntax: str, transfer_syntax: str) -> Message:
        status = dimse.CANNOT_UNDERSTAND
        if command.sop_class_uid != abstract_syntax:
            status = dimse.CLASS_NOT_SUPPORTED
        elif not is_usable(command.sop_instance_uid):
            status = dimse.INVALID_INSTANCE
        elif command.has_data_set:
            try:
                incoming = self._house.folder.begin()
                head = meta_bytes(command.sop_class_uid, command.sop_instance_uid, transfer_syntax)
                message = StoreMessage(
                    context_id,
                    command,
                    incoming=incoming,
                    transfer_syntax=transfer_syntax,
                    maximum_bytes=self._house.rules.maximum_bytes,
                )
                message.write_head(PREAMBLE + head)
                return message
            except OutOfSpaceError:
                status = dimse.OUT_OF_RESOURCES
            except OSError as error:
                status = status_of(error)
        return Message(context_id, command, status)

    def _finish(self, message: Message) -> None:
        """Answer a message that is whole."""
        if message.command.field & dimse.RESPONSE:
            return
        if isinstance(message, StoreMessage):
            self._answer(message, *self._stored(message))
        elif isinstance(message, CommitmentMessage):
            self._commit(message)
        else:
            self._house.counts.add(refused=int(message.status != dimse.SUCCESS))
            self._answer(message, message.status)

    def _answer(self, message: Message, status: int, comment: str = "") -> None:
        self._send(message.context_id, message.command.answer(status, comment))

    def _send(self, context_id: int, command: bytes, data_set: bytes = b"") -> None:
        longest = self._agreement.maximum_length
        units = pdu.data_units(context_id, command, is_command=True, maximum_length=longest)
        if data_set:
            units += pdu.data_units(context_id, data_set, is_command=False, maximum_length=longest)
        self._stream.write(units)

    def _stored(self, message: StoreMessage) -> tuple[int, str]:
        """Put an instance in its place; its status and, where it helps, a word about it."""
        try:
            status, comment = self._placed(message) if message.status == dimse.SUCCESS else (message.status, "")
        except OSError as error:
            status, comment = status_of(error), ""
        finally:
            message.drop()
        self._house.counts.add(refused=int(status != dimse.SUCCESS))
        return status, comment

    def _placed(self, message: StoreMessage) -> tuple[int, str]:
        command, incoming = message.command, message.incoming
        identity = identity_of(incoming, message.transfer_syntax)
        if identity is None:
            return dimse.CANNOT_UNDERSTAND, "Study, series or instance UID cannot be read"
        if (identity.sop_class_uid, identity.sop_instance_uid) != (command.sop_class_uid, command.sop_instance_uid):
            return dimse.DOES_NOT_MATCH, "Data set and command name different instances"
        is_new = self._house.folder.place(incoming, identity, calling=self._agreement.calling)
        self._house.counts.add(instances=int(is_new), duplicates=int(not is_new), size_bytes=incoming.size_bytes)
        return dimse.SUCCESS, ""

    def _commit(self, message: CommitmentMessage) -> None:
        request, status = message.request()
        self._answer(message, status)
        if request is None:
            return
        committer, calling = self._house.committer, self._agreement.calling
        report = committer.decide(request)
        if committer.knows(calling):
            committer.send_later(calling, report)
            return
        command = dimse.event_report(
            message.command.message_id,
            sop_class_uid=STORAGE_COMMITMENT,
            sop_instance_uid=message.command.sop_instance_uid,
            event_type=report.event_type,
        )
        self._send(message.context_id, command, report.encoded(message.transfer_syntax))
