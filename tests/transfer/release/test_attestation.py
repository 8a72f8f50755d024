import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from radcommons.transfer.release.attestation import (
    open_envelope,
    pre_authentication_encoding,
    public_key_pem,
    read_public_key,
    sign,
    statement,
    verify_subject,
)
from radcommons.transfer.release.errors import SignatureError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
DIGEST = "ab" * 32


def envelope():
    return sign(statement({"release.json": DIGEST}, {"release": "a@1.0.0"}), KEY)


def test_a_signed_statement_opens_and_covers_its_subject():
    payload = open_envelope(envelope(), KEY.public_key())
    verify_subject(payload, "release.json", DIGEST)
    with pytest.raises(SignatureError):
        verify_subject(payload, "release.json", "cd" * 32)
    with pytest.raises(SignatureError):
        verify_subject(payload, "other.json", DIGEST)


def test_signing_twice_gives_the_same_bytes():
    assert envelope() == envelope()


def test_the_signed_bytes_are_those_of_the_dsse_protocol():
    assert pre_authentication_encoding(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def test_another_key_does_not_open_it():
    with pytest.raises(SignatureError):
        open_envelope(envelope(), Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("field", ["payload", "payloadType"])
def test_a_changed_envelope_does_not_open(field):
    document = json.loads(envelope())
    document[field] = base64.b64encode(b"{}").decode() if field == "payload" else "text/plain"
    with pytest.raises(SignatureError):
        open_envelope(json.dumps(document).encode(), KEY.public_key())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b'{"payloadType":1,"payload":"!","signatures":[]}', b"\xff"]
)
def test_what_is_no_envelope_is_refused(data):
    with pytest.raises(SignatureError):
        open_envelope(data, KEY.public_key())


def test_a_key_survives_its_file():
    assert read_public_key(public_key_pem(KEY.public_key())) == KEY.public_key()


def test_other_keys_are_refused():
    pem = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unknown = public_key_pem(KEY.public_key()).replace(b"MCowBQYDK2Vw", b"MCowBQYDJ2Vw")
    for data in (pem, unknown, b"no key"):
        with pytest.raises(SignatureError):
            read_public_key(data)
