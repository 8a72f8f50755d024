"""Command sets of DIMSE messages: implicit little endian, group 0000 only (PS3.7 6.3.1, E.1)."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from radcommons.edge.listen.errors import ProtocolError

C_STORE_RQ, C_STORE_RSP = 0x0001, 0x8001
C_ECHO_RQ, C_ECHO_RSP = 0x0030, 0x8030
N_EVENT_REPORT_RQ, N_EVENT_REPORT_RSP = 0x0100, 0x8100
N_ACTION_RQ, N_ACTION_RSP = 0x0130, 0x8130
NO_DATA_SET, SOME_DATA_SET = 0x0101, 0x0001
RESPONSE = 0x8000

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NO_SUCH_OBJECT = 0x0112
INVALID_ARGUMENT = 0x0115
INVALID_INSTANCE = 0x0117
CLASS_NOT_SUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
UNRECOGNISED_OPERATION = 0x0211
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_GROUP_LENGTH = 0x0000
_AFFECTED_CLASS, _REQUESTED_CLASS = 0x0002, 0x0003
_FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _COMMENT = 0x0800, 0x0900, 0x0902
_AFFECTED_INSTANCE, _REQUESTED_INSTANCE = 0x1000, 0x1001
_EVENT_TYPE, _ACTION_TYPE = 0x1002, 0x1008
_MAXIMUM_COMMENT = 64
_UID_LENGTH_READ = 128


@dataclass(frozen=True, slots=True)
class Command:
    """One command set.

    Parameters
    ----------
    field
        Which message it is, ``C_STORE_RQ`` for one.
    message_id
        Its own number, or that of the request it answers.
    sop_class_uid, sop_instance_uid
        Affected or requested, whichever is there; whatever the peer wrote, decoded as Latin-1, without padding.
    status
        Of a response; 0 in requests.
    code
        Action or event type; 0 when there is none.
    """

    field: int
    message_id: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    has_data_set: bool = False
    status: int = 0
    code: int = 0

    def answer(self, status: int, comment: str = "") -> bytes:
        """The encoded response to this request, without a data set."""
        values: dict[int, int | str] = {
            _AFFECTED_CLASS: self.sop_class_uid,
            _FIELD: self.field | RESPONSE,
            _RESPONDED_TO: self.message_id,
            _DATA_SET_TYPE: NO_DATA_SET,
            _STATUS: status,
        }
        if comment:
            values[_COMMENT] = comment[:_MAXIMUM_COMMENT]
        if self.sop_instance_uid:
            values[_AFFECTED_INSTANCE] = self.sop_instance_uid
        if self.code:
            values[_ACTION_TYPE] = self.code
        return encode(values)


def event_report(message_id: int, *, sop_class_uid: str, sop_instance_uid: str, event_type: int) -> bytes:
    """The encoded N-EVENT-REPORT request, to be followed by its data set (PS3.7 10.3.1)."""
    return encode(
        {
            _AFFECTED_CLASS: sop_class_uid,
            _FIELD: N_EVENT_REPORT_RQ,
            _MESSAGE_ID: message_id,
            _DATA_SET_TYPE: SOME_DATA_SET,
            _AFFECTED_INSTANCE: sop_instance_uid,
            _EVENT_TYPE: event_type,
        }
    )


def encode(values: Mapping[int, int | str]) -> bytes:
    """Elements of group 0000 by their number, with the group's length in front."""
    body = b"".join(_element(number, values[number]) for number in sorted(values))
    return struct.pack("<HHII", 0, _GROUP_LENGTH, 4, len(body)) + body


def _element(number: int, value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("<HHIH", 0, number, 2, value)
    data = value.encode("latin-1", "replace")
    data += (b" " if number == _COMMENT else b"\0") * (len(data) % 2)
    return struct.pack("<HHI", 0, number, len(data)) + data


def decode(data: bytes) -> Command:
    """Read a command set.

    Raises
    ------
    ProtocolError
        When it is none.
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise ProtocolError("a command set ends inside an element")
        group, number, length = struct.unpack_from("<HHI", data, position)
        position += 8
        if group or position + length > len(data):
            raise ProtocolError("a command set holds something else than its group")
        found[number] = data[position : position + length]
        position += length
    field = _number(found, _FIELD)
    return Command(
        field=field,
        message_id=_number(found, _RESPONDED_TO if field & RESPONSE else _MESSAGE_ID),
        sop_class_uid=_text(found, _AFFECTED_CLASS) or _text(found, _REQUESTED_CLASS),
        sop_instance_uid=_text(found, _AFFECTED_INSTANCE) or _text(found, _REQUESTED_INSTANCE),
        has_data_set=_number(found, _DATA_SET_TYPE) != NO_DATA_SET,
        status=_number(found, _STATUS) if field & RESPONSE else 0,
        code=_number(found, _ACTION_TYPE, missing=0) or _number(found, _EVENT_TYPE, missing=0),
    )


def _number(found: Mapping[int, bytes], number: int, *, missing: int | None = None) -> int:
    value = found.get(number)
    if value is None and missing is not None:
        return missing
    if value is None or len(value) < 2:  # noqa: PLR2004  an unsigned short
        raise ProtocolError("a command set lacks an element")
    return int.from_bytes(value[:2], "little")


def _text(found: Mapping[int, bytes], number: int) -> str:
    return found.get(number, b"")[:_UID_LENGTH_READ].decode("latin-1").strip("\0 ")
