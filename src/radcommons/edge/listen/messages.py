"""Messages whose data sets are on their way: what each does with the fragments it is given."""

import errno

from radcommons.edge.listen import dimse
from radcommons.edge.listen.commitment import CommitmentRequest
from radcommons.edge.listen.dimse import Command
from radcommons.edge.listen.errors import ProtocolError
from radcommons.edge.listen.folder import Incoming

MAXIMUM_ACTION_BYTES = 1 << 24
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Message:
    """A message, and the status it will be answered with; its data set, if it has one, nobody wants.

    Parameters
    ----------
    context_id
        The presentation context it came in.
    status
        Known beforehand when it is refused, or has nothing to be done for.
    """

    def __init__(self, context_id: int, command: Command, status: int = dimse.SUCCESS) -> None:
        self.context_id, self.command, self.status = context_id, command, status

    def take(self, data: memoryview) -> None:
        """Take a fragment of the data set."""

    def drop(self) -> None:
        """Forget what was taken."""


class StoreMessage(Message):
    """An instance on its way to the disk, of at most ``maximum_bytes``."""

    def __init__(
        self, context_id: int, command: Command, *, incoming: Incoming, transfer_syntax: str, maximum_bytes: int
    ) -> None:
        super().__init__(context_id, command)
        self.incoming, self.transfer_syntax, self._maximum_bytes = incoming, transfer_syntax, maximum_bytes

    def write_head(self, data: bytes) -> None:
        """Write what stands in front of the data set; where there is no room, that is the answer."""
        try:
            self.incoming.write_head(data)
        except OSError as error:
            self.status = status_of(error)

    def take(self, data: memoryview) -> None:
        """Write a fragment; what is too large or finds no room is read to its end and refused then."""
        if self.status != dimse.SUCCESS:
            return
        if self.incoming.size_bytes + len(data) > self._maximum_bytes:
            self.status = dimse.OUT_OF_RESOURCES
            return
        try:
            self.incoming.write(data)
        except OSError as error:
            self.status = status_of(error)

    def drop(self) -> None:
        """Remove the bytes aside."""
        self.incoming.drop()


class CommitmentMessage(Message):
    """A request for storage commitment."""

    def __init__(self, context_id: int, command: Command, *, transfer_syntax: str) -> None:
        super().__init__(context_id, command)
        self.transfer_syntax = transfer_syntax
        self._data = bytearray()

    def take(self, data: memoryview) -> None:
        """Gather the list of instances.

        Raises
        ------
        ProtocolError
            When it is longer than any list.
        """
        if len(self._data) + len(data) > MAXIMUM_ACTION_BYTES:
            raise ProtocolError("a request for storage commitment is too long")
        self._data += data

    def request(self) -> tuple[CommitmentRequest | None, int]:
        """What is asked for, and the status to answer with."""
        if self.command.code != 1:
            return None, dimse.NO_SUCH_ACTION
        request = CommitmentRequest.decoded(bytes(self._data), self.transfer_syntax)
        return request, dimse.SUCCESS if request is not None else dimse.INVALID_ARGUMENT


def status_of(error: OSError) -> int:
    """The status for a failure of the disk."""
    return dimse.OUT_OF_RESOURCES if error.errno in _NO_ROOM else dimse.PROCESSING_FAILURE
