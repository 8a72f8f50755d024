"""Ourselves against Debian's Orthanc: the same files, the same machine, one run.

``make bench-peers`` (``python -m benchmarks.peers``) generates CT series, stores and publishes them here, stores them there, and asks both
servers the same things from the same load generator. Ours answers with authentication: a bearer token on a published version ("ours") and
on the scope of cleared studies, which only some roles may read and which is asked from the tables anew each time ("role"). Orthanc answers
anybody, with its connections set to TCP_NODELAY, which as installed they are not.

Both are asked every address once before anything is measured, so that both have read their files; then they take turns of a fraction of
a second, in an order that changes, so that both meet the machine in the same moods. A bar is met when one client waits so many times less
for an answer, by the clock: the medians over the turns. Processor time of the whole server, database and idle work included, stands beside
it and decides nothing: where other programs use the machine, it tells whether a bar was missed by the server or by the machine. The load of
the machine is printed for that.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import click
import httpx
import psutil
from benchmarks import loopback, programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.measure import watched
from benchmarks.peers_load import Answered, Asking, ask, taken_together
from tests.support.orthanc import Orthanc, running_orthanc

DICOM_JSON = "application/dicom+json"
PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
MEGABYTE = 2**20
SERIES_LENGTH, STUDIES_OF_EACH = 100, 2
TURNS = 6
MEMORY_BAR_MB = 250


@dataclass(frozen=True, slots=True)
class Place:
    """One instance of the corpus, as both servers know it."""

    patient_id: str
    study: str
    series: str
    instance: str

    @property
    def series_path(self) -> str:
        """The address of its series below a root."""
        return f"studies/{self.study}/series/{self.series}"

    @property
    def path(self) -> str:
        """Its address below a root."""
        return f"{self.series_path}/instances/{self.instance}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the table.

    Parameters
    ----------
    path
        The address below a DICOMweb root, of one place.
    bar
        How many times faster than Orthanc it must be.
    share
        Of the time given to one measurement.
    questions
        What is asked of each place in one turn: to who asks for something new nothing is given that was kept.
    """

    name: str
    path: Callable[[Place], str]
    accept: str
    bar: float
    share: float = 1.0
    questions: Callable[[], Iterable[str]] = lambda: ("",)


_widths = count(300)


def new_windows() -> list[str]:
    """Windows that nobody asked for yet, enough for the pictures of one turn."""
    return [f"?window=40,{next(_widths)},linear" for _ in range(60)]


OPERATIONS = (
    Operation("QIDO by PatientID", lambda one: f"studies?PatientID={one.patient_id}", DICOM_JSON, 10),
    Operation("QIDO wildcard, 20 hits", lambda _: "studies?PatientID=MRN*", DICOM_JSON, 25),
    Operation("instances of a series", lambda one: f"{one.series_path}/instances", DICOM_JSON, 50),
    Operation("series metadata", lambda one: f"{one.series_path}/metadata", DICOM_JSON, 30),
    Operation("instance", lambda one: one.path, PARTS, 2.5),
    Operation("frame", lambda one: f"{one.path}/frames/1", OCTETS, 2.5),
    Operation("rendered", lambda one: f"{one.path}/rendered", "image/jpeg", 2, questions=new_windows),
    Operation("rendered again", lambda one: f"{one.path}/rendered", "image/jpeg", 2),
    Operation("series stream", lambda one: one.series_path, PARTS, 1),
)
NAMES = (*(operation.name for operation in OPERATIONS), "series ZIP", "memory")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server under measurement: its root, what it wants to know of us, its processes."""

    name: str
    root: str
    headers: dict[str, str]
    process_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One operation on both servers."""

    operation: str
    bar: float
    ours: Answered
    theirs: Answered
    role: Answered | None = None

    @property
    def ratio(self) -> float:
        """How many times faster an answer is here."""
        return self.theirs.wall_ms / self.ours.wall_ms

    @property
    def cpu_ratio(self) -> float:
        """How many times less processor time an answer takes here."""
        return self.theirs.cpu_ms / max(self.ours.cpu_ms, 1e-3)

    @property
    def is_met(self) -> bool:
        """Whether the bar is met, by the clock."""
        return self.ratio >= self.bar

    def to_json(self) -> dict[str, object]:
        """The line with what follows from it."""
        ratios = {"ratio": round(self.ratio, 2), "cpu_ratio": round(self.cpu_ratio, 2)}
        return asdict(self) | ratios | {"is_met": self.is_met}

    def text(self) -> str:
        """The line as people read it."""
        role = f"{self.role.wall_ms:9.2f}{self.role.cpu_ms:9.2f}" if self.role else " " * 18
        verdict = "met" if self.is_met else "MISSED"
        if not self.is_met and self.cpu_ratio >= self.bar:
            verdict += " by the clock, not in processor time"
        return (
            f"{self.operation:<24}{self.ours.wall_ms:9.2f}{self.ours.cpu_ms:9.2f}{role}"
            f"{self.theirs.wall_ms:11.2f}{self.theirs.cpu_ms:9.2f}{self.ratio:9.1f}{self.cpu_ratio:9.1f}{self.bar:7.1f}  {verdict}"
        )


HEADING = (
    f"{'':<24}{'ours':>18}{'role':>18}{'Orthanc':>20}{'ratio':>18}\n"
    f"{'ms an answer':<24}{'wall':>9}{'CPU':>9}{'wall':>9}{'CPU':>9}{'wall':>11}{'CPU':>9}{'wall':>9}{'CPU':>9}{'bar':>7}"
)


def corpus(folder: Path, studies: int) -> list[Path]:
    """CT slices of 512 × 512 with the headers of a scanner: series of a hundred, one a study, two studies a patient."""
    shape = (studies // STUDIES_OF_EACH, STUDIES_OF_EACH, 1)
    return write_corpus(folder, studies * SERIES_LENGTH, shape=shape, is_chest=True)


def fill_centre(data: Path, files: Path) -> dict[str, str]:
    """Store and publish the files; where the release is, and a token."""
    command = [sys.executable, "-m", "benchmarks.peers_centre", str(data), str(files)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(answer.strip().splitlines()[-1]))


def places(root: str, headers: dict[str, str]) -> list[Place]:
    """The middle instance of each series."""
    with httpx.Client(base_url=f"{root}/", headers=headers | {"Accept": DICOM_JSON}, timeout=300) as client:
        found = []
        for study in client.get("studies").raise_for_status().json():
            uid, patient = (study[tag]["Value"][0] for tag in ("0020000D", "00100020"))
            (series,) = client.get(f"studies/{uid}/series").raise_for_status().json()
            series_uid = series["0020000E"]["Value"][0]
            instances = client.get(f"studies/{uid}/series/{series_uid}/instances").raise_for_status().json()
            instance = instances[len(instances) // 2]["00080018"]["Value"][0]
            found.append(Place(patient, uid, series_uid, instance))
    return found


def measure(operation: Operation, peers: Sequence[Peer], known: Sequence[Place], seconds: float) -> list[Answered]:
    """Ask servers one thing, of every series in turn; for so many seconds each, in turns."""

    def asking(peer: Peer, share: float) -> Asking:
        urls = [f"{peer.root}/{operation.path(place)}{each}" for each in operation.questions() for place in known]
        return Asking(urls, peer.headers | {"Accept": operation.accept}, seconds * operation.share * share)

    for peer in peers:
        ask(replace(asking(peer, 0), at_least=len(known)), peer.process_ids)
    turns: list[list[Answered]] = [[] for _ in peers]
    order = list(range(len(peers)))
    for turn in range(TURNS):
        for position in order if turn % 2 == 0 else reversed(order):
            turns[position].append(ask(asking(peers[position], 1 / TURNS), peers[position].process_ids))
    return [taken_together(each) for each in turns]


def zip_line(ours: Peer, url: str, orthanc: Orthanc, process_id: int, known: Sequence[Place], seconds: float) -> Line:
    """A series as a ZIP archive: ours as NBIA's clients ask for it, theirs by its own API."""
    found = httpx.post(
        f"{orthanc.url}/tools/find",
        json={"Level": "Series", "Query": {"SeriesInstanceUID": known[0].series}},
        timeout=60,
    ).json()
    urls = [f"{url}/nbia-api/services/v4/getImage?SeriesInstanceUID={place.series}" for place in known]
    asking = Asking(urls, ours.headers, seconds)
    # Once without a clock, as everything else is asked: what is sent for the first time is compared with its digest.
    ask(replace(asking, seconds=0, at_least=len(urls)), ours.process_ids)
    mine = ask(asking, ours.process_ids)
    theirs = ask(Asking([f"{orthanc.url}/series/{found[0]}/archive"], {}, 0, at_least=1), (process_id,))
    return Line("series ZIP", 50, mine, theirs)


def peak_memory(peer: Peer, known: Sequence[Place], seconds: float) -> float:
    """The most memory the web process takes while eight clients fetch series, then pictures, in megabytes.

    With all processes that decode for it; what several of them share counts once.
    """
    web = web_process(peer.process_ids[0])
    with watched(web.pid, counts_shared_once=True) as span:
        for path, accept in ((lambda one: one.series_path, PARTS), (lambda one: f"{one.path}/rendered", "image/jpeg")):
            asking = Asking(
                [f"{peer.root}/{path(place)}" for place in known], peer.headers | {"Accept": accept}, seconds / 2
            )
            ask(replace(asking, clients=8), peer.process_ids)
    return span.peak_bytes / MEGABYTE


def web_process(supervisor: int) -> psutil.Process:
    """The process that answers requests."""
    for process in psutil.Process(supervisor).children(recursive=True):
        if "web" in process.cmdline():
            return process
    raise SystemExit("The centre has no web process.")


def compare(work: Path, studies: int, seconds: float, wanted: Sequence[str]) -> tuple[list[Line], float | None]:
    """Fill both servers and ask them in turn, so that both meet the machine in the same mood."""
    files = corpus(work / "files", studies)
    filled = fill_centre(work / "centre", work / "files")
    with (
        programs.centre(work / "centre", work / "centre.log") as (url, pid),
        running_orthanc(work / "orthanc", StorageCompression=False) as orthanc,
    ):
        loopback.wait_for(url)
        for path in files:
            orthanc.put(path)
        process_id = orthanc_process(orthanc)
        headers = {"Authorization": f"Bearer {filled['token']}"}
        postgres = int((work / "centre" / "postgres" / "postmaster.pid").read_text().split()[0])
        ours = Peer("ours", url + filled["root"], headers, (pid, postgres))
        role = replace(ours, name="role", root=f"{url}/dicom-web/catalog")
        theirs = Peer("Orthanc", orthanc.dicomweb, {}, (process_id,))
        known = places(ours.root, headers)
        lines = []
        for operation in OPERATIONS:
            if operation.name in wanted:
                mine, other, asked = measure(operation, (ours, theirs, role), known, seconds)
                lines.append(Line(operation.name, operation.bar, mine, other, asked))
                click.echo(lines[-1].text(), err=True)
        if "series ZIP" in wanted:
            lines.append(zip_line(ours, url, orthanc, process_id, known, seconds))
        memory = peak_memory(ours, known, seconds) if "memory" in wanted else None
    return lines, memory


def orthanc_process(orthanc: Orthanc) -> int:
    """The process that listens where Orthanc does."""
    port = int(orthanc.url.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        if any(each.laddr.port == port for each in process.net_connections("tcp") if each.status == "LISTEN"):
            return process.pid
    raise SystemExit("Orthanc is not among the processes started here.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Measure this; may be given several times.")
@click.option("--studies", default=20, show_default=True, help="Studies of 100 slices of 0.5 MB each; an even number.")
@click.option("--seconds", default=3.0, show_default=True, help="For each measurement of each server, in turns.")
@click.option("--folder", type=click.Path(path_type=Path), help="Work here and keep it; a temporary folder otherwise.")
def main(*, as_json: bool, only: tuple[str, ...], studies: int, seconds: float, folder: Path | None) -> None:
    """Measure both servers and say which bars are met; exit code 1 when one is missed."""
    work = folder or Path(tempfile.mkdtemp(prefix="radcommons-peers-"))
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o755)
    begin, load = time.perf_counter(), os.getloadavg()[0]
    try:
        lines, memory = compare(work, studies, seconds, only or NAMES)
    finally:
        if folder is None:
            shutil.rmtree(work, ignore_errors=True)
    is_met = all(line.is_met for line in lines) and (memory is None or memory <= MEMORY_BAR_MB)
    if as_json:
        machine: dict[str, object] = {"python": platform.python_version(), "system": platform.platform()}
        machine |= {"processors": os.cpu_count(), "load_before": load, "load_after": os.getloadavg()[0]}
        results = [line.to_json() for line in lines]
        click.echo(
            json.dumps({"machine": machine, "results": results, "memory_mb": memory, "is_met": is_met}, indent=1)
        )
    else:
        click.echo(HEADING)
        for line in lines:
            click.echo(line.text())
        if memory is not None:
            verdict = "met" if memory <= MEMORY_BAR_MB else "MISSED"
            click.echo(f"web process and decoders under 8 clients: {memory:.0f} MB (bar {MEMORY_BAR_MB} MB)  {verdict}")
        click.echo(
            f"{time.perf_counter() - begin:.0f} s in all, {os.cpu_count()} processors; "
            f"load of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} after"
        )
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
