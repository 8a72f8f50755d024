"""The centre's secrets: files of random bytes, made on first use, readable by their owner only."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.settings import settings

SECRET_BYTES = 32


def session_secret() -> str:
    """The key with which Django signs sessions and links."""
    return secret("session.key").hex()


def salt_secret() -> bytes:
    """The key from which the salts of release manifests are derived."""
    return secret("salt.key")


def second_factor_key() -> bytes:
    """The key under which the secrets of second factors lie in the database."""
    return secret("second-factor.key")


def signing_key() -> Ed25519PrivateKey:
    """The Ed25519 key that signs releases and audit checkpoints."""
    return Ed25519PrivateKey.from_private_bytes(secret("signing.key"))


def public_key_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 raw bytes of the public half of a signing key."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def secret(name: str) -> bytes:
    """The bytes of one secret file, created with mode 0600 when it does not exist yet."""
    return read_or_make(settings().secrets_dir / name)


def read_or_make(path: Path) -> bytes:
    """Read a secret, or make it: written aside, fsynced and linked, so that two first starts agree on one value.

    Raises
    ------
    UnavailableError
        When the file has not the length of a secret: it is never silently replaced.
    """
    if not path.exists():
        seed(path, secrets.token_bytes(SECRET_BYTES))
    value = path.read_bytes()
    if len(value) != SECRET_BYTES:
        message = f"The secret {path.name} is damaged: restore it from your backup; it is not made anew."
        raise UnavailableError("platform.secret-damaged", message)
    return value


def seed(path: Path, value: bytes) -> None:
    """Write a secret unless one is there already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, value)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
