import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.transfer.release.merkle import MerkleRoot, derive_salt, leaf_hash, node_hash, root_of

# Roots over the eight test leaves that the Certificate Transparency implementations share (RFC 6962, no salt).
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes.fromhex("606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("number", sorted(ROOTS))
def test_roots_agree_with_certificate_transparency(number):
    assert root_of(leaf_hash(b"", leaf) for leaf in LEAVES[:number]).hex() == ROOTS[number]


def recursive(hashes):
    """RFC 6962 2.1 as written."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(recursive(hashes[:split]), recursive(hashes[split:]))


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_stream_agrees_with_the_definition(leaves):
    hashes = [leaf_hash(b"salt", leaf) for leaf in leaves]
    tree = MerkleRoot()
    for value in hashes:
        tree.add(value)
    assert tree.digest() == recursive(hashes)
    assert tree.leaves == len(leaves)


def test_a_redacted_leaf_keeps_the_root():
    hashes = [leaf_hash(bytes([n]), b"row") for n in range(5)]
    kept = hashes[2]
    assert root_of([*hashes[:2], kept, *hashes[3:]]) == root_of(hashes)


def test_salts_repeat_for_the_key_and_differ_by_release_and_row():
    salt = derive_salt(b"key", "a@1.0.0", b"row")
    assert salt == derive_salt(b"key", "a@1.0.0", b"row")
    others = [
        derive_salt(b"yek", "a@1.0.0", b"row"),
        derive_salt(b"key", "a@1.0.1", b"row"),
        derive_salt(b"key", "a@1.0.0", b"wor"),
    ]
    assert len({salt, *others}) == 4
