"""``secret.key``: the one secret of a home from which all others are derived, plain or locked by a passphrase."""

import json
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.passphrase import lock, unlock

SECRET_BYTES = 32
SCHEMA = "radcommons.key/1"
_PURPOSE = "radcommons edge secret"
_PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file holds.

    Parameters
    ----------
    secret
        At least 32 random bytes.
    generation
        1 for the first secret of a home, one more with each rotation.
    earlier
        Fingerprints of the secrets before, by which OUT folders of theirs are recognised.
    is_protected
        Whether a passphrase locks it.
    """

    secret: bytes
    generation: int = 1
    earlier: tuple[str, ...] = ()
    is_protected: bool = False

    def __repr__(self) -> str:
        return f"KeyFile(generation={self.generation}, is_protected={self.is_protected})"

    def rotated(self, fingerprint: str) -> "KeyFile":
        """The next generation with a new random secret; ``fingerprint`` is that of the present one."""
        return replace(
            self,
            secret=secrets.token_bytes(SECRET_BYTES),
            generation=self.generation + 1,
            earlier=(*self.earlier, fingerprint),
        )


def read_key(path: Path, ask_passphrase: Callable[[], str]) -> KeyFile:
    """The key in a file; homes of version 1 have its hexadecimal digits and nothing else there.

    A passphrase is asked for when the key is locked.

    Raises
    ------
    RadCommonsError
        ``edge.secret-exposed`` when others may read the file, ``edge.secret-damaged`` when it is no key,
        ``edge.passphrase-needed`` and ``edge.wrong-passphrase``.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise RadCommonsError(
            Kind.FORBIDDEN,
            "edge.secret-exposed",
            "Other accounts of this machine may read the secret key. Run chmod 600 on secret.key in the home folder.",
        )
    try:
        text = path.read_text("ascii").strip()
        found = json.loads(text) if text.startswith("{") else {"secret": text}
        key = _of(found, ask_passphrase)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged() from error
    if len(key.secret) < SECRET_BYTES:
        raise _damaged()
    return key


def key_text(key: KeyFile, *, passphrase: str | None) -> str:
    """The file's content, locked when a passphrase is given."""
    value: dict[str, object] = {"schema": SCHEMA, "generation": key.generation, "earlier": list(key.earlier)}
    if passphrase is None:
        value["secret"] = key.secret.hex()
    else:
        value["locked"] = lock(key.secret, passphrase, purpose=_PURPOSE)
    return json.dumps(value, indent=1) + "\n"


def create_private(path: Path, content: str) -> None:
    """Create a file with mode 0600 at once and whole, or not at all.

    Raises
    ------
    FileExistsError
        When it is there already.
    """
    temporary = _written(path, content)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()


def replace_private(path: Path, content: str) -> None:
    """Replace a file of mode 0600: a reader, and a machine that lost power, sees the old or the new content."""
    promote(_written(path, content), path)


def promote(temporary: Path, path: Path) -> None:
    """Put a whole file in the place of another, for good."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _written(path: Path, content: str) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return temporary


def _of(value: dict[str, object], ask_passphrase: Callable[[], str]) -> KeyFile:
    generation, earlier = value.get("generation", 1), value.get("earlier", [])
    if not isinstance(generation, int) or not isinstance(earlier, list):
        raise TypeError("not what this module writes")
    locked = value.get("locked")
    if isinstance(locked, dict):
        secret = unlock(locked, ask_passphrase(), purpose=_PURPOSE)
    else:
        secret = bytes.fromhex(str(value["secret"]))
    return KeyFile(secret, generation, tuple(str(each) for each in earlier), is_protected=isinstance(locked, dict))


def _damaged() -> RadCommonsError:
    return RadCommonsError(
        Kind.INVALID, "edge.secret-damaged", "secret.key is damaged. Restore it from your backup; never remake it."
    )
