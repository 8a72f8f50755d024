"""Association requests and their acceptance as bytes (PS3.8 9.3.2, 9.3.3; PS3.7 D.3.3).

Senders propose a hundred classes and more, each in several syntaxes: a codec that makes objects of all of them takes as long
as storing twenty images.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from radcommons.edge.listen.errors import ProtocolError

_FIXED = struct.Struct(">HH16s16s32s")
_APPLICATION_CONTEXT, _PROPOSED, _DECIDED = 0x10, 0x20, 0x21
_ABSTRACT, _TRANSFER, _USER = 0x30, 0x40, 0x50
_MAXIMUM_LENGTH, _IMPLEMENTATION_CLASS, _IMPLEMENTATION_VERSION = 0x51, 0x52, 0x55
_APPLICATION = b"1.2.840.10008.3.1.1.1"
_ACCEPT = 0x02


@dataclass(frozen=True, slots=True)
class Proposed:
    """One presentation context: a class, and the syntaxes its instances could be sent in."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks whom for what.

    Parameters
    ----------
    called, calling
        Titles as they lie in the request, sixteen bytes each.
    maximum_length
        The longest P-DATA-TF the caller takes; 0 for any.
    """

    called: bytes
    calling: bytes
    contexts: tuple[Proposed, ...]
    maximum_length: int

    @property
    def called_title(self) -> str:
        """Whom it is for."""
        return self.called.decode("latin-1").strip("\0 ")

    @property
    def calling_title(self) -> str:
        """Who it is from."""
        return self.calling.decode("latin-1").strip("\0 ")


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of a presentation context (PS3.8 9.3.3.2): 0 when it is accepted, otherwise why not."""

    context_id: int
    result: int
    transfer_syntax: str


def read_request(body: bytes) -> Request:
    """Read an A-ASSOCIATE-RQ without its head.

    Raises
    ------
    ProtocolError
        When it is none.
    """
    if len(body) < _FIXED.size:
        raise ProtocolError("an association request is cut short")
    _, _, called, calling, _ = _FIXED.unpack_from(body)
    contexts, maximum_length = [], 0
    for kind, item in _items(body[_FIXED.size :]):
        if kind == _PROPOSED:
            contexts.append(_proposed(item))
        elif kind == _USER:
            lengths = [value for inner, value in _items(item) if inner == _MAXIMUM_LENGTH]
            if any(len(value) != 4 for value in lengths):  # noqa: PLR2004  an unsigned long
                raise ProtocolError("a maximum length is no number")
            maximum_length = int.from_bytes(lengths[-1], "big") if lengths else 0
    return Request(called, calling, tuple(contexts), maximum_length)


def _proposed(item: bytes) -> Proposed:
    inner = list(_items(item[4:])) if len(item) >= 4 else []  # noqa: PLR2004  the number and what is reserved
    classes = [_uid(value) for kind, value in inner if kind == _ABSTRACT]
    syntaxes = tuple(_uid(value) for kind, value in inner if kind == _TRANSFER)
    # Odd numbers only (PS3.8 9.3.2.2).
    if len(classes) != 1 or not syntaxes or not item[0] & 1:
        raise ProtocolError("a presentation context is malformed")
    return Proposed(item[0], classes[0], syntaxes)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise ProtocolError("an association request ends inside an item")
        kind, length = struct.unpack_from(">BxH", data, position)
        if position + 4 + length > len(data):
            raise ProtocolError("an item of an association request is longer than the request")
        yield kind, data[position + 4 : position + 4 + length]
        position += 4 + length


def _uid(value: bytes) -> str:
    return value.decode("latin-1").strip("\0 ")


def written_acceptance(
    request: Request, decisions: Iterable[Decided], *, maximum_length: int, implementation: tuple[str, str]
) -> bytes:
    """The A-ASSOCIATE-AC that answers a request.

    Parameters
    ----------
    maximum_length
        The longest P-DATA-TF that is taken here.
    implementation
        Our class UID and our version.
    """
    user = (
        _item(_MAXIMUM_LENGTH, struct.pack(">I", maximum_length))
        + _item(_IMPLEMENTATION_CLASS, implementation[0].encode())
        + _item(_IMPLEMENTATION_VERSION, implementation[1].encode())
    )
    contexts = (
        _item(_DECIDED, bytes((each.context_id, 0, each.result, 0)) + _item(_TRANSFER, each.transfer_syntax.encode()))
        for each in decisions
    )
    # The titles come back as they were sent.
    fixed = _FIXED.pack(1, 0, request.called, request.calling, b"")
    body = b"".join((fixed, _item(_APPLICATION_CONTEXT, _APPLICATION), *contexts, _item(_USER, user)))
    return struct.pack(">BxI", _ACCEPT, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value
