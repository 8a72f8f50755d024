"""Bearer tokens: 32 random bytes shown once, only their SHA-256 kept."""

import hashlib
import secrets
from dataclasses import dataclass

RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh token: the plain text for its owner, the digest for the table."""

    plain: str
    sha256: str


def issue(prefix: str) -> IssuedToken:
    """Make a token such as ``rcu_…``; the prefix tells a reader, or a secret scanner, what it is."""
    plain = f"{prefix}_{secrets.token_urlsafe(RANDOM_BYTES)}"
    return IssuedToken(plain, digest(plain))


def digest(plain: str) -> str:
    """What is stored of a token. No salt: the token itself has 256 random bits."""
    return hashlib.sha256(plain.encode()).hexdigest()
