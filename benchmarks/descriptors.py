"""What cleaning does to descriptions: how many real ones it alters, and what of made-up persons it leaves.

``python -m benchmarks.descriptors TABLE`` reads a tab-separated table with the columns StudyDescription and frequency, such as
MIDRC's, and plants names in texts of its own; ``--json`` prints one object, ``--show`` every altered description.
"""

import csv
import json
import re
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
from benchmarks.planted_texts import PlantedText, announced_texts, harvested_texts

from radcommons.deid.descriptors import clean_descriptor
from radcommons.deid.folding import fold
from radcommons.deid.identifiers import IdentifierPattern
from radcommons.deid.vocabulary import unknown_words

SEED = 20260101
PLANTED = 4000
_SHORTEST_HIDDEN = 4
_NOBODY = IdentifierPattern([])


@dataclass(frozen=True, slots=True)
class Readability:
    """How much of real descriptions stays: shares of distinct strings and of all studies that carry them."""

    strings: int
    altered: int
    altered_share: float
    altered_share_weighted: float
    with_unknown_words_share: float
    with_unknown_words_share_weighted: float
    microseconds_each: float
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of planted names, numbers and dates."""

    texts: int
    leaks: int
    recall: float
    kept_words_share: float


def main_table(path: Path) -> tuple[Readability, list[tuple[str, str]]]:
    """Clean every description of a table as if nothing were known of its patient."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [
            (row["StudyDescription"], float(row["frequency"] or 0)) for row in csv.DictReader(stream, delimiter="\t")
        ]
    weight = sum(frequency for _, frequency in rows)
    altered, reasons, weighted = [], Counter[str](), 0.0
    begin = time.process_time()
    cleaned = [clean_descriptor(text, _NOBODY) for text, _ in rows]
    seconds = time.process_time() - begin
    for (text, frequency), each in zip(rows, cleaned, strict=True):
        if each.text != text or each.is_changed:
            altered.append((text, each.text))
            reasons.update(each.reasons)
            weighted += frequency
    unknown = [frequency for text, frequency in rows if unknown_words(text)]
    return (
        Readability(
            strings=len(rows),
            altered=len(altered),
            altered_share=len(altered) / len(rows),
            altered_share_weighted=weighted / weight,
            with_unknown_words_share=len(unknown) / len(rows),
            with_unknown_words_share_weighted=sum(unknown) / weight,
            microseconds_each=seconds / len(rows) * 1e6,
            reasons=dict(sorted(reasons.items())),
        ),
        altered,
    )


def removal(texts: list[PlantedText], *, is_harvested: bool) -> tuple[Removal, list[tuple[str, str]]]:
    """Clean planted texts, knowing their person or not, and look for what is left of each."""
    leaks, kept, words = [], 0, 0
    for planted in texts:
        pattern = IdentifierPattern(planted.person.identifiers) if is_harvested else _NOBODY
        cleaned = clean_descriptor(planted.text, pattern).text
        if any(remains(part, cleaned, kept=planted.kept) for part in planted.planted):
            leaks.append((planted.text, cleaned))
        wanted = re.findall(r"\w+", planted.kept.casefold())
        have = Counter(re.findall(r"\w+", cleaned.casefold().replace("_", " ")))
        words += len(wanted)
        kept += sum(have[word] > 0 for word in wanted)
    found = Removal(len(texts), len(leaks), 1 - len(leaks) / len(texts), kept / words)
    return found, leaks


def remains(planted: str, cleaned: str, *, kept: str) -> bool:
    """Whether what was planted, or any word of it, still stands in a cleaned text, however it is separated."""
    rest = fold(cleaned).text
    squeezed = re.sub(r"[\W_]", "", fold(planted).text)
    if len(squeezed) > _SHORTEST_HIDDEN and squeezed in re.sub(r"[\W_]", "", rest):
        return True
    left = set(re.findall(r"[^\W_]+", rest)) - set(re.findall(r"[^\W_]+", fold(kept).text))
    parts = re.findall(r"[^\W_]+", fold(planted).text)
    # A day or a month alone may be a thickness.
    return any(part in left for part in parts if len(part) > (3 if part.isdigit() else 1))


@click.command()
@click.argument("table", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seed", default=SEED, show_default=True)
@click.option("--count", default=PLANTED, show_default=True, help="Planted texts of each kind.")
@click.option("--show", "is_shown", is_flag=True, help="Print what was altered and what was left.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def main(table: Path | None, *, seed: int, count: int, is_shown: bool, is_json: bool) -> None:
    """Measure the cleaning of texts."""
    results: dict[str, Readability | Removal] = {}
    shown: dict[str, list[tuple[str, str]]] = {}
    if table is not None:
        results["real descriptions"], shown["real descriptions"] = main_table(table)
    results["harvested"], shown["harvested"] = removal(list(harvested_texts(seed, count)), is_harvested=True)
    for kind in ("plain", "particle", "word", "short"):
        name = f"announced, {kind} names"
        texts = list(announced_texts(seed, count, kind=kind))
        results[name], shown[name] = removal(texts, is_harvested=False)
    if is_json:
        print(json.dumps({name: asdict(result) for name, result in results.items()}))
        return
    for name, result in results.items():
        print(name, asdict(result))
        for before, after in shown[name] if is_shown else ():
            print(f"   {before!r} -> {after!r}")


if __name__ == "__main__":
    main()
