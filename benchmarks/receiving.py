"""Receiving against Debian's Orthanc: the same files from the same senders, in one run.

``python -m benchmarks.receiving`` sends generated CT slices by ``storescu`` (one association, then four), posts them by STOW-RS twenty a
request, and sends one sealed batch from the hospital's program until every instance is in the archive. Orthanc is run with its connections
set to TCP_NODELAY, which as installed they are not; ours asks for a contributor key and takes the second look at every instance. Both have
every instance on the disk and in their index when they acknowledge. Copying the same files with fsync is the limit of the disk. Wall times
move with the machine: the ratio of one run, and the processor's seconds, are what compares.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import psutil
from benchmarks import programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.peers import orthanc_process
from benchmarks.peers_load import processor_seconds
from tests.support.orthanc import running_orthanc

ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Line:
    """One way of receiving: instances a second and the processor's milliseconds of the server for each."""

    name: str
    ours_per_second: float
    theirs_per_second: float
    ours_cpu_ms: float
    theirs_cpu_ms: float
    bar: float

    @property
    def ratio(self) -> float:
        """How many times as fast as the other."""
        return self.ours_per_second / self.theirs_per_second if self.theirs_per_second else float("nan")

    def text(self) -> str:
        """The line of the table."""
        verdict = "met" if self.ratio >= self.bar else "MISSED"
        return (
            f"{self.name:<28}{self.ours_per_second:9.0f}/s{self.theirs_per_second:9.0f}/s{self.ratio:8.2f}"
            f"{self.ours_cpu_ms:9.2f} ms{self.theirs_cpu_ms:9.2f} ms   >= {self.bar:<5}{verdict}"
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """How fast, and for how much of the processor."""

    per_second: float
    cpu_ms: float


def measured(count: int, process_ids: Sequence[int], work: Callable[[], None]) -> Measured:
    """Time a piece of work on some instances, and the processor time of the server's processes."""
    before, begin = processor_seconds(process_ids), time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    return Measured(count / seconds, (processor_seconds(process_ids) - before) / count * 1000)


def copy_with_fsync(files: Sequence[Path], folder: Path) -> float:
    """Files a second that are copied and are on the disk."""
    folder.mkdir()
    begin = time.perf_counter()
    for number, path in enumerate(files):
        with path.open("rb") as source, (folder / str(number)).open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            sink.flush()
            os.fsync(sink.fileno())
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder)
    return len(files) / seconds


def store_by_dimse(port: int, title: str, files: Sequence[Path], associations: int) -> None:
    """Send files by DCMTK's storescu, spread over so many associations at once."""
    command = ["storescu", "-aec", title, "-xe", "127.0.0.1", str(port)]
    shares = [list(map(str, files[start::associations])) for start in range(associations)]
    children = [subprocess.Popen([*command, *share], env=ENVIRONMENT, stdout=subprocess.DEVNULL) for share in shares]
    if any([child.wait() for child in children]):
        raise SystemExit("storescu was refused")


@contextmanager
def listening(folder: Path) -> Iterator[tuple[int, int]]:
    """Run the hospital's listener; its port and process id."""
    command = [*programs.RADCOMMONS, "edge", "listen", str(folder), "--port", "0", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout is None:
            raise SystemExit("the listener says nothing")
        yield int(json.loads(child.stdout.readline())["port"]), child.pid
    finally:
        child.terminate()
        child.wait(timeout=60)


def compare_dimse(work: Path, files: Sequence[Path]) -> list[Line]:
    """C-STORE by one association and by four, to a fresh store each time."""
    lines = []
    for associations in (1, 4):
        with listening(work / f"received-{associations}") as (port, pid):
            ours = measured(len(files), [pid], lambda: store_by_dimse(port, "RADCOMMONS", files, associations))  # noqa: B023
        with running_orthanc(work / f"orthanc-{associations}") as orthanc:
            theirs = measured(
                len(files),
                [orthanc_process(orthanc)],
                lambda: store_by_dimse(orthanc.dicom_port, orthanc.title, files, associations),  # noqa: B023
            )
        shutil.rmtree(work / f"received-{associations}")
        shutil.rmtree(work / f"orthanc-{associations}")
        name = f"C-STORE, {associations} association{'s' if associations > 1 else ''}"
        lines.append(Line(name, ours.per_second, theirs.per_second, ours.cpu_ms, theirs.cpu_ms, 1.5))
    return lines


@click.command()
@click.option("--files", "count", default=240, show_default=True, help="How many CT slices of half a megabyte.")
@click.option("--only", multiple=True, type=click.Choice(["dimse"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, count: int, only: tuple[str, ...], as_json: bool) -> None:
    """Measure receiving here and there."""
    with tempfile.TemporaryDirectory(prefix="receiving-") as name:
        work = Path(name)
        files = write_corpus(work / "files", count)
        copying = copy_with_fsync(files, work / "copy")
        lines = compare_dimse(work, files) if not only or "dimse" in only else []
        copying = (copying + copy_with_fsync(files, work / "copy")) / 2
    if as_json:
        click.echo(json.dumps({"copy_with_fsync_per_second": copying, "lines": [asdict(line) for line in lines]}))
        return
    click.echo(f"{count} files; copied with fsync: {copying:.0f}/s; load {psutil.getloadavg()[0]:.1f}")
    for line in lines:
        click.echo(line.text())


if __name__ == "__main__":
    sys.exit(main())
