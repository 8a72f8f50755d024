"""Signing and checking a release or a batch: an in-toto Statement v1 in a DSSE envelope, Ed25519.

The formats are those of https://github.com/in-toto/attestation and https://github.com/secure-systems-lab/dsse, so that
software of other people can check the signature too.
"""

import base64
import hashlib
from collections.abc import Mapping

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.errors import SignatureError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://radcommons.org/attestation/release/v1"


def statement(
    subjects: Mapping[str, str], predicate: Mapping[str, object], *, predicate_type: str = PREDICATE_TYPE
) -> bytes:
    """The statement that names *subjects* (path → SHA-256 hex) and says *predicate* of them."""
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)],
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )


def key_id(public_key: Ed25519PublicKey) -> str:
    """A name for the key: SHA-256 hex of its SubjectPublicKeyInfo."""
    der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def public_key_pem(public_key: Ed25519PublicKey) -> bytes:
    """The key as people exchange it."""
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """Read a PEM public key.

    Raises
    ------
    SignatureError
        When the bytes are no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError("The key file is not a PEM public key of a known kind.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError("The key is not an Ed25519 public key.")
    return key


def pre_authentication_encoding(payload: bytes) -> bytes:
    """The bytes that are signed (DSSE protocol, "PAE")."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """A DSSE envelope over *payload*; Ed25519 is deterministic, so equal input gives equal bytes."""
    signature = key.sign(pre_authentication_encoding(payload))
    return canonical_json(
        {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
        }
    )


def unverified_payload(envelope: bytes) -> bytes:
    """What an envelope claims, before anybody knows by whom: only to find out which key to ask.

    Raises
    ------
    SignatureError
        When the envelope is malformed or of another type.
    """
    return _parts(envelope)[0]


def _parts(envelope: bytes) -> tuple[bytes, list[bytes]]:
    try:
        document = orjson.loads(envelope)
        payload_type = document["payloadType"]
        payload = base64.b64decode(document["payload"], validate=True)
        signatures = [base64.b64decode(entry["sig"], validate=True) for entry in document["signatures"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise SignatureError("The signature file is not a DSSE envelope.") from error
    if payload_type != PAYLOAD_TYPE:
        raise SignatureError("The signature file signs something else than an in-toto statement.")
    return payload, signatures


def open_envelope(envelope: bytes, key: Ed25519PublicKey) -> bytes:
    """The payload of *envelope* when one of its signatures is by *key*.

    Raises
    ------
    SignatureError
        When the envelope is malformed, of another type, or carries no valid signature by the key.
    """
    payload, signatures = _parts(envelope)
    message = pre_authentication_encoding(payload)
    for signature in signatures:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return payload
    raise SignatureError("No signature is by the given key.", key_id=key_id(key))


def verify_subject(payload: bytes, name: str, sha256: str) -> None:
    """Demand that the statement in *payload* names *name* with the digest *sha256*.

    Raises
    ------
    SignatureError
        When it does not.
    """
    try:
        document = orjson.loads(payload)
        subjects = {entry["name"]: entry["digest"]["sha256"] for entry in document["subject"]}
        kind = document["_type"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SignatureError("The signed statement is malformed.") from error
    if kind != STATEMENT_TYPE or subjects.get(name) != sha256:
        raise SignatureError(f"The signed statement does not cover this {name}.")
