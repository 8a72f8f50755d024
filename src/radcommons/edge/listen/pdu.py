"""Protocol data units on a socket: whole ones in, whole ones out, within limits of size and time (PS3.8 9.3)."""

import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

from radcommons.edge.listen.errors import PeerGoneError, ProtocolError

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 0x01, 0x02, 0x03
DATA, RELEASE_RQ, RELEASE_RP, ABORT = 0x04, 0x05, 0x06, 0x07

_HEAD_BYTES = 6
_PDV_HEAD_BYTES = 6
# A request with 128 presentation contexts of 30 transfer syntaxes each has a quarter of this.
MAXIMUM_NEGOTIATION_BYTES = 1 << 20
_ROOM_BYTES = 1 << 19
# Slower than this is no hospital network: a peer that trickles must not hold an association for ever.
_SLOWEST_BYTES_PER_S = 10_000


class Pdv(NamedTuple):
    """One presentation data value: a fragment of a command set or of a data set (PS3.8 9.3.5.1, E.2)."""

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


class PduStream:
    """Reads and writes the units of one connection.

    Parameters
    ----------
    connection
        A connected socket, plain or TLS.
    maximum_length
        The longest P-DATA-TF the peer may send, as it is told.
    timeout_s
        The longest silence.
    """

    def __init__(self, connection: socket.socket, *, maximum_length: int, timeout_s: float) -> None:
        self._socket = connection
        self._maximum_length = maximum_length
        self._timeout_s = timeout_s
        self._buffer = memoryview(bytearray(max(maximum_length, _ROOM_BYTES) + _HEAD_BYTES + _ROOM_BYTES))
        self._start = self._end = 0

    def read(self, *, timeout_s: float | None = None) -> tuple[int, memoryview]:
        """The type and the body of the next unit; the body is good until the next call.

        Raises
        ------
        PeerGoneError, ProtocolError
            When the peer left or fell silent; when the unit is longer than it may be.
        """
        patience_s = self._timeout_s if timeout_s is None else timeout_s
        self._need(_HEAD_BYTES, time.monotonic() + patience_s)
        kind, length = struct.unpack_from(">BxI", self._buffer, self._start)
        longest = self._maximum_length if kind == DATA else _longest_of(kind)
        if length > longest:
            raise ProtocolError("a unit is longer than negotiated")
        self._need(_HEAD_BYTES + length, time.monotonic() + patience_s + length / _SLOWEST_BYTES_PER_S)
        body = self._buffer[self._start + _HEAD_BYTES : self._start + _HEAD_BYTES + length]
        self._start += _HEAD_BYTES + length
        return kind, body

    def _need(self, count: int, deadline: float) -> None:
        """Have at least ``count`` bytes from the start on."""
        if self._end - self._start >= count:
            return
        if self._start:
            left = self._end - self._start
            self._buffer[:left] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, left
        if count > len(self._buffer):
            self._buffer = memoryview(bytearray(self._buffer[: self._end]) + bytes(count + _ROOM_BYTES - self._end))
        while self._end < count:
            try:
                self._socket.settimeout(max(0.001, min(self._timeout_s, deadline - time.monotonic())))
                received = self._socket.recv_into(self._buffer[self._end :])
            except OSError as error:
                raise PeerGoneError from error
            if not received or time.monotonic() > deadline:
                raise PeerGoneError
            self._end += received

    def write(self, data: bytes) -> None:
        """Send bytes at once, in one piece, so that no delayed acknowledgement stands between two halves of an answer.

        Raises
        ------
        PeerGoneError
            When the peer does not take them.
        """
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(data)
        except OSError as error:
            raise PeerGoneError from error


def _longest_of(kind: int) -> int:
    if kind in {ASSOCIATE_RQ, ASSOCIATE_AC}:
        return MAXIMUM_NEGOTIATION_BYTES
    if kind in {ASSOCIATE_RJ, RELEASE_RQ, RELEASE_RP, ABORT}:
        return 64
    raise ProtocolError("an unknown type of unit")


def values_of(body: memoryview) -> Iterator[Pdv]:
    """The presentation data values of a P-DATA-TF.

    Raises
    ------
    ProtocolError
        When their lengths do not fill the unit.
    """
    position = 0
    while position < len(body):
        if position + _PDV_HEAD_BYTES > len(body):
            raise ProtocolError("a data unit ends inside a value")
        length, context_id, control = struct.unpack_from(">IBB", body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):  # noqa: PLR2004  context and control
            raise ProtocolError("a value is longer than its unit")
        yield Pdv(context_id, bool(control & 1), bool(control & 2), body[position + _PDV_HEAD_BYTES : end])
        position = end


def data_units(context_id: int, data: bytes, *, is_command: bool, maximum_length: int) -> bytes:
    """A message fragment as P-DATA-TF units that fit what the peer takes; 0 means that it takes any length."""
    room = max(_PDV_HEAD_BYTES + 2, maximum_length or len(data) + _PDV_HEAD_BYTES) - _PDV_HEAD_BYTES
    units = []
    for start in range(0, len(data), room):
        piece = data[start : start + room]
        control = (1 if is_command else 0) | (2 if start + room >= len(data) else 0)
        head = struct.pack(">BxIIBB", DATA, len(piece) + _PDV_HEAD_BYTES, len(piece) + 2, context_id, control)
        units.append(head + piece)
    return b"".join(units)


def abort_unit(reason: int) -> bytes:
    """An A-ABORT from the service provider: 0 unspecified, 2 unexpected unit, 6 invalid parameter (PS3.8 9.3.8)."""
    return struct.pack(">BxIxxBB", ABORT, 4, 2, reason)


def release_reply() -> bytes:
    """An A-RELEASE-RP."""
    return struct.pack(">BxIxxxx", RELEASE_RP, 4)


def rejection(result: int, source: int, reason: int) -> bytes:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return struct.pack(">BxIxBBB", ASSOCIATE_RJ, 4, result, source, reason)
