"""De-identifying generated CT: one process after the other tool, in turns, against plain copying of the same files.

``python -m benchmarks.deid`` prints a table, ``--json`` one object. Copying and the tools alternate in small blocks of the same files, so
that whatever else the machine does meets all of them; a ratio is the median over the blocks. Files are read once before, so that all
come from memory. Digests are not part of it: who seals takes them.
"""

import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
import pydicom
from benchmarks.ct_corpus import PATIENTS, SERIES, STUDIES, write_corpus
from dicognito.anonymizer import Anonymizer as Dicognito
from dicomanonymizer import anonymize_dataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons import __version__
from radcommons.deid.engine import deidentify_file
from radcommons.deid.fast.room import forget
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.rewriting import PatientMapping

Way = Callable[[Sequence[Path], Path], None]
KEY = PseudonymKey(bytes(range(32)))
BLOCK = 100
# The other tools take ten to fifty times as long; a part of the files tells as much.
OTHERS_BLOCK, OTHERS_BLOCKS = 20, 5


@dataclass(frozen=True, slots=True)
class Turn:
    """One block of files done in one way."""

    files: int
    wall_s: float
    cpu_s: float


@dataclass(slots=True)
class Measured:
    """One way over all its blocks, and the copying that went before each."""

    name: str
    turns: list[Turn] = field(default_factory=list)
    copies: list[Turn] = field(default_factory=list)

    @property
    def row(self) -> dict[str, object]:
        """What is shown."""
        files = sum(turn.files for turn in self.turns)
        wall, cpu = sum(turn.wall_s for turn in self.turns), sum(turn.cpu_s for turn in self.turns)
        pairs = list(zip(self.copies, self.turns, strict=True))
        return {
            "way": self.name,
            "files": files,
            "files_per_s": round(files / wall, 1),
            "cpu_ms_per_file": round(cpu / files * 1e3, 3),
            "copy_cpu_ms_per_file": round(sum(turn.cpu_s for turn in self.copies) / files * 1e3, 3),
            "ratio_to_copy_wall": round(statistics.median(copy.wall_s / turn.wall_s for copy, turn in pairs), 3),
            "ratio_to_copy_cpu": round(statistics.median(copy.cpu_s / turn.cpu_s for copy, turn in pairs), 3),
        }


def copy(paths: Sequence[Path], out: Path) -> None:
    """Copy, as the system does it best."""
    for path in paths:
        shutil.copyfile(path, out / path.name)


def radcommons(paths: Sequence[Path], out: Path) -> None:
    """De-identify with the whole engine: profile, harvest, residual scan, last look."""
    profile = load_profile("ricord")
    for path in paths:
        number = int(path.name[:2]) // (STUDIES * SERIES)
        patient = PatientMapping(f"MRN{number:03d}55123", f"ALPHA-{number:06d}", -500 - number)
        outcome = deidentify_file(path, out / path.name, profile=profile, key=KEY, patient=patient)
        assert outcome.is_written, outcome.findings


def by_dicognito(paths: Sequence[Path], out: Path) -> None:
    """De-identify with dicognito, as its command does."""
    dicognito = Dicognito(seed="benchmark")
    for path in paths:
        with pydicom.dcmread(path, force=False) as dataset:
            dicognito.anonymize(dataset)
            dataset.save_as(out / path.name, enforce_file_format=True)


def by_dicom_anonymizer(paths: Sequence[Path], out: Path) -> None:
    """De-identify with dicom-anonymizer, as its command does."""
    for path in paths:
        dataset = pydicom.dcmread(path)
        anonymize_dataset(dataset)
        dataset.save_as(out / path.name)


def fresh(out: Path) -> Path:
    """A new folder for a block, after making room of what the block before wrote.

    Its files are emptied, not removed: ext4 without a journal passes over every file that was removed in the last minutes
    whenever it makes one, so that with 10,000 files each turn would mostly measure how many went before it.
    """
    out.mkdir(parents=True, exist_ok=True)
    blocks = sum(1 for _ in out.iterdir())
    for path in (out / str(blocks - 1)).iterdir() if blocks else ():
        os.truncate(path, 0)
    folder = out / str(blocks)
    folder.mkdir()
    return folder


def timed(way: Way, paths: Sequence[Path], out: Path) -> Turn:
    """One block, into a folder of its own."""
    folder = fresh(out)
    before, start = time.process_time(), time.perf_counter()
    way(paths, folder)
    return Turn(len(paths), time.perf_counter() - start, time.process_time() - before)


def alternate(way: Way, paths: Sequence[Path], out: Path, *, block: int) -> Measured:
    """A way and copying in turns over all files; which goes first changes from block to block."""
    measured = Measured(way.__name__.removeprefix("by_").replace("_", "-"))
    for number, start in enumerate(range(0, len(paths), block)):
        part = paths[start : start + block]
        for each in (copy, way) if number % 2 else (way, copy):
            turn = timed(each, part, out / each.__name__)
            (measured.copies if each is copy else measured.turns).append(turn)
    return measured


def repeated(paths: Sequence[Path], out: Path, *, times: int) -> Measured:
    """The engine over all files several times, each time as new; block by block in turns with copying."""
    total = Measured("radcommons")
    for _ in range(times):
        forget()
        measured = alternate(radcommons, paths, out, block=BLOCK)
        total.turns.append(_sum(measured.turns))
        total.copies.append(_sum(measured.copies))
    return total


def _sum(turns: Sequence[Turn]) -> Turn:
    return Turn(
        sum(turn.files for turn in turns), sum(turn.wall_s for turn in turns), sum(turn.cpu_s for turn in turns)
    )


def spread(paths: Sequence[Path], out: Path, *, processes: int) -> Iterator[dict[str, object]]:
    """Copying and the engine with several processes, each with a study at a time, in turns as with one."""
    blocks: dict[int, dict[int, list[Path]]] = {}
    for path in paths:
        study = int(path.name[:2]) // SERIES
        blocks.setdefault(study // 2, {}).setdefault(study, []).append(path)
    turns: dict[Way, list[tuple[int, float]]] = {copy: [], radcommons: []}
    with multiprocessing.get_context("spawn").Pool(processes, initializer=_ready) as pool:
        for number, studies in enumerate(blocks.values()):
            parts = list(studies.values())
            pair = (copy, radcommons) if number % 2 else (radcommons, copy)
            # The first of three finds memory that the system has yet to clear, and does not count.
            for is_counted, way in ((False, copy), *((True, way) for way in pair)):
                folder = fresh(out)
                start = time.perf_counter()
                pool.map(partial(_part, way, folder), parts, chunksize=1)
                if is_counted:
                    turns[way].append((sum(map(len, parts)), time.perf_counter() - start))
    shutil.rmtree(out)
    for way, done in turns.items():
        files_per_s = sum(files for files, _ in done) / sum(seconds for _, seconds in done)
        yield {"way": way.__name__, "processes": processes, "files_per_s": round(files_per_s, 1)}


def _ready() -> None:
    """A worker as it is after its first files: what is there to be read has been, of patients it knows nothing."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        radcommons(write_corpus(folder / "in", 2, rows=16), folder)
    forget()


def _part(way: Way, out: Path, paths: Sequence[Path]) -> None:
    way(paths, out)


def growth(paths: Sequence[Path], out: Path) -> Iterator[dict[str, object]]:
    """The cost of a file when there are more of them; constant, were it not for what the first of a series costs.

    Beside it what copying the same files costs: what the system has to do for a new file changes with what it did before.
    """
    for count in (250, 500, 1000, 2000):
        if count > len(paths):
            return
        per_series = count // (PATIENTS * STUDIES * SERIES)
        part = [path for path in paths if int(path.name[3:8]) < per_series]
        forget()
        copied, turn = timed(copy, part, out / "copy"), timed(radcommons, part, out / "radcommons")
        yield {
            "files": len(part),
            "cpu_ms_per_file": round(turn.cpu_s / len(part) * 1e3, 3),
            "copy_cpu_ms_per_file": round(copied.cpu_s / len(part) * 1e3, 3),
        }


def peak_of_large_file(folder: Path, size_bytes: int) -> dict[str, object]:
    """The memory and the time that one multi-frame object takes, in a process of its own."""
    source = write_multiframe(folder / "large.dcm", size_bytes)
    size_read = source.stat().st_size
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        before, after, seconds = pool.apply(_one_large, (source, folder / "large-out.dcm"))
    (folder / "large-out.dcm").unlink()
    source.unlink()
    return {
        "size_bytes": size_read,
        "peak_before_mb": before,
        "peak_after_mb": after,
        "mb_per_s": round(size_read / seconds / 1e6),
    }


def write_multiframe(path: Path, size_bytes: int) -> Path:
    """A CT with as many frames as give the size; the pixels are a hole in the file."""
    rows = 512
    frame_bytes = rows * rows * 2
    template = write_corpus(path.parent / "template", 1, rows=16)[0]
    dataset = pydicom.dcmread(template)
    shutil.rmtree(template.parent)
    dataset.Rows = dataset.Columns = rows
    # The length of an element has 32 bits, the last value of which means that it is not known (PS3.5 7.1).
    dataset.NumberOfFrames = min(size_bytes, 2**32 - 2) // frame_bytes
    dataset.PixelData = b"\0\0"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path)
    length = dataset.NumberOfFrames * frame_bytes
    with path.open("r+b") as stream:
        stream.seek(-6, os.SEEK_END)
        stream.write(length.to_bytes(4, "little"))
        stream.truncate(stream.tell() + length)
    return path


def _one_large(source: Path, destination: Path) -> tuple[int, int, float]:
    profile = load_profile("ricord")
    patient = PatientMapping("MRN00055123", "ALPHA-000000", -500)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    start = time.perf_counter()
    outcome = deidentify_file(source, destination, profile=profile, key=KEY, patient=patient)
    assert outcome.is_written, outcome.findings
    return before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.perf_counter() - start


def measure(folder: Path, *, files: int, times: int, large_mb: int, with_others: bool) -> dict[str, object]:
    """Everything, as one mapping."""
    paths = write_corpus(folder / "ct", files)
    for path in paths:
        path.read_bytes()
    out = folder / "out"
    out.mkdir()
    warnings.simplefilter("ignore")
    ways = [repeated(paths, out, times=times)]
    if with_others:
        part = paths[:: max(1, len(paths) // (OTHERS_BLOCK * OTHERS_BLOCKS))]
        ways += [alternate(way, part, out, block=OTHERS_BLOCK) for way in (by_dicognito, by_dicom_anonymizer)]
    rows = [way.row for way in ways]
    return {
        "version": __version__,
        "machine": {"python": platform.python_version(), "processors": os.cpu_count()},
        "file_bytes": paths[0].stat().st_size,
        "ways": rows,
        # Before the next line removes what it wrote.
        "growth": list(growth(paths, out / "growth")),
        "processes": [row for number in (1, 2) for row in spread(paths, out / "spread", processes=number)],
        "large_file": peak_of_large_file(folder, large_mb * 2**20),
    }


def show(answer: dict[str, object]) -> None:
    """The same as a table."""
    titles = ("way", "files", "files_per_s", "cpu_ms_per_file", "ratio_to_copy_wall", "ratio_to_copy_cpu")
    print("  ".join(f"{title:>18}" for title in titles))
    for row in answer["ways"]:
        print("  ".join(f"{row[title]!s:>18}" for title in titles))
    print("\nfiles a second by processes:")
    for row in answer["processes"]:
        print("  " + ", ".join(f"{key}: {value}" for key, value in row.items()))
    print("\nCPU ms a file, and of copying it, by number of files:")
    for row in answer["growth"]:
        print(f"  {row['files']}: {row['cpu_ms_per_file']}, {row['copy_cpu_ms_per_file']}")
    print("\none multi-frame object:", ", ".join(f"{key} {value}" for key, value in answer["large_file"].items()))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--files", default=2000, show_default=True, help="How many CT files of 531 KB.")
@click.option("--times", default=5, show_default=True, help="How often the engine goes over all of them.")
@click.option("--large-mb", default=4096, show_default=True, help="Size of the multi-frame object.")
@click.option("--others/--no-others", default=True, show_default=True, help="Measure the other tools too.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to work; needs twice the data.")
def main(*, as_json: bool, files: int, times: int, large_mb: int, others: bool, folder: Path | None) -> None:
    """Measure de-identification against plain copying and other tools."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="radcommons-bench-") as work:
        answer = measure(Path(work), files=files, times=times, large_mb=large_mb, with_others=others)
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        show(answer)


if __name__ == "__main__":
    main()
