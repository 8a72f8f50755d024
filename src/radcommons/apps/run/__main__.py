"""Runs one of the server's programs: Django is made ready first, then the program is imported.

The supervisor's children. Limited processes load the main module of their parent anew unless it is called ``__main__`` by its
name already; this one is, so that no Django is loaded where only pixels are decoded.
"""

import importlib
import sys

from radcommons.apps import bootstrap
from radcommons.apps.supervisor import leave_with_parent

PROGRAMS = ("web", "worker", "prepare")


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
    bootstrap.setup()
    importlib.import_module(f"radcommons.apps.{name}").main(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
