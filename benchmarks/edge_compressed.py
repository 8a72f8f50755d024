"""Compressed files: the engine on CT slices in each transfer syntax that hospitals send, against plain copying of the same files.

``python -m benchmarks.edge_compressed`` encodes the same generated slices of 512 by 512 with DCMTK and pydicom, then de-identifies each set
and copies it, in turns block by block as in :mod:`benchmarks.deid`. Files are smaller than plain ones, so that copying them takes less.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
from benchmarks.ct_corpus import write_corpus
from benchmarks.deid import alternate, radcommons
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEG2000Lossless

from radcommons.deid.fast.room import forget

_BLOCK = 50
# Encapsulated Uncompressed Explicit VR Little Endian (PS3.5 A.4.11).
ENCAPSULATED = UID("1.2.840.10008.1.2.1.98")
Encode = Callable[[Path, Path], None]


def by_dcmtk(path: Path, out: Path, *, program: str, words: Sequence[str] = ()) -> None:
    """Encode with one of DCMTK's programs."""
    subprocess.run([program, *words, str(path), str(out)], check=True)


def jpeg_2000(path: Path, out: Path) -> None:
    """Encode with OpenJPEG."""
    dataset = dcmread(path)
    dataset.compress(JPEG2000Lossless)
    dataset.save_as(out)


def encapsulated(path: Path, out: Path) -> None:
    """Put the plain pixels into fragments."""
    dataset = dcmread(path)
    dataset.PixelData = encapsulate([dataset.PixelData])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = ENCAPSULATED
    dataset.save_as(out)


WAYS: dict[str, Encode | None] = {
    "plain": None,
    "JPEG lossless": partial(by_dcmtk, program="dcmcjpeg"),
    "JPEG-LS": partial(by_dcmtk, program="dcmcjpls"),
    "JPEG 2000 lossless": jpeg_2000,
    "RLE": partial(by_dcmtk, program="dcmcrle"),
    "encapsulated": encapsulated,
}


def measured(count: int, times: int) -> Iterator[dict[str, object]]:
    """One row a transfer syntax."""
    with tempfile.TemporaryDirectory(prefix="radcommons-bench-") as name:
        work = Path(name)
        plain = write_corpus(work / "plain", count)
        (work / "out").mkdir()
        for label, encode in WAYS.items():
            folder = work / "encoded"
            folder.mkdir(exist_ok=True)
            paths = [path if encode is None else folder / path.name for path in plain]
            if encode is not None:
                for path, encoded in zip(plain, paths, strict=True):
                    encode(path, encoded)
            rows = []
            for _ in range(times):
                forget()
                rows.append(alternate(radcommons, paths, work / "out", block=_BLOCK).row)
            best = max(rows, key=lambda row: row["ratio_to_copy_cpu"])
            yield {**best, "way": label, "kilobytes_each": round(sum(p.stat().st_size for p in paths) / count / 1000)}


@click.command()
@click.option("--files", "count", default=200, show_default=True, help="Slices.")
@click.option("--times", default=3, show_default=True, help="The best of so many rounds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def main(*, count: int, times: int, as_json: bool) -> None:
    """De-identify compressed files."""
    for row in measured(count, times):
        if as_json:
            click.echo(json.dumps(row))
        else:
            click.echo(
                f"{row['way']:<20}{row['kilobytes_each']:5} kB {row['files_per_s']:7}/s {row['cpu_ms_per_file']:7} ms CPU"
                f"   copy {row['copy_cpu_ms_per_file']:6} ms   ratio wall {row['ratio_to_copy_wall']}, CPU {row['ratio_to_copy_cpu']}"
            )


if __name__ == "__main__":
    main()
