"""Protocol data units, command sets and allow lists at their limits, on a pair of sockets and on bytes."""

import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.edge.listen import dimse, pdu
from radcommons.edge.listen.errors import PeerGoneError, ProtocolError
from radcommons.edge.listen.identity import is_usable
from radcommons.edge.listen.negotiation import Admission, Peer
from radcommons.edge.listen.pdu import PduStream, data_units, values_of

MAXIMUM = 1024


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield theirs, PduStream(ours, maximum_length=MAXIMUM, timeout_s=5)


def unit(kind, body):
    return struct.pack(">BxI", kind, len(body)) + body


@pytest.mark.parametrize(
    ("kind", "longest"),
    [
        (pdu.DATA, MAXIMUM),
        (pdu.ASSOCIATE_RJ, 64),
        (pdu.RELEASE_RQ, 64),
        (pdu.ABORT, 64),
        (pdu.ASSOCIATE_RQ, pdu.MAXIMUM_NEGOTIATION_BYTES),
    ],
)
def test_a_unit_of_the_longest_length_is_read_and_one_byte_more_refused_before_it_came(ends, kind, longest):
    theirs, stream = ends
    if longest <= MAXIMUM:
        theirs.sendall(unit(kind, b"x" * longest))
        found, body = stream.read()
        assert (found, bytes(body)) == (kind, b"x" * longest)
    theirs.sendall(struct.pack(">BxI", kind, longest + 1))
    with pytest.raises(ProtocolError, match="longer than negotiated"):
        stream.read()


@pytest.mark.parametrize("kind", [0, 8, 0x47, 0xFF])
def test_an_unknown_type_is_refused_whatever_length_it_claims(ends, kind):
    theirs, stream = ends
    theirs.sendall(struct.pack(">BxI", kind, 0))
    with pytest.raises(ProtocolError, match="unknown type"):
        stream.read()


def test_units_that_arrive_byte_by_byte_or_together_are_the_same(ends):
    theirs, stream = ends
    sent = [(pdu.DATA, b"one"), (pdu.RELEASE_RQ, bytes(4)), (pdu.DATA, b"")]
    whole = b"".join(unit(kind, body) for kind, body in sent)
    theirs.sendall(whole)
    assert [(kind, bytes(body)) for kind, body in (stream.read() for _ in sent)] == sent
    for place in range(len(whole)):
        theirs.sendall(whole[place : place + 1])
    assert [(kind, bytes(body)) for kind, body in (stream.read() for _ in sent)] == sent


@pytest.mark.parametrize("sent", [b"", b"\x04\x00", b"\x04\x00\x00\x00\x00\x05abcd"])
def test_a_peer_that_leaves_inside_a_unit_is_gone(ends, sent):
    theirs, stream = ends
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(PeerGoneError):
        stream.read()


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"\0", "inside a value"),
        (struct.pack(">IB", 2, 1), "inside a value"),
        (struct.pack(">IBB", 1, 1, 0), "longer than its unit"),
        (struct.pack(">IBB", 3, 1, 0), "longer than its unit"),
        (struct.pack(">IBB", 0xFFFFFFFE, 1, 0) + b"ab", "longer than its unit"),
        (struct.pack(">IBB", 2, 1, 0) + b"\0\0\0", "inside a value"),
    ],
)
def test_values_whose_lengths_do_not_fill_the_unit_are_refused(body, word):
    with pytest.raises(ProtocolError, match=word):
        list(values_of(memoryview(body)))


@given(st.binary(min_size=1, max_size=300), st.integers(0, 80), st.booleans(), st.integers(0, 127))
def test_fragments_put_together_are_the_message_and_none_is_longer_than_agreed(data, maximum, is_command, half):
    sent, found = data_units(2 * half + 1, data, is_command=is_command, maximum_length=maximum), []
    while sent:
        kind, length = struct.unpack_from(">BxI", sent)
        assert kind == pdu.DATA
        assert not maximum or length <= max(maximum, 8)
        found += values_of(memoryview(sent[6 : 6 + length]))
        sent = sent[6 + length :]
    assert b"".join(value.data for value in found) == data
    assert {(value.context_id, value.is_command) for value in found} == {(2 * half + 1, is_command)}
    assert [value.is_last for value in found] == [False] * (len(found) - 1) + [True]


@given(st.integers(0, 0x7FFF), st.integers(0, 0xFFFF), st.from_regex(r"[0-9.]{0,64}", fullmatch=True),
       st.integers(0, 0xFFFF), st.text(max_size=90))  # fmt: skip
def test_an_answer_says_what_was_asked_and_how_it_went(field, number, uid, status, comment):
    request = dimse.decode(dimse.encode({0x0002: uid, 0x0100: field, 0x0110: number, 0x0800: 1, 0x1000: uid}))
    assert (request.field, request.message_id, request.has_data_set, request.status) == (field, number, True, 0)
    answer = dimse.decode(request.answer(status, comment))
    assert (answer.field, answer.message_id, answer.status) == (field | dimse.RESPONSE, number, status)
    assert (answer.sop_class_uid, answer.sop_instance_uid, answer.has_data_set) == (uid, uid, False)


def test_a_command_set_cut_anywhere_is_refused():
    whole = dimse.encode({0x0002: "1.2.3", 0x0100: 1, 0x0110: 7, 0x0800: 0x0101, 0x1000: "1.2"})
    needed = whole.index(struct.pack("<HHI", 0, 0x1000, 4))
    for end in range(len(whole)):
        if end == needed:
            assert dimse.decode(whole[:end]).sop_instance_uid == ""
            continue
        with pytest.raises(ProtocolError):
            dimse.decode(whole[:end])
    with pytest.raises(ProtocolError, match="something else"):
        dimse.decode(whole + struct.pack("<HHI", 8, 0x16, 0))


@pytest.mark.parametrize(
    ("title", "network", "caller", "address", "expected"),
    [
        ("", None, "ANY", "203.0.113.9", True),
        ("CT1", None, "CT1", "203.0.113.9", True),
        ("CT1", None, "ct1", "203.0.113.9", False),
        ("", "10.1.0.0/16", "ANY", "10.1.255.255", True),
        ("", "10.1.0.0/16", "ANY", "10.2.0.0", False),
        ("", "10.1.0.0/16", "ANY", "::ffff:10.1.2.3", True),
        ("", "10.1.0.0/16", "ANY", "::a01:203", False),
        ("", "fe80::/10", "ANY", "fe80::1%eth0", True),
        ("", "fe80::/10", "ANY", "10.1.2.3", False),
        ("CT1", "10.1.0.0/16", "CT2", "10.1.2.3", False),
        ("CT1", "10.1.2.3/32", "CT1", "10.1.2.4", False),
    ],
)
def test_a_peer_is_told_by_its_title_and_by_where_it_calls_from(title, network, caller, address, expected):
    peer = Peer(title, ipaddress.ip_network(network) if network else None)
    assert peer.admits(caller, address) is expected


def test_who_may_not_be_let_in_by_any_title_is_turned_away_before_a_byte_is_read():
    named = Admission("", (Peer("CT1", ipaddress.ip_network("10.1.0.0/16")), Peer("CT2", ipaddress.ip_network("::1"))))
    assert [named.may_connect(each) for each in ("10.1.0.1", "::1", "10.2.0.1")] == [True, True, False]
    assert Admission("").may_connect("203.0.113.9")
    assert Admission("", (Peer("CT1"),)).may_connect("203.0.113.9")


@pytest.mark.parametrize("uid", ["", ".", "..", "1/2", "1.2\\3", "1.2 ", "a.b", "1.٢", "1" * 65, "1\n"])
def test_what_may_name_no_folder_is_no_identifier(uid):
    assert not is_usable(uid)
    assert is_usable("1.2") and is_usable("9" * 64)  # noqa: PT018
