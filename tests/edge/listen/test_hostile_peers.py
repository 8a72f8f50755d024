"""What a listener must stand: garbage, silence, floods, lies about lengths, and being killed in the middle."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from tests.support.batches import write_instance
from tests.support.dimse_peers import TITLE, listening, received, storescu

from radcommons.edge.listen import dimse, pdu
from radcommons.edge.listen.errors import ProtocolError
from radcommons.edge.listen.negotiation import Admission, negotiate

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def item(kind, body):
    return struct.pack(">BxH", kind, len(body)) + body


def request(*, context=CT, called=TITLE):
    """The body of an A-ASSOCIATE-RQ for one context."""
    proposed = struct.pack(">Bxxx", 1) + item(0x30, context.encode()) + item(0x40, EXPLICIT.encode())
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3")
    body = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, proposed) + item(0x50, user)
    return struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), b"ATTACKER".ljust(16)) + body


def unit(kind, body):
    return struct.pack(">BxI", kind, len(body)) + body


def associated(port):
    peer = socket.create_connection(("127.0.0.1", port), timeout=20)
    peer.sendall(unit(1, request()))
    assert peer.recv(1 << 16)[0] == pdu.ASSOCIATE_AC
    return peer


def answer_of(peer):
    """The type of the next unit, or None when the connection was closed."""
    try:
        data = peer.recv(1 << 16)
    except ConnectionResetError:
        return None
    return data[0] if data else None


def still_serves(listener, path):
    return storescu(listener.port, [path]).returncode == 0


@pytest.fixture
def one(tmp_path):
    return write_instance(tmp_path / "one.dcm")


def test_garbage_on_the_port_ends_that_connection_only(tmp_path, one):
    with listening(tmp_path / "got", timeout_s=2) as listener:
        for garbage in (
            b"GET / HTTP/1.1\r\n\r\n",
            os.urandom(4096),
            b"\x01\x00\xff\xff\xff\xff",
            unit(1, b""),
            unit(1, os.urandom(300)),
        ):
            with socket.create_connection(("127.0.0.1", listener.port), timeout=20) as peer:
                peer.sendall(garbage)
                assert answer_of(peer) in {None, pdu.ABORT}
        assert still_serves(listener, one)


def test_units_that_lie_about_their_lengths_abort_the_association(tmp_path, one):
    lies = (
        struct.pack(">BxI", 4, 0xFFFFFFFF),
        struct.pack(">BxIIBB", 4, 6, 0xFFFFFFFF, 1, 0),
        struct.pack(">BxIIBB", 4, 6, 0, 1, 0),
        unit(4, struct.pack(">IBB", 2, 99, 3)),
        unit(4, struct.pack(">IBB", 6, 1, 3) + b"abcd"),
        unit(4, struct.pack(">IBB", 10, 1, 2) + bytes(8)),
        unit(9, b""),
        unit(2, b""),
    )
    with listening(tmp_path / "got", timeout_s=5) as listener:
        for lie in lies:
            with associated(listener.port) as peer:
                peer.sendall(lie)
                assert answer_of(peer) in {None, pdu.ABORT}, lie
        assert still_serves(listener, one)
    assert len(received(tmp_path / "got")) == 1


def test_a_peer_that_falls_silent_in_the_middle_is_let_go_and_leaves_nothing(tmp_path, one):
    command = dimse.encode({0x0002: CT, 0x0100: 1, 0x0110: 7, 0x0700: 0, 0x0800: 1, 0x1000: "1.2.3.4"})
    with listening(tmp_path / "got", timeout_s=1) as listener:
        with associated(listener.port) as peer:
            peer.sendall(pdu.data_units(1, command, is_command=True, maximum_length=0))
            peer.sendall(struct.pack(">BxIIBB", 4, 1006, 1002, 1, 0) + bytes(500))
            began = time.monotonic()
            assert answer_of(peer) is None
            assert time.monotonic() - began < 15
        with socket.create_connection(("127.0.0.1", listener.port), timeout=20) as silent:
            assert answer_of(silent) is None
        assert still_serves(listener, one)
    assert not list((tmp_path / "got" / ".radcommons" / "incoming").iterdir())
    assert len(received(tmp_path / "got")) == 1


def test_a_flood_of_associations_is_told_to_come_again_and_those_inside_go_on(tmp_path, one):
    with listening(tmp_path / "got", maximum_associations=3, timeout_s=20) as listener:
        inside = [associated(listener.port) for _ in range(3)]
        flood = [socket.create_connection(("127.0.0.1", listener.port), timeout=20) for _ in range(40)]
        answers = []
        for peer in flood:
            try:
                peer.sendall(unit(1, request()))
            except OSError:
                answers.append(None)
                continue
            answers.append(answer_of(peer))
        assert set(answers) <= {pdu.ASSOCIATE_RJ, None}
        assert listener.active == 3
        for peer in (*inside, *flood):
            peer.close()
        deadline = time.monotonic() + 20
        while listener.active and time.monotonic() < deadline:
            time.sleep(0.05)
        assert still_serves(listener, one)


def test_killed_in_the_middle_it_starts_again_with_whole_instances_only(tmp_path):
    files = [
        write_instance(tmp_path / f"{number}.dcm", number=number, ImageComments="x" * 9000) for number in range(1, 120)
    ]
    folder = tmp_path / "got"
    command = [sys.executable, "-m", "radcommons", "edge", "listen", str(folder), "--port", "0", "--json"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    port = json.loads(first.stdout.readline())["port"]
    sender = subprocess.Popen(
        ["storescu", "-aec", TITLE, "127.0.0.1", str(port), *map(str, files)], stderr=subprocess.DEVNULL
    )
    while len(received(folder)) < 5:
        time.sleep(0.01)
    first.kill()
    first.wait()
    first.stdout.close()
    sender.wait(timeout=60)
    kept = received(folder)
    assert 5 <= len(kept) < len(files)
    for path in kept:
        assert len(pydicom.dcmread(path).PixelData) == 512

    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    port = json.loads(second.stdout.readline())["port"]
    assert not list((folder / ".radcommons" / "incoming").iterdir())
    assert storescu(port, files).returncode == 0
    second.send_signal(signal.SIGTERM)
    counts = json.loads(second.stdout.read())
    second.stdout.close()
    assert second.wait(timeout=60) == 0
    assert counts["instances"] + counts["duplicates"] == len(files)
    assert len(received(folder)) == len(files)


def test_stopping_lets_the_instance_on_its_way_be_stored_and_aborts_those_who_wait(tmp_path):
    big = write_instance(tmp_path / "big.dcm", ImageComments="x" * 10000)
    data = big.read_bytes()
    dataset = pydicom.dcmread(big)
    head = data.index(b"\x08\x00\x08\x00CS")
    command = dimse.encode(
        {0x0002: CT, 0x0100: 1, 0x0110: 7, 0x0700: 0, 0x0800: 1, 0x1000: str(dataset.SOPInstanceUID)}
    )
    with listening(tmp_path / "got") as listener:
        idle, busy = associated(listener.port), associated(listener.port)
        busy.sendall(pdu.data_units(1, command, is_command=True, maximum_length=0))
        busy.sendall(struct.pack(">BxIIBB", 4, len(data) - head + 6, len(data) - head + 2, 1, 2) + data[head:-100])
        time.sleep(0.3)
        with idle, busy:
            stopping = threading.Thread(target=listener.stop)
            stopping.start()
            assert answer_of(idle) in {None, pdu.ABORT}
            busy.sendall(data[-100:])
            assert answer_of(busy) == pdu.DATA
            stopping.join(timeout=30)
            assert not stopping.is_alive()
    assert len(received(tmp_path / "got")) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=8))
def test_an_association_request_is_answered_within_its_own_offer_or_refused_as_a_breach_of_protocol(
    noise, position, insert
):
    whole = request()
    damaged = (noise, whole[:position] + insert + whole[position:], whole[: max(0, len(whole) - position)])
    for body in damaged:
        try:
            found = negotiate(body, Admission(""), address="127.0.0.1", maximum_length=1 << 16)
        except ProtocolError:
            # What a peer of the standard sends is never one.
            assert body != whole
            continue
        _assert_offered(found, body)


def _assert_offered(found, body):
    """What was agreed on is what was proposed, and what the peer is told is what was agreed on."""
    for abstract_syntax, transfer_syntax in found.contexts.values():
        assert abstract_syntax.encode() in body
        assert transfer_syntax.encode() in body
    told = A_ASSOCIATE_AC()
    told.decode(found.reply)
    assert {each.context_id for each in told.presentation_context if each.result == 0} == set(found.contexts)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 0x7FFF),
    st.integers(0, 0xFFFF),
    st.text("0123456789.", max_size=64),
    st.integers(0, 150),
    st.binary(max_size=60),
)
def test_a_command_is_read_as_written_and_a_damaged_one_refused_or_answered_as_what_it_says(
    field, message_id, uid, cut, noise
):
    written = dimse.encode({0x0002: uid, 0x0100: field, 0x0110: message_id, 0x0800: 1, 0x1000: uid})
    read = dimse.decode(written)
    assert (read.field, read.message_id, read.sop_class_uid, read.sop_instance_uid) == (field, message_id, uid, uid)
    for damaged in (noise, written[:cut], written[:cut] + noise):
        try:
            said = dimse.decode(damaged)
        except ProtocolError:
            assert damaged != written
            continue
        answer = dimse.decode(said.answer(0))
        assert (answer.field, answer.message_id) == (said.field | dimse.RESPONSE, said.message_id)
        assert (answer.sop_instance_uid, answer.has_data_set) == (said.sop_instance_uid, False)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(0, 300), st.binary(max_size=20))
def test_the_values_of_a_unit_are_all_of_it_or_it_is_refused(fragments, cut, noise):
    whole = b"".join(pdu.data_units(1, each, is_command=False, maximum_length=0)[6:] for each in fragments)
    assert [bytes(value.data) for value in pdu.values_of(memoryview(whole))] == fragments
    damaged = whole[:cut] + noise
    try:
        found = list(pdu.values_of(memoryview(damaged)))
    except ProtocolError:
        assert damaged != whole
        return
    assert sum(6 + len(value.data) for value in found) == len(damaged)


def test_the_request_of_these_tests_is_one():
    unit_ = A_ASSOCIATE_RQ()
    unit_.decode(unit(1, request()))
    assert unit_.to_primitive().called_ae_title == TITLE
