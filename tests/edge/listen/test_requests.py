"""Association requests and acceptances are the bytes that another implementation writes and reads."""

import struct

import pytest
from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.sop_class import CTImageStorage, Verification

from radcommons.dicom import uids
from radcommons.edge.listen.errors import ProtocolError
from radcommons.edge.listen.negotiation import Admission, negotiate
from radcommons.edge.listen.requests import read_request

SYNTAXES = [uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.70"]


def _request(classes, *, syntaxes=SYNTAXES, longest=131072):
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received, implementation.implementation_class_uid = longest, UID("1.2.3")
    made = A_ASSOCIATE()
    made.application_context_name = UID("1.2.840.10008.3.1.1.1")
    made.calling_ae_title, made.called_ae_title = "CT1", "RADCOMMONS"
    contexts = [build_context(each, syntaxes) for each in classes]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    made.presentation_context_definition_list = contexts
    made.user_information = [length, implementation]
    unit = A_ASSOCIATE_RQ()
    unit.from_primitive(made)
    return bytes(unit.encode())[6:]


def _agreed(body):
    return negotiate(body, Admission("RADCOMMONS"), address="127.0.0.1", maximum_length=262144)


def test_a_request_says_what_another_implementation_wrote():
    classes = [f"1.2.840.10008.5.1.4.1.1.{number}" for number in range(1, 129)]
    request = read_request(_request(classes))
    assert (request.called_title, request.calling_title, request.maximum_length) == ("RADCOMMONS", "CT1", 131072)
    assert [each.context_id for each in request.contexts] == list(range(1, 257, 2))
    assert [each.abstract_syntax for each in request.contexts] == classes
    assert {each.transfer_syntaxes for each in request.contexts} == {tuple(SYNTAXES)}


def test_another_implementation_reads_what_was_accepted_and_what_was_not():
    body = _request([CTImageStorage, Verification, "1.2.840.10008.5.1.4.31"])
    agreement = _agreed(body)
    unit = A_ASSOCIATE_AC()
    unit.decode(agreement.reply)
    answer = unit.to_primitive()
    found = {
        each.context_id: (each.result, str(each.transfer_syntax[0]))
        for each in answer.presentation_context_definition_results_list
    }
    assert found[1] == found[3] == (0, uids.EXPLICIT_VR_LITTLE_ENDIAN)
    assert found[5][0] == 3
    assert (answer.calling_ae_title, answer.called_ae_title) == ("CT1", "RADCOMMONS")
    assert answer.maximum_length_received == 262144
    assert agreement.contexts == {
        1: (CTImageStorage, uids.EXPLICIT_VR_LITTLE_ENDIAN),
        3: (Verification, uids.EXPLICIT_VR_LITTLE_ENDIAN),
    }
    assert agreement.maximum_length == 131072


@pytest.mark.parametrize("syntax", ["1.2.3.4", "no UID at all"])
def test_a_syntax_that_nobody_knows_is_refused_in_words_that_can_be_read(syntax):
    body = _request([CTImageStorage], syntaxes=["1.2.840.10008.1.2.4.999"])
    old, new = b"1.2.840.10008.1.2.4.999", syntax.encode()
    head, tail = body.split(old)
    context = head.rindex(b"\x20\x00")
    changed = bytearray(head[:-2] + struct.pack(">H", len(new)) + new + tail)
    length = struct.unpack_from(">H", changed, context + 2)[0] + len(new) - len(old)
    changed[context + 2 : context + 4] = struct.pack(">H", length)
    unit = A_ASSOCIATE_AC()
    unit.decode(_agreed(bytes(changed)).reply)
    (decided,) = unit.to_primitive().presentation_context_definition_results_list
    assert decided.result == 4


def test_a_request_cut_anywhere_is_refused_or_asks_for_less():
    body = _request([CTImageStorage, Verification])
    whole = read_request(body)
    for end in range(len(body)):
        try:
            less = read_request(body[:end])
        except ProtocolError:
            continue
        assert whole.contexts[: len(less.contexts)] == less.contexts
        assert end >= 68


@pytest.mark.parametrize(
    "item",
    [
        b"\x20\x00\x00\x04\x02\x00\x00\x00",
        b"\x20\x00\x00\x02\x01\x00",
        b"\x20\x00\x00\x0d\x01\x00\x00\x00\x30\x00\x00\x051.2.3",
        b"\x20\x00\x00\x0c\x02\x00\x00\x00\x30\x00\x00\x00\x40\x00\x00\x00",
        b"\x20\x00\x00\x0d\x01\x00\x00\x00\x40\x00\x00\x051.2.3",
        b"\x50\x00\x00\x06\x51\x00\x00\x02\x00\x01",
        b"\x50\x00\x00\x08\x51\x00\x00\x09\x00\x01\x00\x00",
    ],
)
def test_malformed_items_are_a_breach_of_the_protocol(item):
    with pytest.raises(ProtocolError):
        read_request(bytes(68) + item)


def test_what_is_no_uid_is_no_class_of_ours():
    request = bytes(68) + b"\x20\x00\x00\x18\x01\x00\x00\x00\x30\x00\x00\x03../\x40\x00\x00\x091.2.3.4.5"
    agreement = negotiate(request, Admission(""), address="127.0.0.1", maximum_length=16384)
    assert agreement.contexts == {}
