"""The main paths, measured in one run: hospital, intake, DICOMweb, download.

``python -m benchmarks.run`` measures all of them on the demonstration hospitals and prints a table, ``--json`` one object, ``--only NAME`` those
named (what they need is done, but not shown). Ratios are to plain copying of the same bytes or to the barest HTTP server over loopback, in
the same run; figures of different machines are comparable by them only.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
import httpx
from benchmarks import loopback, programs
from benchmarks.measure import Copying, Result, watched

from radcommons.apps.demo.hospital import generate

SITE, PROJECT, SLUG, VERSION = "ALPHA", "covid19", "benchmark", "1.0.0"
NAMES = ("scan", "deidentify", "send", "intake", "qido", "metadata", "frame", "download")
DICOM_JSON, OCTETS = "application/dicom+json", 'multipart/related; type="application/octet-stream"'
SETTLE_S, POLL_S = 900, 0.2


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything of one run lies, and how much is done."""

    work: Path
    scale: str
    requests: int
    processes: int

    @property
    def export(self) -> Path:
        """The hospital's folder."""
        return self.work / "hospitals" / SITE.lower() / "pacs-export"

    @property
    def home(self) -> Path:
        """The hospital's own state."""
        return self.work / "edge-home"

    @property
    def out(self) -> Path:
        """What the hospital de-identified."""
        return self.work / "out"

    @property
    def centre(self) -> Path:
        """The centre's data."""
        return self.work / "centre"


def measure_hospital(bench: Bench) -> list[Result]:
    """Scan and de-identify."""
    key = generate(bench.work / "hospitals", scale=bench.scale, sites=[SITE])
    copying = Copying(bench.export).measure(bench.work / "copy")
    programs.run("edge", "init", "--home", bench.home, "--site", SITE, "--project", PROJECT)
    state = ("--home", bench.home, "--processes", bench.processes)
    _, scanning = programs.run("edge", "scan", bench.export, *state)
    _, making = programs.run("edge", "deidentify", bench.export, bench.out, *state)
    count, size = len(key.instances), copying.size_bytes
    return [
        Result("scan", count, "instances", scanning.seconds, size, "copying", copying.seconds, scanning.peak_bytes),
        Result("deidentify", count, "instances", making.seconds, size, "copying", copying.seconds, making.peak_bytes),
    ]


def measure_intake(bench: Bench, url: str, centre_pid: int) -> list[Result]:
    """Send over loopback, then wait until the centre has verified and stored everything."""
    data = bench.centre
    programs.run("sites", "add", SITE, "--name", "Benchmark", "--country", "GB", data=data)
    signing = ("--signatory", "A. Nobody", "--title", "Director", "--licence", "CC-BY-4.0")
    programs.run("sites", "sign", SITE, "--project", PROJECT, *signing, data=data)
    token = programs.run("sites", "token", SITE, "--name", "benchmark", data=data)[0]["token"]
    programs.run("edge", "review", bench.out, "--home", bench.home, "--approve", "--by", "Benchmark")
    copying = Copying(bench.out).measure(bench.work / "copy")
    sending_words = ("edge", "send", bench.out, "--home", bench.home, "--to", url, "--token", token)
    with watched(centre_pid) as receiving:
        _, sending = programs.run(*sending_words)
    with watched(centre_pid) as storing:
        programs.run(*sending_words, "--wait")
    count = len(list(bench.out.rglob("*.dcm")))
    memory = max(receiving.peak_bytes, storing.peak_bytes)
    size, plain = copying.size_bytes, copying.seconds
    return [
        Result("send", count, "instances", sending.seconds, size, "copying", plain, sending.peak_bytes),
        Result("intake", count, "instances", storing.seconds, size, "copying", plain, memory),
    ]


def publish(bench: Bench) -> None:
    """Clear, freeze, draft, check and publish, so that there is something to read."""
    data = bench.centre
    until(lambda: bool(rows(programs.run("curation", "list", data=data)[0])))
    programs.run("curation", "clear", "--all-without-errors", "--reason", "Benchmark", data=data)
    until(lambda: bool(rows(programs.run("catalog", "facets", data=data)[0])))
    time.sleep(2)
    programs.run("catalog", "freeze", SLUG, data=data)
    name = f"{SLUG}@{VERSION}"
    programs.run(
        "release", "draft", name, "--cohort", SLUG, "--title", "Benchmark", "--licence", "CC-BY-4.0", data=data
    )
    programs.run("release", "check", name, data=data)
    programs.run("release", "publish", name, data=data)


def rows(answer: dict | list) -> list:
    """Whatever an answer lists."""
    lists = [answer] if isinstance(answer, list) else [value for value in answer.values() if isinstance(value, list)]
    return [row for values in lists for row in values]


def until(is_done: Callable[[], bool]) -> None:
    """Wait for the worker."""
    deadline = time.monotonic() + SETTLE_S
    while not is_done():
        if time.monotonic() > deadline:
            raise SystemExit("The centre did not settle.")
        time.sleep(POLL_S)


def measure_reading(bench: Bench, url: str, centre_pid: int) -> list[Result]:
    """Search, metadata of a series, frames."""
    root = f"{url}/dicom-web/releases/{SLUG}/{VERSION}"
    series = (
        httpx.get(f"{root}/series", params={"Modality": "CT"}, headers={"Accept": DICOM_JSON}).raise_for_status().json()
    )
    chosen = [f"{root}/studies/{one['0020000D']['Value'][0]}/series/{one['0020000E']['Value'][0]}" for one in series]
    instances = httpx.get(f"{chosen[0]}/instances", headers={"Accept": DICOM_JSON}).raise_for_status().json()
    frames = [f"{chosen[0]}/instances/{one['00080018']['Value'][0]}/frames/1" for one in instances]
    few = max(8, bench.requests // 10)
    return [
        ask(
            bench, "qido", [f"{root}/studies?PatientID=*&includefield=all"] * bench.requests, DICOM_JSON, pid=centre_pid
        ),
        ask(
            bench,
            "metadata",
            [f"{chosen[index % len(chosen)]}/metadata" for index in range(few)],
            DICOM_JSON,
            pid=centre_pid,
        ),
        ask(bench, "frame", [frames[index % len(frames)] for index in range(bench.requests)], OCTETS, pid=centre_pid),
    ]


def ask(bench: Bench, name: str, urls: list[str], accept: str, *, pid: int) -> Result:
    """Measure requests against the same number of answers of the same size from the barest server."""
    body = bench.work / "body"
    body.write_bytes(httpx.get(urls[0], headers={"Accept": accept}).raise_for_status().content)
    with loopback.running(body) as plain:
        baseline_s, _ = loopback.ask([plain] * len(urls), accept=accept)
    with watched(pid) as span:
        seconds, size = loopback.ask(urls, accept=accept)
    return Result(name, len(urls), "requests", seconds, size, "loopback HTTP", baseline_s, span.peak_bytes)


def measure_download(bench: Bench, url: str) -> Result:
    """Download the release as a researcher does, verification included."""
    folder = bench.work / "download"
    _, span = programs.run("download", f"{SLUG}@{VERSION}", folder, "--from", url)
    copying = Copying(folder).measure(bench.work / "copy")
    count = sum(path.suffix == ".dcm" for path in folder.rglob("*"))
    size, plain = copying.size_bytes, copying.seconds
    return Result("download", count, "instances", span.seconds, size, "copying", plain, span.peak_bytes)


def measure_all(bench: Bench, wanted: tuple[str, ...]) -> list[Result]:
    """Measure in the order of the main job, as far as something wanted lies ahead."""
    results = measure_hospital(bench)
    if set(wanted) & set(NAMES[2:]):
        with programs.centre(bench.centre, bench.work / "centre.log") as (url, pid):
            loopback.wait_for(url)
            results += measure_intake(bench, url, pid)
            if set(wanted) & set(NAMES[4:]):
                publish(bench)
                results += measure_reading(bench, url, pid)
                results.append(measure_download(bench, url))
    return [result for result in results if result.name in wanted]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Measure this; may be given several times.")
@click.option(
    "--scale", default="small", show_default=True, type=click.Choice(["tiny", "small", "large"]), help="How much data."
)
@click.option("--requests", default=200, show_default=True, help="Requests for each reading benchmark.")
@click.option(
    "--processes", default=os.cpu_count() or 1, show_default="one a processor", help="Processes at the hospital."
)
@click.option("--keep", is_flag=True, help="Keep the working folder and print its name.")
def main(*, as_json: bool, only: tuple[str, ...], scale: str, requests: int, processes: int, keep: bool) -> None:
    """Measure the main paths."""
    work = Path(tempfile.mkdtemp(prefix="radcommons-bench-"))
    bench = Bench(work, scale, requests, processes)
    try:
        results = measure_all(bench, only or NAMES)
    finally:
        if keep:
            click.echo(f"Kept: {work}", err=True)
        else:
            shutil.rmtree(work, ignore_errors=True)
    machine = {"python": platform.python_version(), "system": platform.platform(), "processors": os.cpu_count()}
    if as_json:
        click.echo(
            json.dumps({"machine": machine, "scale": scale, "results": [one.to_json() for one in results]}, indent=1)
        )
        return
    click.echo(f"Python {machine['python']}, {machine['processors']} processors, scale {scale}\n")
    for result in results:
        click.echo(result.line())


if __name__ == "__main__":
    main()
