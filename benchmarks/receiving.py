"""Receiving against Debian's Orthanc: the same files from the same senders, in one run.

``python -m benchmarks.receiving`` sends generated CT slices by ``storescu`` (one association, then four), posts them by STOW-RS twenty a
request, and sends one sealed batch from the hospital's program until every instance is in the archive. Orthanc is run with its connections
set to TCP_NODELAY, which as installed they are not; ours asks for a contributor key and takes the second look at every instance. Both have
every instance on the disk and in their index when they acknowledge. Copying the same files with fsync is the limit of the disk. Wall times
move with the machine: the ratio of one run, and the processor's seconds, are what compares.

A sealed batch is timed from the moment its sealing begins until the moment at which the centre notes that every instance is in the archive;
a small and a large one, since what a batch costs by itself (its manifest, its signature, the first child processes) is spread over its files.
Copies stay until the end: a file system without a journal passes over every file number that was freed in the last minutes.
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
from datetime import datetime
from http import HTTPStatus
from itertools import accumulate
from pathlib import Path

import click
import httpx
import psutil
from benchmarks import programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.loopback import wait_for
from benchmarks.peers import orthanc_process
from benchmarks.peers_load import processor_seconds
from tests.support.orthanc import running_orthanc

from radcommons.edge.home import EdgeHome, open_home
from radcommons.edge.sealing import sealed
from radcommons.transfer.sender import send_batch, wait_until_verified

ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
SITE, PROJECT = "ALPHA", "covid19"
A_REQUEST = 20
# As long as those that clients make up; a short one takes both servers longer to look for.
BOUNDARY = b"7d1f0c52-94a6-4b0e-8a53-2f6de1c7b930"
# A busy machine prepares the database for minutes.
_STARTING_S = 600
# The sizes of the batches, as shares of the largest.
_SHARES = (4, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One way of receiving: instances a second and the processor's milliseconds of the server for each."""

    name: str
    ours_per_second: float
    theirs_per_second: float
    ours_cpu_ms: float
    theirs_cpu_ms: float
    bar: float
    sender_cpu_ms: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as fast as the other."""
        return self.ours_per_second / self.theirs_per_second if self.theirs_per_second else float("nan")

    def text(self) -> str:
        """The line of the table."""
        verdict = "met" if self.ratio >= self.bar else "MISSED"
        sender = "" if self.sender_cpu_ms is None else f", the sender {self.sender_cpu_ms:.2f} ms"
        return (
            f"{self.name:<28}{self.ours_per_second:9.0f}/s{self.theirs_per_second:9.0f}/s{self.ratio:8.2f}"
            f"{self.ours_cpu_ms:9.2f} ms{self.theirs_cpu_ms:9.2f} ms   >= {self.bar:<5}{verdict}{sender}"
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
    """Files a second that are copied into a new folder and are on the disk."""
    folder.mkdir()
    begin = time.perf_counter()
    for number, path in enumerate(files):
        with path.open("rb") as source, (folder / str(number)).open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            sink.flush()
            os.fsync(sink.fileno())
    return len(files) / (time.perf_counter() - begin)


def store_by_dimse(port: int, title: str, files: Sequence[Path], associations: int) -> None:
    """Send files by DCMTK's storescu, spread over so many associations at once."""
    command = ["storescu", "-aec", title, "-xe", "127.0.0.1", str(port)]
    shares = [list(map(str, files[start::associations])) for start in range(associations)]
    children = [subprocess.Popen([*command, *share], env=ENVIRONMENT, stdout=subprocess.DEVNULL) for share in shares]
    codes = [child.wait() for child in children]
    if any(codes):
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
        name = f"C-STORE, {associations} association{'s' if associations > 1 else ''}"
        lines.append(Line(name, ours.per_second, theirs.per_second, ours.cpu_ms, theirs.cpu_ms, 1.5))
    return lines


def deidentified(work: Path, groups: Sequence[Sequence[Path]]) -> tuple[EdgeHome, list[Path]]:
    """Slices as a hospital sends them, de-identified, looked at, approved: one folder a group."""
    home, outs = work / "home", [work / f"out-{number}" for number in range(len(groups))]
    programs.run("edge", "init", "--home", home, "--site", SITE, "--project", PROJECT)
    for out, some in zip(outs, groups, strict=True):
        folder = work / f"for-{out.name}"
        folder.mkdir()
        for number, path in enumerate(some):
            (folder / f"{number}.dcm").hardlink_to(path)
        programs.run("edge", "deidentify", folder, out, "--home", home)
        programs.run("edge", "review", out, "--home", home, "--approve", "--by", "Benchmark")
    return open_home(home), outs


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre with one site under an agreement: its address, its processes, the database's among them, and the site's token."""

    url: str
    process_ids: tuple[int, ...]
    token: str


@contextmanager
def serving(work: Path) -> Iterator[Centre]:
    """Run a centre."""
    data = work / "centre"
    with programs.centre(data, work / "centre.log") as (url, pid):
        wait_for(url, timeout_s=_STARTING_S, process_id=pid)
        programs.run("sites", "add", SITE, "--name", "Benchmark", "--country", "GB", data=data)
        signing = ("--signatory", "A. Nobody", "--title", "Director", "--licence", "CC-BY-4.0")
        programs.run("sites", "sign", SITE, "--project", PROJECT, *signing, data=data)
        token = programs.run("sites", "token", SITE, "--name", "benchmark", data=data)[0]["token"]
        postgres = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        yield Centre(url, (pid, postgres), token)


def requests_of(files: Sequence[Path]) -> list[bytes]:
    """The bodies of the requests that store files, so many each."""
    return [
        b"".join(
            b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
            for path in files[start : start + A_REQUEST]
        )
        + b"--"
        + BOUNDARY
        + b"--\r\n"
        for start in range(0, len(files), A_REQUEST)
    ]


def post(client: httpx.Client, address: str, bodies: Sequence[bytes]) -> None:
    """Store files by STOW-RS."""
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}',
        "Accept": "application/dicom+json",
    }
    for body in bodies:
        answer = client.post(address, content=body, headers=headers)
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"{answer.status_code} {answer.text[:500]}")


def compare_stow(work: Path, files: Sequence[Path], centre: Centre) -> Line:
    """STOW-RS, twenty a request, one client that has its requests ready; the first request of each is a warm-up."""
    first, *bodies = requests_of(files)
    count = len(files) - A_REQUEST
    with httpx.Client(timeout=120, headers={"Authorization": f"Bearer {centre.token}"}) as client:
        address = f"{centre.url}/dicom-web/intake/{SITE}/{PROJECT}/studies"
        post(client, address, [first])
        ours = measured(count, centre.process_ids, lambda: post(client, address, bodies))
    with running_orthanc(work / "orthanc") as orthanc, httpx.Client(timeout=120) as client:
        address = f"{orthanc.dicomweb}/studies"
        post(client, address, [first])
        theirs = measured(count, [orthanc_process(orthanc)], lambda: post(client, address, bodies))
    return Line("STOW-RS, 20 a request", ours.per_second, theirs.per_second, ours.cpu_ms, theirs.cpu_ms, 1.5)


def send_sealed(home: EdgeHome, out: Path, centre: Centre) -> float:
    """Send a batch from here; the seconds until the centre had every instance in its archive, by the clock of both."""
    begin = time.time()
    batch = sealed(home, out)
    sent = send_batch(batch.manifest, batch.paths, envelope=batch.envelope, url=centre.url, token=centre.token)
    told = wait_until_verified(sent.batch_id, url=centre.url, token=centre.token)
    if told["state"] != "verified" or told["counts"]["stored"] != sent.files:
        raise SystemExit(f"Not everything was stored: {told['state']} {told['counts']} {told['findings']}")
    return datetime.fromisoformat(told["finished_at"]).timestamp() - begin


def measure_sealed(work: Path, home: EdgeHome, outs: Sequence[Path], centre: Centre) -> Iterator[Line]:
    """Batches from their sealing to the last instance in the archive, against copying with fsync; the first is a warm-up."""
    few, *others = outs
    send_sealed(home, few, centre)
    for number, out in enumerate(others):
        files = sorted(out.rglob("*.dcm"))
        before = copy_with_fsync(files, work / f"before-{number}")
        at_first, at_sender = processor_seconds(centre.process_ids), time.process_time()
        seconds = send_sealed(home, out, centre)
        cpu_ms = (processor_seconds(centre.process_ids) - at_first) / len(files) * 1000
        sender_ms = (time.process_time() - at_sender) / len(files) * 1000
        copied = (before + copy_with_fsync(files, work / f"after-{number}")) / 2
        name = f"sealed, {len(files)} / copy+fsync"
        yield Line(name, len(files) / seconds, copied, cpu_ms, 0.0, 0.35, sender_cpu_ms=sender_ms)


def measure_doors(work: Path, groups: Sequence[Sequence[Path]], count: int, doors: Sequence[str]) -> Iterator[Line]:
    """By the doors for what is de-identified; each takes a centre of its own, since what came by one is a duplicate at the other."""
    home, outs = deidentified(work, groups)
    for door in doors:
        (work / door).mkdir()
        with serving(work / door) as centre:
            if door == "sealed":
                yield from measure_sealed(work / door, home, outs, centre)
            else:
                yield compare_stow(work, [path for out in outs for path in sorted(out.rglob("*.dcm"))][:count], centre)


@click.command()
@click.option("--files", "count", default=240, show_default=True, help="How many CT slices of half a megabyte.")
@click.option(
    "--batch", default=2000, show_default=True, help="How many in the larger sealed batch; the other is a quarter."
)
@click.option("--only", multiple=True, type=click.Choice(["dimse", "sealed", "stow"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, count: int, batch: int, only: tuple[str, ...], as_json: bool) -> None:
    """Measure receiving here and there."""
    wanted = only or ("dimse", "sealed", "stow")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="receiving-") as name:
        work = Path(name)
        sizes = [A_REQUEST, *(batch // share for share in _SHARES)] if "sealed" in wanted else [A_REQUEST, count]
        files = write_corpus(work / "files", max(count, sum(sizes)))
        copying = copy_with_fsync(files[:count], work / "copy")
        if "dimse" in wanted:
            lines += compare_dimse(work, files[:count])
        if doors := [each for each in ("sealed", "stow") if each in wanted]:
            groups = [files[end - size : end] for size, end in zip(sizes, accumulate(sizes), strict=True)]
            lines += measure_doors(work, groups, count, doors)
    if as_json:
        click.echo(json.dumps({"copy_with_fsync_per_second": copying, "lines": [asdict(line) for line in lines]}))
        return
    click.echo(f"{count} files; copied with fsync: {copying:.0f}/s; load {psutil.getloadavg()[0]:.1f}")
    click.echo(f"{'':<28}{'ours':>11}{'theirs':>11}{'ratio':>8}{'CPU ours':>12}{'CPU theirs':>12}   bar")
    for line in lines:
        click.echo(line.text())


if __name__ == "__main__":
    sys.exit(main())
