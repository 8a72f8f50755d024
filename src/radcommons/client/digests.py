"""Digests by which files are compared: SHA-256, or MD5 where whoever lists them knows no better.

A digest is its hexadecimal text, and its length says which it is. An empty text is unknown: then only the size is compared.
"""

import hashlib
from pathlib import Path

CHUNK_BYTES = 1 << 20
_MD5_DIGITS = 32


def hasher(expected: str) -> "hashlib._Hash":
    """What computes a digest of the kind of an expected one."""
    return hashlib.md5(usedforsecurity=False) if len(expected) == _MD5_DIGITS else hashlib.sha256()


def is_right(found: str, expected: str) -> bool:
    """Whether a digest is the expected one, or there is none to expect."""
    return not expected or found == expected


def digest_of(path: Path, expected: str = "") -> str:
    """The digest of a file of the kind of an expected one, hexadecimal, read in pieces."""
    digest = hasher(expected)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
