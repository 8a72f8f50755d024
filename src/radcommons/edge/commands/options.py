"""What the hospital's commands share: options, arguments, and where the contributor token comes from."""

import getpass
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge import passphrase
from radcommons.edge.home import DEFAULT_HOME, EdgeHome, open_home

_Function = TypeVar("_Function", bound=Callable[..., Any])
TOKEN_VARIABLE = "RADCOMMONS_TOKEN"  # noqa: S105 - the name of a variable, no secret

folder_argument = click.argument("folder", type=click.Path(path_type=Path))
out_argument = click.argument("out", type=click.Path(path_type=Path))


def home_option(function: _Function) -> _Function:
    """``--home``: where the hospital's own state lies."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_HOME,
        show_default=True,
        help="The hospital's own state: secret key and crosswalk. It never leaves this machine.",
    )(function)


def json_option(function: _Function) -> _Function:
    """``--json``: for programs."""
    return click.option("--json", "is_json", is_flag=True, help="Print one JSON object and no progress.")(function)


def processes_option(function: _Function) -> _Function:
    """``--processes``: how many instances are worked on side by side."""
    return click.option(
        "--processes",
        type=click.IntRange(1, 256),
        default=os.cpu_count() or 1,
        show_default="one a processor",
        help="How many instances are read side by side.",
    )(function)


def opened_home(path: Path) -> EdgeHome:
    """The home, which asks for its passphrase when it is protected: the environment, then the terminal."""
    return open_home(path, ask_passphrase=_passphrase)


def given_passphrase() -> str | None:
    """The passphrase from the environment, itself or the name of its file."""
    if given := os.environ.get(passphrase.VARIABLE):
        return given
    named = os.environ.get(passphrase.FILE_VARIABLE)
    return passphrase.read_passphrase(Path(named)) if named else None


def _passphrase() -> str:
    if given := given_passphrase():
        return given
    return _asked() if sys.stdin is not None and sys.stdin.isatty() else passphrase.no_passphrase()


@cache
def _asked() -> str:
    return getpass.getpass("Passphrase of this home: ")


def token_options(function: _Function) -> _Function:
    """``--token`` and ``--token-file``."""
    named = click.option("--token", help=f"The contributor token; better in {TOKEN_VARIABLE} or a file.")
    filed = click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="A file that holds the contributor token.",
    )
    return named(filed(function))


def has_token(token: str | None, token_file: Path | None) -> bool:
    """Whether a contributor token was given anywhere."""
    return bool(token or token_file or os.environ.get(TOKEN_VARIABLE))


def token_of(token: str | None, token_file: Path | None) -> str:
    """The contributor token: as given, from the file, or from the environment.

    Raises
    ------
    RadCommonsError
        ``edge.token-needed`` when there is none.
    """
    if token:
        return token
    if token_file is not None:
        return token_file.read_text("utf-8", "replace").strip()
    found = os.environ.get(TOKEN_VARIABLE, "")
    if not found:
        raise RadCommonsError(
            Kind.UNAUTHENTICATED,
            "edge.token-needed",
            f"Give the contributor token with --token-file, --token or {TOKEN_VARIABLE}. The centre shows it once.",
        )
    return found
