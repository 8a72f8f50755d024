"""The verb ``run``: one set, every tool that is installed, one table.

Each tool is run as its users run it, by its command line with the settings nearest to what the key asks for; the settings are
printed with the results. A tool that fails on a file is not helped.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from radcommons.apps.deid_benchmark.generator.make import make_benchmark
from radcommons.apps.deid_benchmark.generator.plan import USUAL_OBJECTS
from radcommons.apps.deid_benchmark.key import FILES_FOLDER
from radcommons.apps.deid_benchmark.scoring.score import Score, ScoreOptions, score_output
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import init_home
from radcommons.edge.scan import scan_folder

OURS, UNTOUCHED = "radcommons", "untouched"
_SECRET = bytes(range(32))
_LONGEST_S = 1800
_DICOM_ANONYMIZER = """
import sys
from pathlib import Path
import dicomanonymizer

def rules():
    return dicomanonymizer.initialize_actions("dicomfields_2026c")

work = dicomanonymizer.anonymize_dicom_file
for number, path in enumerate(sorted(each for each in Path(sys.argv[1]).rglob("*") if each.is_file())):
    try:
        work(str(path), f"{sys.argv[2]}/{number:05d}.dcm", base_rules_gen=rules)
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}\\n")
"""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run.

    Parameters
    ----------
    seed, objects, base
        See :func:`make_benchmark`.
    tools
        Names in :data:`TOOLS`; all that are installed when empty.
    profile
        Name or path of our profile; the benchmark's own when ``None``.
    """

    seed: int = 1
    objects: int = USUAL_OBJECTS
    base: Path | None = None
    tools: tuple[str, ...] = ()
    profile: str | None = None
    processes: int = 2


@dataclass(frozen=True, slots=True)
class Contestant:
    """One tool.

    Parameters
    ----------
    package
        Whose installed version is printed; empty for none.
    settings
        What it was asked to do, for the table.
    run
        From a folder of files to a new folder; the last argument is a folder for its state, the same in both runs.
    """

    package: str
    settings: str
    run: Callable[[Path, Path, Path], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What one tool did with one set."""

    tool: str
    version: str
    settings: str
    seconds: float
    score: Score

    def to_json(self) -> dict[str, object]:
        """The result as a plain mapping."""
        about = {name: value for name, value in asdict(self).items() if name != "score"}
        return {**about, "score": self.score.to_json()}


def run_contest(work: Path, options: RunOptions) -> list[Result]:
    """Make a set below ``work`` and let every tool de-identify it twice with the same state.

    Raises
    ------
    RadCommonsError
        Those of :func:`make_benchmark`.
    """
    make_benchmark(work, seed=options.seed, objects=options.objects, base=options.base)
    contestants = {OURS: _ours(options), **TOOLS}
    results = []
    for name, contestant in contestants.items():
        if (options.tools and name not in options.tools) or not is_installed(contestant):
            continue
        first, second, state = (work / "outputs" / name / part for part in ("first", "second", "state"))
        state.mkdir(parents=True)
        started = time.perf_counter()
        contestant.run(work / FILES_FOLDER, first, state)
        seconds = time.perf_counter() - started
        contestant.run(work / FILES_FOLDER, second, state)
        how = ScoreOptions(second=second, processes=options.processes)
        tool_version = version(contestant.package) if contestant.package else ""
        results.append(Result(name, tool_version, contestant.settings, seconds, score_output(work, first, options=how)))
    return results


def is_installed(contestant: Contestant) -> bool:
    """Whether a tool can be run here."""
    try:
        return not contestant.package or bool(version(contestant.package))
    except PackageNotFoundError:
        return False


def _ours(options: RunOptions) -> Contestant:
    """The hospital's own verbs: init, scan, deidentify."""
    with_own = options.profile or str(files("radcommons.apps.deid_benchmark") / "benchmark_profile.toml")

    def run(source: Path, output: Path, state: Path) -> None:
        home = init_home(state / output.name, site="BENCH", project="benchmark", profile=with_own, secret=_SECRET)
        scan_folder(home, source, processes=options.processes)
        deidentify_folder(home, source, out=output, options=DeidentifyOptions(processes=options.processes))

    return Contestant(
        "radcommons", f"edge init, scan, deidentify; profile {options.profile or 'of the benchmark'}", run
    )


def _untouched(source: Path, output: Path, state: Path) -> None:
    del state
    shutil.copytree(source, output)


def _dicognito(source: Path, output: Path, state: Path) -> None:
    """One file at a time with one seed: an error ends a whole run, and the seed keeps runs consistent."""
    del state
    output.mkdir()
    start = "import sys; from dicognito.__main__ import main; main(sys.argv[1:])"
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        _call(
            [
                sys.executable,
                "-c",
                start,
                "--quiet",
                "--seed",
                "benchmark",
                "--output-directory",
                str(output),
                str(path),
            ]
        )


def _dicom_anonymizer(source: Path, output: Path, state: Path) -> None:
    """Its function for one file, all files in one process: the command goes into no folder and ends at the first error."""
    del state
    output.mkdir()
    _call([sys.executable, "-c", _DICOM_ANONYMIZER, str(source), str(output)])


def _dentdeid(source: Path, output: Path, state: Path) -> None:
    """Its research profile with one key; what it sets aside for review counts as given out, what it quarantines does not."""
    folder = output.with_name(f"{output.name}-whole")
    command = [sys.executable, "-m", "dentdeid.cli", "run", "--profile", "research", "--key-file", str(state / "key")]
    command += ["--option", "retain_device_identity", "--no-previews", "--out", str(folder), str(source)]
    _call(command)
    output.mkdir()
    for part in ("clean", "review"):
        if (folder / part).is_dir():
            shutil.copytree(folder / part, output / part)


def _call(command: list[str]) -> None:
    """Run a tool; what it could not do shows in its output folder, and there it is counted."""
    subprocess.run(command, check=False, capture_output=True, timeout=_LONGEST_S)


TOOLS: dict[str, Contestant] = {
    "dicognito": Contestant("dicognito", "--seed, file by file", _dicognito),
    "dicom-anonymizer": Contestant(
        "dicom-anonymizer", "table 2026c, all files in one process, numbered names", _dicom_anonymizer
    ),
    "dentdeid": Contestant("dentdeid", "profile research, one key, retain_device_identity", _dentdeid),
    UNTOUCHED: Contestant("", "a copy", _untouched),
}
