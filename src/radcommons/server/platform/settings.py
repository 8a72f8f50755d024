"""The centre's settings: one TOML file, a few environment variables, checked once, frozen.

``radcommons.toml`` lies in the data directory; unknown keys are refused. Environment variables override it so that a
container can be configured without a file. Nothing else in the server reads the environment.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

from radcommons.server.platform.errors import InvalidError

ENVIRONMENT = {
    "data_dir": "RADCOMMONS_DATA",
    "database_url": "RADCOMMONS_DATABASE_URL",
    "objects_url": "RADCOMMONS_OBJECTS_URL",
    "public_url": "RADCOMMONS_PUBLIC_URL",
    "viewer_dir": "RADCOMMONS_VIEWER_DIR",
}
FILE_NAME = "radcommons.toml"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8042"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set.

    Parameters
    ----------
    data_dir
        Where the centre keeps what it keeps locally: embedded database, objects, staging, secrets.
    database_url
        ``postgresql://…``; empty means the embedded PostgreSQL under ``data_dir/postgres``.
    objects_url
        ``s3://bucket/prefix`` (credentials from the usual AWS variables), ``s3://…?endpoint=https://host`` for any other
        S3-compatible store, ``file:///folder``; empty means ``data_dir/objects``.
    redirect_bytes
        Files of releases at least this large are answered with a presigned address in the bucket, which people must be
        able to reach; 0 means that the centre always sends them itself.
    public_url
        The address under which people reach the portal; links in records and e-mails start with it.
    name
        The repository's name, as pages show it.
    viewer_dir
        Where the OHIF viewer's files were installed.
    suppression_threshold
        Public counts of subjects below this number are not disclosed.
    worker_memory_bytes
        Memory limit of one process that parses strangers' files.
    parse_timeout_s
        Seconds after which the parsing of one file is given up.
    worker_processes
        Parsing processes a worker may use at once.
    staging_free_bytes
        Uploads are refused when less than this is free on the staging disk.
    allowed_hosts
        Host names under which the portal answers beside the loopback names.
    oidc
        OpenID Connect provider: ``provider_id``, ``name``, ``client_id``, ``client_secret_file``, ``server_url``.
    secure_cookies
        Whether cookies are sent over HTTPS only; follows ``public_url`` unless set.
    """

    data_dir: Path
    database_url: str = ""
    objects_url: str = ""
    redirect_bytes: int = 0
    public_url: str = DEFAULT_PUBLIC_URL
    name: str = "RadCommons"
    viewer_dir: Path = field(default_factory=lambda: Path.home() / ".cache" / "radcommons" / "ohif")
    suppression_threshold: int = 5
    worker_memory_bytes: int = 900 * 2**20
    parse_timeout_s: int = 60
    worker_processes: int = 2
    staging_free_bytes: int = 512 * 2**20
    allowed_hosts: tuple[str, ...] = ()
    oidc: Mapping[str, str] = field(default_factory=dict)
    secure_cookies: bool = False

    @property
    def staging_dir(self) -> Path:
        """Where uploads lie until they are verified."""
        return self.data_dir / "staging"

    @property
    def secrets_dir(self) -> Path:
        """Where the centre's keys lie, one file each, readable by the owner only."""
        return self.data_dir / "secrets"

    @property
    def has_public_url(self) -> bool:
        """Whether the operator said under which address people reach the portal."""
        return self.public_url != DEFAULT_PUBLIC_URL

    @property
    def postgres_dir(self) -> Path:
        """Where the embedded PostgreSQL keeps its files."""
        return self.data_dir / "postgres"


def read_settings(data_dir: Path, environment: Mapping[str, str]) -> Settings:
    """Settings of a data directory: defaults, then its file, then the environment.

    Raises
    ------
    InvalidError
        When the file is not TOML, holds an unknown key or a value of the wrong type.
    """
    values = _file_values(data_dir / FILE_NAME)
    values |= {key: environment[name] for key, name in ENVIRONMENT.items() if environment.get(name)}
    values["data_dir"] = data_dir
    for key in ("viewer_dir",):
        if key in values:
            values[key] = Path(str(values[key])).expanduser()
    if "allowed_hosts" in values:
        values["allowed_hosts"] = tuple(values["allowed_hosts"])  # type: ignore[arg-type]
    values.setdefault("secure_cookies", str(values.get("public_url", "")).startswith("https:"))
    return Settings(**values)  # type: ignore[arg-type]


def _file_values(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        values: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidError("platform.settings-unreadable", f"{FILE_NAME} is not valid TOML: {error}.") from error
    known = {item.name: item for item in fields(Settings)} | {}
    unknown = sorted(set(values) - set(known))
    if unknown:
        message = f"{FILE_NAME} holds unknown settings: {', '.join(unknown)}. Remove them or correct the spelling."
        raise InvalidError("platform.settings-unknown", message)
    for key, value in values.items():
        default = known[key].default
        if isinstance(default, int) and not isinstance(value, int):
            raise InvalidError("platform.settings-type", f"{FILE_NAME}: {key} must be a whole number.")
    return values


@cache
def settings() -> Settings:
    """The settings of this process, read once from ``RADCOMMONS_DATA`` (default ``./var``)."""
    data_dir = Path(os.environ.get(ENVIRONMENT["data_dir"], "var")).expanduser().resolve()
    return read_settings(data_dir, os.environ)
