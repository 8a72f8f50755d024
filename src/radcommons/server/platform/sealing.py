"""Sealing short texts that the database keeps and that nobody shall read from a copy of it."""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.keys import second_factor_key

_NONCE_BYTES = 12
_PURPOSE = b"radcommons second factor 1"


def seal(text: str) -> str:
    """A text under AES-256-GCM with the centre's own key, which lies outside the database; in base64."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(second_factor_key()).encrypt(nonce, text.encode(), _PURPOSE)).decode()


def unseal(sealed: str) -> str:
    """The text that :func:`seal` was given.

    Raises
    ------
    UnavailableError
        ``platform.second-factor-sealed`` when it was sealed with another key, or changed.
    """
    try:
        packed = base64.b64decode(sealed, validate=True)
        return AESGCM(second_factor_key()).decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], _PURPOSE).decode()
    except (InvalidTag, ValueError) as error:
        message = (
            "This second factor was set up under another key. Restore second-factor.key from your backup of secrets/, "
            "or have an administrator take the second factor off."
        )
        raise UnavailableError("platform.second-factor-sealed", message) from error
