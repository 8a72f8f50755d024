"""The hospital's own state directory: secret key, settings, crosswalk. It is never sent, copied or shown anywhere."""

import fcntl
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radcommons.deid.pseudonyms import DateShiftRule, PseudonymKey
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.keyfile import SECRET_BYTES, KeyFile, create_private, key_text, read_key
from radcommons.edge.passphrase import no_passphrase
from radcommons.edge.sealer import Sealer

DEFAULT_HOME = Path("~/.radcommons/edge")

_SITE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROFILE = re.compile(r"[A-Za-z0-9._/ -]{1,512}")
_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600
_SIGNING_INFO = b"radcommons edge signing 1"


class Pseudonyms(StrEnum):
    """Where subject ids come from: a table of the home, or the key alone."""

    CROSSWALK = "crosswalk"
    KEYED = "keyed"


@dataclass(frozen=True, slots=True)
class EdgeHome:
    """One hospital's state for one project.

    Parameters
    ----------
    path
        The directory, readable by its owner only.
    site, project
        Codes agreed with the centre.
    profile
        Name or path of the de-identification profile.
    pseudonyms
        Where subject ids come from.
    date_shift
        How far dates move.
    defacer
        A command that takes faces away, with ``{in}`` and ``{out}`` for its folders; empty when there is none.
    ask_passphrase
        Gives the passphrase when the secret is locked by one.
    """

    path: Path
    site: str
    project: str
    profile: str
    pseudonyms: Pseudonyms = Pseudonyms.CROSSWALK
    date_shift: DateShiftRule = field(default_factory=DateShiftRule)
    defacer: tuple[str, ...] = ()
    ask_passphrase: Callable[[], str] = field(default=no_passphrase, repr=False, compare=False)

    @property
    def database_path(self) -> Path:
        """The SQLite file with the crosswalk and the journals."""
        return self.path / "edge.sqlite"

    @property
    def key_path(self) -> Path:
        """The file with the secret."""
        return self.path / "secret.key"

    @property
    def next_key_path(self) -> Path:
        """The secret that a rotation is about to put in place."""
        return self.path / "secret.key.next"

    @property
    def scratch_path(self) -> Path:
        """Where single members of archives lie while they are read."""
        return self.path / "scratch"

    def key_file(self) -> KeyFile:
        """The secret with its history; see :func:`~radcommons.edge.keyfile.read_key` for what is raised."""
        return read_key(self.key_path, self.ask_passphrase)

    def key(self) -> PseudonymKey:
        """The secret that fixes every new identifier.

        Raises
        ------
        RadCommonsError
            ``edge.secret-exposed`` when others may read the key file, ``edge.secret-damaged`` when it is not a key,
            ``edge.passphrase-needed`` and ``edge.wrong-passphrase`` when it is protected.
        """
        return PseudonymKey(self.key_file().secret, date_shift=self.date_shift)

    def sealer(self) -> Sealer:
        """What keeps originals unreadable in the database; raises what :meth:`key` raises."""
        return _sealer(self.key_file().secret)

    def signing_key(self) -> Ed25519PrivateKey:
        """The key (Ed25519, RFC 8032) with which this home signs; derived from the secret, and new when that is.

        Raises what :meth:`key` raises.
        """
        return signing_key_of(self.key_file().secret)


def signing_key_of(secret: bytes) -> Ed25519PrivateKey:
    """The signing key that belongs to a secret."""
    return Ed25519PrivateKey.from_private_bytes(HKDF(SHA256(), 32, salt=None, info=_SIGNING_INFO).derive(secret))


def init_home(
    home: Path,
    *,
    site: str,
    project: str,
    profile: str = "ricord",
    secret: bytes | None = None,
    choices: "HomeChoices | None" = None,
) -> EdgeHome:
    """Make a home: directory 0700, secret key 0600 (made here unless given, 32 bytes or more) and settings.

    Raises
    ------
    RadCommonsError
        ``edge.already-initialised`` when there is a key already: a second key would give every patient a second
        pseudonym. ``edge.invalid-setting`` when a code is malformed, ``edge.passphrase-too-short``.
    """
    path = home.expanduser().resolve()
    choices = choices or HomeChoices()
    if not _SITE.fullmatch(site):
        raise _invalid_setting("site", "capital letters, digits, - and _, at most 32")
    if not _PROJECT.fullmatch(project):
        raise _invalid_setting("project", "small letters, digits, - and _, at most 64")
    if not _PROFILE.fullmatch(profile):
        raise _invalid_setting("profile", "a name or a path without quotes")
    secret = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
    if len(secret) < SECRET_BYTES:
        raise _invalid_setting("secret", f"at least {SECRET_BYTES} bytes")
    if is_initialised(path):
        raise _initialised()
    locked = key_text(KeyFile(secret), passphrase=choices.passphrase)
    path.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    path.chmod(_PRIVATE_DIRECTORY)
    try:
        create_private(path / "secret.key", locked)
        create_private(path / "edge.toml", _settings(site, project, profile=profile, choices=choices))
    except FileExistsError as error:
        raise _initialised() from error
    given = choices.passphrase
    return open_home(path, ask_passphrase=no_passphrase if given is None else lambda: given)


@dataclass(frozen=True, slots=True)
class HomeChoices:
    """What is chosen once, when a home is made.

    Parameters
    ----------
    passphrase
        Locks the secret key; ``None`` leaves it to the file's mode and the disk's encryption.
    pseudonyms, date_shift
        As in :class:`EdgeHome`; fixed for the project, since a change would break links between batches.
    """

    passphrase: str | None = field(default=None, repr=False)
    pseudonyms: Pseudonyms = Pseudonyms.CROSSWALK
    date_shift: DateShiftRule = field(default_factory=DateShiftRule)


def open_home(home: Path, *, ask_passphrase: Callable[[], str] = no_passphrase) -> EdgeHome:
    """The home made by :func:`init_home`; a protected one asks for its passphrase when its secret is needed.

    Raises
    ------
    RadCommonsError
        ``edge.not-initialised`` (kind not_found) or ``edge.invalid-setting``.
    """
    path = home.expanduser().resolve()
    if not is_initialised(path):
        raise RadCommonsError(
            Kind.NOT_FOUND,
            "edge.not-initialised",
            "This home folder is not set up. Run `radcommons edge init --site CODE --project P` first.",
        )
    try:
        settings = tomllib.loads((path / "edge.toml").read_text("utf-8"))
        return EdgeHome(
            path,
            str(settings["site"]),
            str(settings["project"]),
            str(settings.get("profile", "ricord")),
            Pseudonyms(settings.get("pseudonyms", Pseudonyms.CROSSWALK)),
            _date_shift(settings.get("date_shift", {})),
            _command(settings.get("defacer", [])),
            ask_passphrase,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid_setting("edge.toml", "site, project and the others as written by init") from error


def is_initialised(home: Path) -> bool:
    """Whether ``home`` has a key and settings."""
    path = home.expanduser()
    return (path / "secret.key").is_file() and (path / "edge.toml").is_file()


@contextmanager
def exclusive(home: EdgeHome) -> Iterator[None]:
    """Hold the home for one writing command at a time; the lock ends with the process, however it ends.

    Raises
    ------
    RadCommonsError
        ``edge.busy`` (kind conflict) when another command holds it.
    """
    descriptor = os.open(home.path / "lock", os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RadCommonsError(
                Kind.CONFLICT, "edge.busy", "Another edge command is working with this home folder. Wait for it to end."
            ) from error
        yield
    finally:
        os.close(descriptor)


@lru_cache(maxsize=4)
def _sealer(secret: bytes) -> Sealer:
    return Sealer(secret)


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError("a command is a list of words")
    return tuple(value)


def _settings(site: str, project: str, *, profile: str, choices: HomeChoices) -> str:
    shift = choices.date_shift
    return (
        f'site = "{site}"\nproject = "{project}"\nprofile = "{profile}"\n\n'
        "# Fixed when the home was made: a change would break the links between batches.\n"
        f'pseudonyms = "{choices.pseudonyms}"\n'
        f"date_shift = {{ min_days = {shift.min_days}, max_days = {shift.max_days},"
        f" is_whole_weeks = {str(shift.is_whole_weeks).lower()} }}\n"
    )


def _date_shift(value: Mapping[str, Any]) -> DateShiftRule:
    if not set(value) <= {"min_days", "max_days", "is_whole_weeks"}:
        raise ValueError("unknown setting")
    return DateShiftRule(**value)


def _initialised() -> RadCommonsError:
    return RadCommonsError(
        Kind.CONFLICT,
        "edge.already-initialised",
        "This home folder is set up already. A second key would give every patient a second pseudonym.",
    )


def _invalid_setting(name: str, allowed: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-setting", f"The setting {name} must be {allowed}.", setting=name)
