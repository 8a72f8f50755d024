"""The hospital's commands on many small files and on ordinary slices: rate, memory, and how both grow.

``python -m benchmarks.edge --count 1000 --count 10000`` makes a folder of so many small CT slices for each count, then scans,
de-identifies, de-identifies again (nothing is left to do), verifies, seals and sends it to a centre on this machine, each as a
command of its own, and tells what the centre needed to receive them. Memory is that of all processes of a command, in which what
they share counts once: the resident sets of five processes that were forked from one add up to twice as much. ``--slices`` adds slices of 512 by 512 with some two hundred elements. The baseline is plain copying of the same files in the same run.
"""

import io
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
from benchmarks import programs
from benchmarks.ct_corpus import write_corpus
from benchmarks.measure import Copying, Result, Span, watched
from benchmarks.peers_load import processor_seconds
from benchmarks.receiving import PROJECT, SITE, serving
from pydicom import dcmread

PER_SERIES, PER_PATIENT = 100, 1000
_ROWS = 32
_LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def write_small(folder: Path, count: int) -> None:
    """Write small CT slices: a patient a thousand, a series a hundred; every UID and every pixel plane is its own."""
    template = _template()
    for number in range(count):
        series, patient = number // PER_SERIES, number // PER_PATIENT
        data = template
        for level, value in zip(_LEVELS, (patient, series, number), strict=True):
            data = data.replace(_uid(level, 0), _uid(level, value))
        data = data.replace(_patient_id(0), _patient_id(patient)).replace(_patient_name(0), _patient_name(patient))
        place = folder / f"{patient:04d}" / f"{series:05d}" / f"{number:06d}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data[:-4] + number.to_bytes(4, "little"))


def _template() -> bytes:
    with tempfile.TemporaryDirectory() as aside:
        (path,) = write_corpus(Path(aside), 1, rows=_ROWS)
        dataset = dcmread(path)
    for level in _LEVELS:
        setattr(dataset, level, _uid(level, 0).decode())
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientID, dataset.PatientName = _patient_id(0).decode(), _patient_name(0).decode()
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _uid(level: str, value: int) -> bytes:
    return f"1.2.826.0.1.3680043.99999.7{_LEVELS.index(level)}{value:012d}".encode()


def _patient_id(value: int) -> bytes:
    return f"MRN{value:08d}".encode()


def _patient_name(value: int) -> bytes:
    return ("Name" + "".join(chr(ord("a") + int(digit)) for digit in f"{value:08d}") + "^Given").encode()


@dataclass(frozen=True, slots=True)
class Step:
    """One figure, and the processor time that all its processes took together, which other work on the machine changes less."""

    result: Result
    cpu_s: float

    def to_json(self) -> dict[str, object]:
        """The figure with what follows from it."""
        return {**self.result.to_json(), "cpu_ms_each": round(1000 * self.cpu_s / self.result.count, 3)}

    def line(self) -> str:
        """The figure as one line of a table."""
        return f"{self.result.line()}  {1000 * self.cpu_s / self.result.count:7.2f} ms CPU each"


# What `edge send` does first, by itself.
_SEAL = (
    "import json, sys; from pathlib import Path; from radcommons.edge.home import open_home;"
    " from radcommons.edge.sealing import seal\n"
    "if __name__ == '__main__': print(json.dumps({'instances': seal(open_home(Path(sys.argv[1])), Path(sys.argv[2])).files}))"
)


def measure(folder: Path, work: Path, *, processes: int) -> Iterator[Step]:
    """Every step over one folder, from looking through it to the centre that has every byte."""
    home, out = work / "home", work / "out"
    copying = Copying(folder).measure(work / "copy")
    count = sum(1 for _ in folder.rglob("*.dcm"))

    def step(name: str, answer: dict, span: Span) -> Step:
        found = answer.get("files" if name == "send" else "instances", count)
        if found != count:
            raise SystemExit(f"{name} saw {found} of {count} instances.")
        size = copying.size_bytes
        result = Result(name, count, "instances", span.seconds, size, "copying", copying.seconds, span.peak_bytes)
        return Step(result, span.cpu_s)

    def edge(*words: object) -> tuple[dict, Span]:
        return programs.run("edge", *words, "--home", home, counts_shared_once=True)

    edge("init", "--site", SITE, "--project", PROJECT)
    yield step("scan", *edge("scan", folder, "--processes", processes))
    edge("select", folder, "--criteria", "covid19_chest", "--processes", processes)
    yield step("deidentify", *edge("deidentify", folder, out, "--processes", processes))
    yield step("again", *edge("deidentify", folder, out, "--processes", processes))
    yield step("verify", *edge("verify", out, "--processes", processes))
    edge("review", out, "--approve", "--by", "Benchmark")
    yield step("seal", *programs.run_python(_SEAL, home, out, counts_shared_once=True))
    with serving(work) as centre:
        before = processor_seconds(centre.process_ids)
        with watched(*centre.process_ids, counts_shared_once=True) as needed:
            sent = edge("send", out, "--to", centre.url, "--token", centre.token)
        yield step("send", *sent)
        # What the centre needed meanwhile: its web process, its worker, those that look into files, its database.
        needed.cpu_s -= before
        yield step("receive", {}, needed)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--count", "counts", multiple=True, type=int, default=(1000, 10_000), show_default=True, help="Small files."
)
@click.option("--slices", default=0, show_default=True, help="Slices of 512 by 512 as well, so many.")
@click.option("--processes", default=os.cpu_count() or 1, show_default="one a processor", help="Side by side.")
def main(*, as_json: bool, counts: tuple[int, ...], slices: int, processes: int) -> None:
    """Measure the hospital's commands over folders of several sizes."""
    told: dict[str, list[dict[str, object]]] = {}
    for count, is_small in (*((count, True) for count in counts), *([(slices, False)] if slices else ())):
        title = f"{count} {'small files' if is_small else 'slices'}"
        if not as_json:
            click.echo(f"\n{title}, {processes} processes, load {os.getloadavg()[0]:.1f}")
        told[title] = []
        with tempfile.TemporaryDirectory(prefix="radcommons-bench-") as name:
            work = Path(name)
            folder = work / "export"
            write_small(folder, count) if is_small else write_corpus(folder, count)
            for one in measure(folder, work, processes=processes):
                told[title].append(one.to_json())
                if not as_json:
                    click.echo(one.line())
    if as_json:
        machine = {"python": platform.python_version(), "processors": os.cpu_count(), "processes": processes}
        click.echo(json.dumps({"machine": machine, "results": told}, indent=1))


if __name__ == "__main__":
    main()
