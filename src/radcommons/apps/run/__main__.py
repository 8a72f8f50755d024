"""Runs one of the server's programs: Django is made ready first, then the program is imported.

The supervisor's children. Limited processes load the main module of their parent anew unless it is called ``__main__`` by its
name already; this one is, so that no Django is loaded where only pixels are decoded.
"""

import importlib
import sys

from radcommons.apps import bootstrap
from radcommons.apps.supervisor import leave_with_parent

PROGRAMS = ("web", "worker", "prepare")
# What pydicom would load although the program decodes nothing.
LEFT_OUT = {"web": ("gdcm",)}


def main(name: str, *arguments: str) -> None:
    """Run a program by name until it ends.

    Raises
    ------
    ValueError
        When there is no such program.
    """
    if name not in PROGRAMS:
        raise ValueError(f"no such program: {name}")
    leave_with_parent()
    leave_out(name)
    bootstrap.setup()
    importlib.import_module(f"radcommons.apps.{name}").main(*arguments)


def leave_out(name: str) -> None:
    """Let what a program has no use for be as if it were not installed."""
    for package in LEFT_OUT.get(name, ()):
        sys.modules[package] = None  # type: ignore[assignment]  # how the import system is told so


if __name__ == "__main__":
    main(*sys.argv[1:])
