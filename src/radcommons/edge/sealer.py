"""Keeping originals unreadable on disk: every text from the hospital is sealed before it enters the home's database.

The cipher is AES-SIV (RFC 5297) with a 512-bit key that is derived from the home's secret. It is deterministic: the same
text gives the same bytes under one key, so that sealed columns can be keys, can be joined and counted, and no second
column of digests is needed. Who reads the file without the key learns which rows carry equal values and how long they
are, and nothing else; who changes a byte is noticed.
"""

import sqlite3
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radcommons.dicom.errors import Kind, RadCommonsError

_KEY_BYTES = 64
_INFO = b"radcommons edge sealer 1"
_CACHED_VALUES = 16_384
_LONGEST_CACHED = 128


class Sealer:
    """Seals and opens texts with a key derived from the home's secret.

    An empty text stays empty: that nothing is there is no secret, and columns can have an empty default.
    """

    __slots__ = ("_cached", "_cipher")

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(HKDF(SHA512(), _KEY_BYTES, salt=None, info=_INFO).derive(secret))
        # Slices of one patient repeat names, identifiers and folders thousands of times.
        self._cached = lru_cache(_CACHED_VALUES)(self._sealed)

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, text: str) -> bytes:
        """The sealed form of a text, 16 bytes longer than its UTF-8 form; always the same for the same text."""
        return self._cached(text) if len(text) <= _LONGEST_CACHED else self._sealed(text)

    def unseal(self, sealed: bytes) -> str:
        """The text again.

        Raises
        ------
        RadCommonsError
            ``edge.sealed-damaged`` when the bytes were changed or sealed with another key.
        """
        if not sealed:
            return ""
        try:
            return self._cipher.decrypt(sealed, []).decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError, UnicodeDecodeError) as error:
            raise RadCommonsError(
                Kind.INVALID,
                "edge.sealed-damaged",
                "A sealed value in the home's database is damaged. Restore edge.sqlite and secret.key from one backup.",
            ) from error

    def register(self, connection: sqlite3.Connection) -> None:
        """Give SQL the functions ``seal(text)`` and ``unseal(blob)``."""
        connection.create_function("seal", 1, self.seal, deterministic=True)
        connection.create_function("unseal", 1, self.unseal, deterministic=True)

    def _sealed(self, text: str) -> bytes:
        # The cipher takes no empty text, and none needs it.
        return self._cipher.encrypt(text.encode("utf-8", "surrogatepass"), []) if text else b""
