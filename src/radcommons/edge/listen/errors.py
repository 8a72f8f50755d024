"""What goes wrong while speaking DIMSE.

ProtocolError is for a peer that does not speak the protocol; the association is aborted, the listener goes on.
"""


class ProtocolError(Exception):
    """The peer broke PS3.8 or PS3.7; the message says how, without anything the peer sent."""


class PeerGoneError(Exception):
    """The peer closed the connection, or was silent for too long."""


class OutOfSpaceError(Exception):
    """The disk has no room for another instance; the peer is told and may come again (PS3.4 B.2.3, A700)."""
