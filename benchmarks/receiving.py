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
from http import HTTPStatus
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
from radcommons.transfer.sender import send_batch

ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
SITE, PROJECT = "ALPHA", "covid19"
A_REQUEST = 20
# A busy machine prepares the database for minutes.
_STARTING_S = 600
# Asking what became of a batch is work for the centre too.
_ASKED_EVERY_S = 0.1


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
        shutil.rmtree(work / f"received-{associations}")
        shutil.rmtree(work / f"orthanc-{associations}")
        name = f"C-STORE, {associations} association{'s' if associations > 1 else ''}"
        lines.append(Line(name, ours.per_second, theirs.per_second, ours.cpu_ms, theirs.cpu_ms, 1.5))
    return lines


def deidentified(work: Path, files: Sequence[Path]) -> tuple[EdgeHome, tuple[Path, Path]]:
    """The same slices as a hospital sends them, de-identified, looked at, approved: a few to begin with, and the others."""
    home, outs = work / "home", (work / "out-few", work / "out")
    programs.run("edge", "init", "--home", home, "--site", SITE, "--project", PROJECT)
    for out, some in zip(outs, (files[:A_REQUEST], files[A_REQUEST:]), strict=True):
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


def post(client: httpx.Client, address: str, files: Sequence[Path]) -> None:
    """Store files by STOW-RS, so many a request."""
    for start in range(0, len(files), A_REQUEST):
        parts = [
            b"--b\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
            for path in files[start : start + A_REQUEST]
        ]
        headers = {
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
            "Accept": "application/dicom+json",
        }
        answer = client.post(address, content=b"".join(parts) + b"--b--\r\n", headers=headers)
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"{answer.status_code} {answer.text[:500]}")


def compare_stow(work: Path, files: Sequence[Path], centre: Centre) -> Line:
    """STOW-RS, twenty a request, one client; the first request of each is a warm-up."""
    few, rest = files[:A_REQUEST], files[A_REQUEST:]
    with httpx.Client(timeout=120, headers={"Authorization": f"Bearer {centre.token}"}) as client:
        address = f"{centre.url}/dicom-web/intake/{SITE}/{PROJECT}/studies"
        post(client, address, few)
        ours = measured(len(rest), centre.process_ids, lambda: post(client, address, rest))
    with running_orthanc(work / "orthanc") as orthanc, httpx.Client(timeout=120) as client:
        address = f"{orthanc.dicomweb}/studies"
        post(client, address, few)
        theirs = measured(len(rest), [orthanc_process(orthanc)], lambda: post(client, address, rest))
    shutil.rmtree(work / "orthanc")
    return Line("STOW-RS, 20 a request", ours.per_second, theirs.per_second, ours.cpu_ms, theirs.cpu_ms, 1.5)


def send_sealed(home: EdgeHome, out: Path, centre: Centre) -> None:
    """Send a batch from here and wait until every instance is in the archive."""
    url, token = centre.url, centre.token
    batch = sealed(home, out)
    sent = send_batch(batch.manifest, batch.paths, envelope=batch.envelope, url=url, token=token)
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        while True:
            told = client.get(f"{url}/api/v1/intake/batches/{sent.batch_id}").json()
            if told["state"] == "verified":
                break
            if told["state"] == "refused":
                raise SystemExit(f"The batch was refused: {told['findings']}")
            time.sleep(_ASKED_EVERY_S)
    if told["counts"]["stored"] != sent.files:
        raise SystemExit(f"Not everything was stored: {told['counts']}")


def measure_sealed(work: Path, home: EdgeHome, outs: tuple[Path, Path], centre: Centre) -> Line:
    """A batch from its sealing to the last instance in the archive, against copying with fsync; a small one is a warm-up."""
    few, out = outs
    send_sealed(home, few, centre)
    files = sorted(out.rglob("*.dcm"))
    before = copy_with_fsync(files, work / "copy")
    ours = measured(len(files), centre.process_ids, lambda: send_sealed(home, out, centre))
    copied = (before + copy_with_fsync(files, work / "copy")) / 2
    return Line("sealed batch / copy+fsync", ours.per_second, copied, ours.cpu_ms, 0.0, 0.35)


@click.command()
@click.option("--files", "count", default=240, show_default=True, help="How many CT slices of half a megabyte.")
@click.option("--only", multiple=True, type=click.Choice(["dimse", "sealed", "stow"]), help="Only these.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, count: int, only: tuple[str, ...], as_json: bool) -> None:
    """Measure receiving here and there."""
    wanted = only or ("dimse", "sealed", "stow")
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="receiving-") as name:
        work = Path(name)
        files = write_corpus(work / "files", count)
        copying = copy_with_fsync(files, work / "copy")
        if "dimse" in wanted:
            lines += compare_dimse(work, files)
        if {"sealed", "stow"} & set(wanted):
            home, outs = deidentified(work, files)
            # Each takes a centre of its own: what is stored by one door is a duplicate at the other.
            for door in [each for each in ("sealed", "stow") if each in wanted]:
                (work / door).mkdir()
                with serving(work / door) as centre:
                    if door == "sealed":
                        lines.append(measure_sealed(work, home, outs, centre))
                    else:
                        lines.append(
                            compare_stow(work, [path for out in outs for path in sorted(out.rglob("*.dcm"))], centre)
                        )
                shutil.rmtree(work / door)
    if as_json:
        click.echo(json.dumps({"copy_with_fsync_per_second": copying, "lines": [asdict(line) for line in lines]}))
        return
    click.echo(f"{count} files; copied with fsync: {copying:.0f}/s; load {psutil.getloadavg()[0]:.1f}")
    click.echo(f"{'':<28}{'ours':>11}{'theirs':>11}{'ratio':>8}{'CPU ours':>12}{'CPU theirs':>12}   bar")
    for line in lines:
        click.echo(line.text())


if __name__ == "__main__":
    sys.exit(main())
