"""Running ``radcommons demo`` as a person would: a real process tree, real ports, real files."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 600
OWN_VARIABLES = ("RADCOMMONS_DATA", "RADCOMMONS_DATABASE_URL", "RADCOMMONS_PUBLIC_URL", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What one run printed, and where it put things."""

    data: Path
    report: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        return self.report["counts"]

    @property
    def findings(self) -> dict[str, int]:
        return self.report["findings"]

    @property
    def download(self) -> Path:
        return Path(self.report["release"]["download"])


def environment() -> dict[str, str]:
    """The environment without what the tests set for themselves."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


def command(data: Path, source: Path | None, *more: str) -> list[str]:
    """The command line of a demonstration that ends after the download."""
    origin = ["--from", str(source)] if source else []
    return [sys.executable, "-m", "radcommons", "demo", *origin, "--data", str(data), "--no-serve", "--json", *more]


def run_demo(data: Path, source: Path | None, *more: str) -> DemoRun:
    """Run a demonstration to its end; its log is shown when it fails."""
    words = command(data, source, *more)
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment(), check=False)
    log = data / "centre.log"
    said = log.read_text(errors="replace")[-4000:] if log.exists() else ""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{said}"
    return DemoRun(data, json.loads(done.stdout))


def files_holding(folder: Path, needles: Sequence[bytes], *, below_not: str) -> list[tuple[Path, bytes]]:
    """Files that hold any of some byte strings, everywhere except below one sub-folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and below_not not in path.relative_to(folder).parts:
            content = path.read_bytes()
            found.extend((path, needle) for needle in needles if needle in content)
    return found
