"""Locking bytes with a passphrase."""

import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from radcommons.dicom.errors import Kind, RadCommonsError

VARIABLE = "RADCOMMONS_EDGE_PASSPHRASE"  # the name of a variable, no secret
FILE_VARIABLE = "RADCOMMONS_EDGE_PASSPHRASE_FILE"
SHORTEST = 12

# About half a second and 128 MB for each guess.
_COST, _BLOCK, _LANES = 2**17, 8, 1
_MOST_COST, _MOST_BLOCK, _MOST_LANES = 2**20, 16, 4
_KEY_BYTES, _NONCE_BYTES, _SALT_BYTES = 32, 12, 16


def lock(content: bytes, passphrase: str, *, purpose: str) -> dict[str, object]:
    """``content`` under AES-256-GCM with a key that scrypt (RFC 7914) makes of the passphrase, as plain JSON values.

    Parameters
    ----------
    purpose
        What the content is; it opens for the same purpose only.

    Raises
    ------
    RadCommonsError
        ``edge.passphrase-too-short``.
    """
    if len(passphrase) < SHORTEST:
        raise RadCommonsError(
            Kind.INVALID,
            "edge.passphrase-too-short",
            f"A passphrase needs at least {SHORTEST} characters; four or five random words are good.",
        )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    derived = _derived(passphrase, salt, cost=_COST, block=_BLOCK, lanes=_LANES)
    locked = AESGCM(derived).encrypt(nonce, content, purpose.encode())
    return {
        "kdf": "scrypt",
        "cost": _COST,
        "block": _BLOCK,
        "lanes": _LANES,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
        "content": locked.hex(),
    }


def unlock(locked: Mapping[str, object], passphrase: str, *, purpose: str) -> bytes:
    """What :func:`lock` was given.

    Raises
    ------
    RadCommonsError
        ``edge.wrong-passphrase`` when it does not open, ``edge.locked-damaged`` when it is not what :func:`lock` makes.
    """
    try:
        cost, block, lanes = (int(str(locked[name])) for name in ("cost", "block", "lanes"))
        salt, nonce, content = (bytes.fromhex(str(locked[name])) for name in ("salt", "nonce", "content"))
        is_known = locked["kdf"] == "scrypt" and cost <= _MOST_COST and block <= _MOST_BLOCK and lanes <= _MOST_LANES
        derived = _derived(passphrase, salt, cost=cost, block=block, lanes=lanes) if is_known else b""
        return AESGCM(derived).decrypt(nonce, content, purpose.encode())
    except InvalidTag as error:
        raise RadCommonsError(
            Kind.FORBIDDEN, "edge.wrong-passphrase", "The passphrase does not open it, or the file was changed."
        ) from error
    except (KeyError, ValueError) as error:
        raise RadCommonsError(
            Kind.INVALID,
            "edge.locked-damaged",
            "The file that a passphrase opens is damaged. Take it from your backup.",
        ) from error


def read_passphrase(path: Path) -> str:
    """The first line of a file.

    Raises
    ------
    RadCommonsError
        ``edge.passphrase-needed`` when there is no such file or line.
    """
    try:
        lines = path.expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    if not lines or not lines[0]:
        raise _needed("The passphrase file cannot be read or its first line is empty.")
    return lines[0]


def no_passphrase() -> str:
    """What a home has when nobody gave it a way to ask.

    Raises
    ------
    RadCommonsError
        ``edge.passphrase-needed``.
    """
    raise _needed(f"This home is protected by a passphrase. Set {VARIABLE} or {FILE_VARIABLE}, or work at a terminal.")


@cache
def _derived(passphrase: str, salt: bytes, *, cost: int, block: int, lanes: int) -> bytes:
    """The key of a passphrase, made once in a process: it is slow on purpose."""
    return Scrypt(salt, _KEY_BYTES, n=cost, r=block, p=lanes).derive(passphrase.encode("utf-8"))


def _needed(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.UNAUTHENTICATED, "edge.passphrase-needed", message)
