"""Finding writing in made-up pictures: how much of what was planted is covered, what is seen where nothing is, and the cost.

``python -m benchmarks.pixels`` prints one line for each detector and one for each kind, ``--json`` one object, ``--misses`` what was not
covered, ``--faint`` measures writing close to the grey of the picture as well, apart from the rest. Pictures
are made from seeds (``tests/support/planted_pixels.py``): ultrasound, radiographs, CT, MR, captures and angiograms in the bit depths
and colour models their devices store, three in ten texts hard (10 to 12 pixels high, weak contrast, over anatomy, along an edge).
An identifier counts as covered when 90 % of its visible glyph pixels lie in boxes that are blackened; a faint one when 90 % of all do.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
import numpy as np
from tests.support.planted_pixels import Picture, as_dicom, faint_picture, made_picture

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import mask_of
from radcommons.deid.pixels.detection import find_candidates
from radcommons.deid.pixels.ocr import TextRecogniser
from radcommons.deid.pixels.shapes import ShapeFinder
from radcommons.deid.pixels.sightings import Detector

COVERED = 0.9


@dataclass
class Score:
    """What one detector did on all pictures."""

    detector: str
    planted: int = 0
    covered: int = 0
    hard: int = 0
    hard_covered: int = 0
    markers: int = 0
    markers_kept: int = 0
    clean_images: int = 0
    false_boxes: int = 0
    false_images: int = 0
    cpu_s: float = 0.0
    images: int = 0
    held: int = 0
    misses: list[str] = field(default_factory=list)
    kinds: dict[str, list[int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The numbers, and what follows from them."""
        return {
            "detector": self.detector,
            "planted": self.planted,
            "covered": self.covered,
            "covered_share": round(self.covered / max(1, self.planted), 4),
            "hard": self.hard,
            "hard_covered": self.hard_covered,
            "markers": self.markers,
            "markers_kept": self.markers_kept,
            "clean_images": self.clean_images,
            "false_boxes": self.false_boxes,
            "false_images": self.false_images,
            "images": self.images,
            "held_for_person": self.held,
            "cpu_s_per_image": round(self.cpu_s / max(1, self.images), 3),
        }

    def count(self, kind: str, *, is_covered: bool) -> None:
        """Note one text of a kind."""
        counts = self.kinds.setdefault(kind, [0, 0])
        counts[0] += is_covered
        counts[1] += 1


def measure(detector: Detector, seeds: Sequence[int], folder: Path, *, is_faint: bool) -> Score:
    """Look at a picture with planted texts for each seed, at a clean one for every second, at a faint text if wished."""
    score = Score(detector.name)
    detector.find(np.zeros((64, 64), np.uint8))
    for seed in seeds:
        _look(detector, made_picture(seed), folder / "a.dcm", score=score, seed=seed)
        if seed % 2 == 0:
            # The modality goes round with the seed; a third of it meets all of them.
            _look(detector, made_picture(seed // 2, is_clean=True), folder / "a.dcm", score=score, seed=seed)
        if is_faint:
            _look_faint(detector, faint_picture(seed), folder / "a.dcm", score=score, seed=seed)
    return score


def _look(detector: Detector, picture: Picture, path: Path, *, score: Score, seed: int) -> None:
    as_dicom(picture, path, np.random.default_rng(seed))
    start = time.process_time()
    found = find_candidates(path, detector=detector)
    score.cpu_s += time.process_time() - start
    score.images += 1
    score.held += found.verdict is PixelText.NEEDS_PERSON
    if not picture.planted and not picture.markers:
        score.clean_images += 1
        score.false_boxes += len(found.candidates)
        score.false_images += bool(found.candidates)
        return
    black = mask_of(found.boxes, *picture.values.shape)
    for each in picture.planted:
        if not each.mask.any():
            continue
        share = float(black[each.mask].mean())
        score.planted += 1
        score.covered += share >= COVERED
        score.hard += each.is_hard
        score.hard_covered += each.is_hard and share >= COVERED
        for kind in (each.kind, picture.modality):
            score.count(kind, is_covered=share >= COVERED)
        if share < COVERED:
            score.misses.append(f"{seed} {picture.modality} {each.text!r} {each.kind} {share:.2f}")
    for each in picture.markers:
        score.markers += 1
        score.markers_kept += float(black[each.mask].mean()) < 1 - COVERED


def _look_faint(detector: Detector, picture: Picture, path: Path, *, score: Score, seed: int) -> None:
    as_dicom(picture, path, np.random.default_rng(seed))
    black = mask_of(find_candidates(path, detector=detector).boxes, *picture.values.shape)
    for each in picture.planted:
        share = float(black[each.mask].mean())
        score.count(each.kind, is_covered=share >= COVERED)
        if share < COVERED:
            score.misses.append(f"{seed} {picture.modality} {each.text!r} {each.kind} {share:.2f}")


@click.command()
@click.option("--first", "--seed", default=1000, help="The first seed.")
@click.option("--count", default=120, help="How many pictures with planted texts.")
@click.option("--detector", "name", type=click.Choice(["both", "ocr", "shapes"]), default="both")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--misses", is_flag=True, help="List what was not covered.")
@click.option("--faint", "is_faint", is_flag=True, help="Writing close to the grey of the picture as well.")
def main(first: int, count: int, name: str, *, as_json: bool, misses: bool, is_faint: bool) -> None:
    """Measure the detectors of writing in pixels."""
    chosen: list[Detector] = [TextRecogniser()] if name != "shapes" else []
    chosen += [ShapeFinder()] if name != "ocr" else []
    with tempfile.TemporaryDirectory() as folder:
        seeds = range(first, first + count)
        scores = [measure(each, seeds, Path(folder), is_faint=is_faint) for each in chosen]
    if as_json:
        click.echo(json.dumps([score.as_dict() | {"covered_of_kind": score.kinds} for score in scores], indent=2))
        return
    for score in scores:
        click.echo("  ".join(f"{key}={value}" for key, value in score.as_dict().items()))
        for kind, (covered, planted) in sorted(score.kinds.items()):
            click.echo(f"    {kind:<8} {covered} of {planted} covered, {planted - covered} missed")
        for miss in score.misses if misses else ():
            click.echo(f"    {miss}")


if __name__ == "__main__":
    main()
