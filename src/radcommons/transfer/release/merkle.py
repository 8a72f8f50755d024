"""The hash tree over the rows of a release: RFC 6962 section 2.1 with salted leaves.

A leaf is ``SHA-256(0x00 || salt || canonical row)``. A withdrawn person's row and salt can be dropped while the leaf
hash stays: root and signature of the release remain valid, and without the salt nobody can guess the row back.
"""

import hashlib
import hmac
from collections.abc import Iterable

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
SALT_BYTES = 32


def leaf_hash(salt: bytes, row: bytes) -> bytes:
    """Hash of one leaf, 32 bytes; *row* is the canonical JSON of the manifest row."""
    return hashlib.sha256(LEAF_PREFIX + salt + row).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over its two children (RFC 6962 section 2.1)."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def derive_salt(key: bytes, context: str, row: bytes) -> bytes:
    """The salt of one row, 32 bytes: repeatable for whoever holds *key*, unpredictable for everybody else.

    Parameters
    ----------
    key
        The centre's secret salt key.
    context
        ``slug@version``, so that the same row has unrelated leaves in two releases.
    row
        The canonical row.
    """
    return hmac.new(key, context.encode() + b"\n" + row, hashlib.sha256).digest()


class MerkleRoot:
    """Folds leaf hashes into the root while holding one hash per tree level, whatever the number of leaves."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []
        self.leaves = 0

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash; the order of calls is the order of the tree."""
        level, value = 0, leaf
        while self._peaks and self._peaks[-1][0] == level:
            value = node_hash(self._peaks.pop()[1], value)
            level += 1
        self._peaks.append((level, value))
        self.leaves += 1

    def digest(self) -> bytes:
        """The root over all leaves so far; of no leaves, the hash of the empty string (RFC 6962 section 2.1)."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        value = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            value = node_hash(peak, value)
        return value


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over *leaves* in their order, 32 bytes."""
    tree = MerkleRoot()
    for leaf in leaves:
        tree.add(leaf)
    return tree.digest()
