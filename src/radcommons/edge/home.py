"""The hospital's own state directory: secret key, settings, crosswalk. It is never sent, copied or shown anywhere."""

import fcntl
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.errors import Kind, RadCommonsError

DEFAULT_HOME = Path("~/.radcommons/edge")
SECRET_BYTES = 32

_SITE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROFILE = re.compile(r"[A-Za-z0-9._/ -]{1,512}")
_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600


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
    """

    path: Path
    site: str
    project: str
    profile: str

    @property
    def database_path(self) -> Path:
        """The SQLite file with the crosswalk and the journals."""
        return self.path / "edge.sqlite"

    @property
    def scratch_path(self) -> Path:
        """Where single members of archives lie while they are read."""
        return self.path / "scratch"

    def key(self) -> PseudonymKey:
        """The secret that fixes every new identifier.

        Raises
        ------
        RadCommonsError
            ``edge.secret-exposed`` when others may read the key file, ``edge.secret-damaged`` when it is not a key.
        """
        path = self.path / "secret.key"
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise RadCommonsError(
                Kind.FORBIDDEN,
                "edge.secret-exposed",
                "Other accounts of this machine may read the secret key. Run chmod 600 on secret.key in the home folder.",
            )
        try:
            secret = bytes.fromhex(path.read_text("ascii").strip())
        except ValueError:
            secret = b""
        if len(secret) < SECRET_BYTES:
            raise RadCommonsError(
                Kind.INVALID,
                "edge.secret-damaged",
                "secret.key is damaged. Restore it from your backup; never remake it.",
            )
        return PseudonymKey(secret)


def init_home(home: Path, *, site: str, project: str, profile: str = "ricord", secret: bytes | None = None) -> EdgeHome:
    """Make a home: directory 0700, secret key 0600 (made here unless given, 32 bytes or more) and settings.

    Raises
    ------
    RadCommonsError
        ``edge.already-initialised`` when there is a key already: a second key would give every patient a second
        pseudonym. ``edge.invalid-setting`` when a code is malformed.
    """
    path = home.expanduser().resolve()
    if not _SITE.fullmatch(site):
        raise _invalid_setting("site", "capital letters, digits, - and _, at most 32")
    if not _PROJECT.fullmatch(project):
        raise _invalid_setting("project", "small letters, digits, - and _, at most 64")
    if not _PROFILE.fullmatch(profile):
        raise _invalid_setting("profile", "a name or a path without quotes")
    secret = secrets.token_bytes(SECRET_BYTES) if secret is None else secret
    if len(secret) < SECRET_BYTES:
        raise _invalid_setting("secret", f"at least {SECRET_BYTES} bytes")
    path.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    path.chmod(_PRIVATE_DIRECTORY)
    _create_private(path / "secret.key", secret.hex() + "\n")
    settings = f'site = "{site}"\nproject = "{project}"\nprofile = "{profile}"\n'
    _create_private(path / "edge.toml", settings)
    return open_home(path)


def open_home(home: Path) -> EdgeHome:
    """The home made by :func:`init_home`.

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
        return EdgeHome(path, str(settings["site"]), str(settings["project"]), str(settings.get("profile", "ricord")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise _invalid_setting("edge.toml", "site, project and profile as written by init") from error


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


def _create_private(path: Path, content: str) -> None:
    """Create a file with mode 0600 at once and whole, or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    except FileExistsError as error:
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.already-initialised",
            "This home folder is set up already. A second key would give every patient a second pseudonym.",
        ) from error
    finally:
        temporary.unlink()


def _invalid_setting(name: str, allowed: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-setting", f"The setting {name} must be {allowed}.", setting=name)
