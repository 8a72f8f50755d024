"""A large archive: rows as of the Imaging Data Commons' real index, and millions of made instances below them.

``python -m benchmarks.scale`` fills an embedded PostgreSQL in a temporary folder by COPY and measures what people wait for: the facets of
the catalog over all 1.04 million series, with and without a selection; pages of studies; searches over DICOMweb in a scope that is asked
from the tables and in one on a shelf; and what one more instance costs to receive, in an empty archive and in the full one. The index comes
from the package ``idc-index-data``; patients and series in it are public. ``--share 10`` takes every tenth study.
"""

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from benchmarks.scale_rows import fill, fill_shelf

from radcommons.apps import bootstrap
from radcommons.server.platform.postgres import EmbeddedPostgres

Asker = Callable[[object, object], object]
FACETS_BAR_MS, PAGE_BAR_MS, CATALOG_PAGE_BAR_MS, GROWTH_BAR = 100, 10, 100, 1.3
INSTANCES = 10_000_000
_TURNS, _TOGETHER = 40, 10


@dataclass(frozen=True, slots=True)
class Cost:
    """What receiving one instance takes, by the clock and by the processors, in milliseconds."""

    wall_ms: float
    processor_ms: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing, in milliseconds, and the bar it must stay below."""

    name: str
    value_ms: float
    bar_ms: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the bar, if any, is met."""
        return self.bar_ms is None or self.value_ms <= self.bar_ms

    def text(self) -> str:
        """The figure as people read it."""
        bar = f"bar {self.bar_ms:6.0f} ms  {'met' if self.is_met else 'MISSED'}" if self.bar_ms is not None else ""
        return f"{self.name:<64}{self.value_ms:10.2f} ms   {bar}"


def median_ms(work: Callable[[], object], *, times: int = 5) -> float:
    """The median time of something, after it was done once."""
    work()
    seen = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        seen.append(1000 * (time.perf_counter() - begin))
    return statistics.median(seen)


def measure_catalog() -> list[Figure]:
    """Facets and pages of the catalog."""
    from radcommons.server.catalog import counting, queries  # noqa: PLC0415
    from radcommons.server.catalog.rules import CatalogQuery  # noqa: PLC0415

    begin = time.perf_counter()
    counting.cube()
    figures = [Figure("reading the catalog once, when a process first asks", 1000 * (time.perf_counter() - begin))]
    nothing = CatalogQuery.from_lists({})
    some = CatalogQuery.from_lists({"modality": ["CT"], "body_part": ["CHEST"]})
    for name, query in (("all", nothing), ("CT of the chest", some)):
        figures.append(Figure(f"facets, {name}", median_ms(lambda query=query: queries.facets(query)), FACETS_BAR_MS))
        figures.append(
            Figure(
                f"page of studies, {name}", median_ms(lambda query=query: queries.studies(query)), CATALOG_PAGE_BAR_MS
            )
        )
    return figures


def measure_dicomweb(kind: str, ask: Asker) -> list[Figure]:
    """Searches over DICOMweb among everything, without HTTP."""
    from radcommons.server.archive.dicomweb.address import Address, Resource  # noqa: PLC0415
    from radcommons.server.archive.dicomweb.keys import Level  # noqa: PLC0415
    from radcommons.server.archive.dicomweb.query import parse_search  # noqa: PLC0415
    from radcommons.server.archive.models import Series  # noqa: PLC0415

    series = Series.objects.select_related("study__subject").order_by("id")[Series.objects.count() // 2]
    study, page = series.study, [("limit", "50")]
    questions = {
        "studies by PatientID": (Level.STUDY, [("PatientID", study.subject.subject_id)], ""),
        "a study by its UID": (Level.STUDY, [("StudyInstanceUID", study.study_instance_uid)], ""),
        "50 newest studies": (Level.STUDY, page, ""),
        "50 studies by date": (Level.STUDY, [("StudyDate", "20000101-20051231"), *page], ""),
        "50 studies with MR": (Level.STUDY, [("ModalitiesInStudy", "MR"), *page], ""),
        "50 studies by prefix of PatientID": (Level.STUDY, [("PatientID", "TCGA-*"), *page], ""),
        "50 studies by word of the description": (Level.STUDY, [("StudyDescription", "*LUNG*"), *page], ""),
        "50 studies with SR of a word of the description": (
            Level.STUDY,
            [("ModalitiesInStudy", "SR"), ("StudyDescription", "*BREAST*"), *page],
            "",
        ),
        "50 studies at offset 1000": (Level.STUDY, [*page, ("offset", "1000")], ""),
        "50 studies at offset 50000": (Level.STUDY, [*page, ("offset", "50000")], ""),
        "series of a study": (Level.SERIES, [], study.study_instance_uid),
        "50 series with CT": (Level.SERIES, [("Modality", "CT"), *page], ""),
    }
    figures = []
    for name, (level, words, study_uid) in questions.items():
        query = parse_search(level, words)
        address = Address("x", Resource.SEARCH, level, study_instance_uid=study_uid)
        asking = partial(ask, query, address)
        if query.offset:
            # Whoever pages through comes by the page before; a jump has to walk there, once.
            begin = time.perf_counter()
            asking()
            figures.append(Figure(f"QIDO, {kind}: {name}, jumped to", 1000 * (time.perf_counter() - begin)))
        figures.append(Figure(f"QIDO, {kind}: {name}", median_ms(asking), PAGE_BAR_MS if kind == "version" else None))
    return figures


def from_tables() -> Asker:
    """The scope of cleared studies, asked from the tables."""
    from radcommons.server.archive.dicomweb.by_query import QueriedHoldings  # noqa: PLC0415
    from radcommons.server.catalog.scopes import catalog_scope  # noqa: PLC0415
    from radcommons.server.platform.policy import Actor  # noqa: PLC0415

    holdings = QueriedHoldings(catalog_scope("catalog", Actor.system("scale")).instances)
    return lambda query, address: holdings._search(query, address, "http://x")  # noqa: SLF001  a thread of the pool does it


@contextmanager
def from_shelf(shelf: int) -> Iterator[Asker]:
    """A published version of everything, asked from its shelf as the web process does; no answer is kept."""
    from radcommons.server.archive.dicomweb.by_query import QueriedHoldings  # noqa: PLC0415
    from radcommons.server.archive.dicomweb.by_shelf import ShelfReader, ShelvedHoldings  # noqa: PLC0415
    from radcommons.server.archive.models import Instance  # noqa: PLC0415
    from radcommons.server.platform.read_pool import ReadPool, database_conninfo  # noqa: PLC0415

    pool = ReadPool()
    holdings = ShelvedHoldings(ShelfReader(pool), shelf, QueriedHoldings(Instance.objects.all()))
    with asyncio.Runner() as runner:
        running = pool.running(database_conninfo())
        runner.run(running.__aenter__())
        try:
            yield lambda query, address: runner.run(holdings._search(query, address, root="http://x"))  # noqa: SLF001
        finally:
            runner.run(running.__aexit__(None, None, None))


def processor_ms() -> float:
    """Processor time of this process and of its backend in the database, in milliseconds."""
    from django.db import connection  # noqa: PLC0415

    connection.ensure_connection()
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    return 1000 * time.process_time() + int(backend.split()[0]) / 1e6


def measure_ingest(folder: Path, first: int) -> Cost:
    """What it costs to receive an instance: some hundreds of a new study, ten at a time."""
    from tests.support.batches import write_instance  # noqa: PLC0415

    from radcommons.dicom.instance import describe_file  # noqa: PLC0415
    from radcommons.server.archive.services import Offer, store_instances  # noqa: PLC0415
    from radcommons.server.platform.policy import Actor  # noqa: PLC0415
    from radcommons.server.sites.models import Site  # noqa: PLC0415

    site, _ = Site.objects.get_or_create(code="NEW", defaults={"name": "New", "country": "DE"})
    folder.mkdir(parents=True, exist_ok=True)
    waited, worked = [], []
    for turn in range(_TURNS):
        offers = []
        for number in range(_TOGETHER):
            path = write_instance(folder / f"{first}-{turn}-{number}.dcm", study=f"{first}-{turn}", number=number)
            offers.append(Offer(describe_file(path)[0], path))
        begin, busy = time.perf_counter(), processor_ms()
        store_instances(offers, site=site, project="new", actor=Actor.system("scale"))
        waited.append(1000 * (time.perf_counter() - begin) / _TOGETHER)
        worked.append((processor_ms() - busy) / _TOGETHER)
    return Cost(statistics.median(waited), statistics.median(worked))


def growth(empty: Cost, full: Cost) -> list[Figure]:
    """What an instance costs in an empty archive and in a full one; the processor's time decides, for disks are shared."""
    what = "one more instance"
    return [
        Figure(f"{what}, empty archive", empty.wall_ms),
        Figure(f"{what}, full archive", full.wall_ms, empty.wall_ms * GROWTH_BAR + 1),
        Figure(f"processor of {what}, empty archive", empty.processor_ms),
        Figure(f"processor of {what}, full archive", full.processor_ms, empty.processor_ms * GROWTH_BAR),
    ]


def measure(work: Path, share: int, instances: int) -> list[Figure]:
    """Fill and measure."""
    empty = measure_ingest(work / "files", 0)
    begin = time.perf_counter()
    counts = fill(share, instances)
    click.echo(f"filled in {time.perf_counter() - begin:.0f} s: {counts}", err=True)
    full = measure_ingest(work / "files", 1)
    figures = [*measure_catalog(), *growth(empty, full)]
    with from_shelf(fill_shelf("everything")) as ask:
        figures += measure_dicomweb("version", ask)
    return [*figures, *measure_dicomweb("catalog", from_tables())]


@click.command()
@click.option("--share", default=1, show_default=True, help="Take every so manieth study of the index.")
@click.option("--instances", default=INSTANCES, show_default=True, help="Instances to make, divided by the share.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--keep", type=click.Path(path_type=Path), help="Work in this folder and leave it.")
def main(*, share: int, instances: int, as_json: bool, keep: Path | None) -> None:
    """Fill a large archive and measure it; exit code 1 when a bar is missed."""
    work = keep or Path(tempfile.mkdtemp(prefix="radcommons-scale-"))
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o755)
    database = EmbeddedPostgres(work / "postgres")
    bootstrap.setup(work, database_url=database.ensure_running())
    bootstrap.migrate()
    try:
        figures = measure(work, share, instances // share)
    finally:
        database.stop()
        if keep is None:
            shutil.rmtree(work, ignore_errors=True)
    if as_json:
        rows = [
            {"name": each.name, "ms": each.value_ms, "bar_ms": each.bar_ms, "is_met": each.is_met} for each in figures
        ]
        click.echo(json.dumps({"processors": os.cpu_count(), "share": share, "results": rows}, indent=1))
    else:
        for each in figures:
            click.echo(each.text())
    sys.exit(0 if all(each.is_met for each in figures) else 1)


if __name__ == "__main__":
    main()
