"""By which words the person who reads an instruction can start this program."""

import shutil
import sys
from pathlib import Path


def program(started_as: str | None = None) -> str:
    """The name where the shell finds it, else the path by which it was started: what is printed can be copied."""
    given = Path(sys.argv[0] if started_as is None else started_as)
    if given.name != "radcommons" or shutil.which("radcommons") is not None:
        return "radcommons"
    return str(given)
