"""The signed summary of a batch: bound to its manifest and its key, strict towards strangers."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.manifest import BatchFile, BatchManifest, ProfileStamp, ReviewStamp, SoftwareStamp
from radcommons.transfer.release.attestation import public_key_pem, sign, statement
from radcommons.transfer.release.canonical import canonical_json
from radcommons.transfer.release.merkle import MerkleRoot, leaf_hash
from radcommons.transfer.summary import (
    MAXIMUM_ENVELOPE_BYTES,
    PREDICATE_TYPE,
    open_summary,
    sign_summary,
    summarise,
    verify_against_manifest,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ACTIONS = {"keep": 40, "remove": 12}
ATTRIBUTES = {"PatientName": {"replace": 2}, "private": {"remove": 12}, "Modality": {"keep": 2}}


def manifest(count=2, **changes):
    files = [
        BatchFile(f"{n:064x}", 100 + n, "2.25.1", "2.25.2", f"2.25.3{n}", "1.2.840.10008.5.1.4.1.1.2", verdict)
        for n, verdict in zip(range(count), [PixelText.APPROVED, *[PixelText.NOT_APPLICABLE] * count], strict=False)
    ]
    values = {
        "site": "ALPHA",
        "project": "covid19",
        "profile": ProfileStamp("ricord", "1", "a" * 64),
        "software": SoftwareStamp("radcommons", "1.0"),
        "report_sha256": "b" * 64,
        "review": ReviewStamp("A. Coordinator", "approved"),
        "files": tuple(files),
    }
    return BatchManifest(**(values | changes))


def summary(sealed=None):
    return summarise(sealed or manifest(), engine="1", actions=ACTIONS, attributes=ATTRIBUTES)


def test_a_signed_summary_says_what_was_counted_and_by_which_key():
    signed = open_summary(sign_summary(summary(), KEY))

    assert signed.summary == summary()
    assert signed.summary.pixel_text == {"approved": 1, "not_applicable": 1}
    assert signed.summary.files == 2
    assert signed.summary.size_bytes == 201
    assert signed.public_key == public_key_pem(KEY.public_key()).decode()
    assert len(signed.fingerprint) == 64


def test_the_same_batch_and_key_give_the_same_bytes():
    assert sign_summary(summary(), KEY) == sign_summary(summary(), KEY)


def test_the_root_hash_is_over_every_file_in_its_order():
    tree = MerkleRoot()
    for file in manifest(5).files:
        tree.add(leaf_hash(b"", bytes.fromhex(file.sha256)))

    assert summary(manifest(5)).files_root == tree.digest().hex()
    assert summary(manifest(5)).files_root != summary(manifest(4)).files_root


def test_a_summary_belongs_to_one_manifest():
    verify_against_manifest(summary(), manifest())

    for other in (manifest(1), manifest(site="BETA"), manifest(report_sha256="c" * 64)):
        with pytest.raises(RadCommonsError) as refusal:
            verify_against_manifest(summary(), other)
        assert refusal.value.code == "transfer.summary-mismatch"


def test_numbers_that_the_manifest_contradicts_are_named():
    predicate = {**summary().predicate(), "files": 3, "public_key": public_key_pem(KEY.public_key()).decode()}
    payload = statement({"manifest.json": summary().batch_id}, predicate, predicate_type=PREDICATE_TYPE)

    with pytest.raises(RadCommonsError) as refusal:
        verify_against_manifest(open_summary(sign(payload, KEY)).summary, manifest())

    assert refusal.value.facts["statement"] == "files"


def test_another_key_than_the_named_one_is_no_signature():
    other = Ed25519PrivateKey.generate()
    predicate = {**summary().predicate(), "public_key": public_key_pem(other.public_key()).decode()}
    payload = statement({"manifest.json": summary().batch_id}, predicate, predicate_type=PREDICATE_TYPE)

    with pytest.raises(RadCommonsError) as refusal:
        open_summary(sign(payload, KEY))

    assert refusal.value.code == "transfer.summary-invalid"


@given(st.data())
def test_no_changed_byte_of_the_statement_goes_unnoticed(data):
    envelope = json.loads(sign_summary(summary(), KEY))
    payload = bytearray(base64.b64decode(envelope["payload"]))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    envelope["payload"] = base64.b64encode(bytes(payload)).decode()

    with pytest.raises(RadCommonsError):
        open_summary(canonical_json(envelope))


def test_a_stranger_gets_no_further_than_the_shape():
    private = generate_private_key(65537, 2048)
    strange_key = public_key_pem(private.public_key()).decode()
    good = summary().predicate()
    cases = [
        b"",
        b"[]",
        b"x" * (MAXIMUM_ENVELOPE_BYTES + 1),
        canonical_json({"payloadType": "text/plain", "payload": "", "signatures": []}),
        sign(b"no json", KEY),
        sign(canonical_json([1]), KEY),
        sign(statement({"manifest.json": "a" * 64}, {"public_key": strange_key}), KEY),
        sign(statement({"manifest.json": "a" * 64}, {"public_key": "é"}), KEY),
    ]
    public_key = public_key_pem(KEY.public_key()).decode()
    for changes in (
        {"files": -1},
        {"files_root": "short"},
        {"actions": {"<script>": 1}},
        {"attributes": {"PatientName": {"keep": "many"}}},
        {"extra": 1},
        {"profile": {"name": "ricord"}},
        {"attributes": {f"A{n}": {} for n in range(20_001)}},
    ):
        predicate = {**good, "public_key": public_key, **changes}
        cases.append(sign(statement({"manifest.json": "a" * 64}, predicate, predicate_type=PREDICATE_TYPE), KEY))
    for subjects in ({}, {"other": "a" * 64}, {"manifest.json": "a" * 64, "b": "b" * 64}):
        predicate = {**good, "public_key": public_key}
        cases.append(sign(statement(subjects, predicate, predicate_type=PREDICATE_TYPE), KEY))
    cases.append(sign(statement({"manifest.json": "a" * 64}, {**good, "public_key": public_key}), KEY))

    for envelope in cases:
        with pytest.raises(RadCommonsError) as refusal:
            open_summary(envelope)
        assert refusal.value.code == "transfer.summary-invalid"
