"""The pages of a reading project of 1,000 cases and three readers, all of them read: processor time, time and queries.

``python -m benchmarks.annotation`` fills a database of its own by the house's own verbs (some minutes), then asks each page as its
visitor would; ``--cases`` says how many. A page shall answer within 300 ms.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import click

from radcommons.apps import bootstrap
from radcommons.server.platform.postgres import EmbeddedPostgres

GOAL_MS = 300
_TIMES = 7
_LOOKS = ("typical", "indeterminate", "atypical", "negative")
_GRADES = ("none", "mild", "moderate", "severe")
PAST = "past"
_READERS = ("anna", "bert", "cleo")


@dataclass(frozen=True, slots=True)
class Asked:
    """One page: median times of this process, of the wall, and how often the database was asked."""

    page: str
    cpu_ms: float
    wall_ms: float
    queries: int
    size_bytes: int


def filled(folder: Path, cases: int) -> None:
    """A project dealt to its readers, and one of the past on the same studies: all read, every third case in dispute."""
    # Django must be ready before its models are read.
    from tests.support.reading import chest_schema, item, make_project, person  # noqa: PLC0415
    from tests.support.studies import OPERATOR  # noqa: PLC0415

    from radcommons.server.annotation.models import CaseInstance  # noqa: PLC0415
    from radcommons.server.annotation.rules.states import Duty  # noqa: PLC0415
    from radcommons.server.annotation.services import importing, projects  # noqa: PLC0415
    from radcommons.server.annotation.services.agreeing import compute_agreement  # noqa: PLC0415
    from radcommons.server.annotation.services.documents import Format, ImportWish  # noqa: PLC0415
    from radcommons.server.annotation.services.settling import settle_project  # noqa: PLC0415
    from radcommons.server.platform.policy import Role  # noqa: PLC0415
    from radcommons.transfer.annotation.record import READING_FORMAT, Method  # noqa: PLC0415

    make_project(folder, studies=cases, readers=_READERS, schema=chest_schema())
    columns = ("case__study_instance_uid", "instance__series__series_instance_uid", "instance__sop_instance_uid")
    images = CaseInstance.objects.order_by("case_id", "-instance_id").values_list(*columns)
    readings = []
    for number, (study, series, image) in enumerate({row[0]: row for row in images}.values()):
        for place, name in enumerate(("R1", "R2", "R3")):
            look = _LOOKS[(number + (place if number % 3 == 0 else 0)) % 4]
            box = {
                "geometry": "box",
                "points": [[1, 1], [5 + place, 5]],
                "frame": {"sop_instance_uid": image, "frame_number": 1},
            }
            items = [
                item("a", "appearance", study, look),
                item("g", "grade", study, _GRADES[number % 4]),
                item("n", "nodule", study, target={"series_instance_uid": series}, shapes=[box]),
            ]
            readings.append(
                {
                    "format": READING_FORMAT,
                    "id": f"{name}.{number}",
                    "study_instance_uid": study,
                    "reader": name,
                    "method": Method.RETROSPECTIVE_EXPERT.value,
                    "schema": {"name": "chest", "version": 1},
                    "items": items,
                    "finished_at": "2026-01-01T00:00:00+00:00",
                    "active_seconds": 60,
                }
            )
    document = json.dumps({"schema": chest_schema(), "readings": readings}).encode()
    project, _ = importing.import_reads(document, ImportWish(PAST, "The past", Format.READINGS), actor=OPERATOR)
    person("mia", Role.PROJECT_MANAGER)
    person("judge", Role.ADJUDICATOR)
    projects.add_member(project, "judge", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    compute_agreement(project.pk)
    disputed = settle_project(project.pk)
    if disputed != len(range(0, cases, 3)):
        raise click.ClickException(f"{disputed} cases are in dispute, not every third of {cases}.")


def visits() -> Iterator[tuple[str, str, str]]:
    """Who looks, at which page, by which name."""
    yield "mia", "/annotation/projects/", "projects"
    yield "mia", f"/annotation/projects/{PAST}/", "project"
    yield "mia", f"/annotation/projects/{PAST}/?page=11", "project, a later page"
    yield "mia", f"/annotation/projects/{PAST}/agreement/", "agreement"
    yield "mia", f"/api/v1/annotation/managed/{PAST}", "project, for programs"
    yield "anna", "/annotation/reads/", "list of a reader"
    yield "anna", "/api/v1/annotation/tasks", "list of a reader, for programs"
    yield "bert", "/annotation/reads/figures/", "own figures"
    yield "judge", f"/annotation/adjudication/?project={PAST}", "queue"


def asked(ask: Callable[[], Any], page: str) -> Asked:
    """Ask a page several times."""
    from django.db import connection  # noqa: PLC0415

    times, queries = [], 0

    def count(execute: Callable[..., Any], *given: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*given)

    for _ in range(_TIMES):
        queries, cpu, begin = 0, time.process_time(), time.perf_counter()
        with connection.execute_wrapper(count):
            answer = ask()
        times.append((time.process_time() - cpu, time.perf_counter() - begin))
        if answer.status_code != 200:  # noqa: PLR2004 - of HTTP
            raise click.ClickException(f"{page} answered {answer.status_code}")
    cpu_s, wall_s = (median(column) for column in zip(*times, strict=True))
    return Asked(page, round(1000 * cpu_s, 1), round(1000 * wall_s, 1), queries, len(answer.content))


@click.command(help=__doc__)
@click.option("--cases", default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One object for programs.")
def main(cases: int, *, as_json: bool) -> None:
    """Fill, ask, print."""
    folder = Path(tempfile.mkdtemp(prefix="radcommons-annotation-"))
    database = EmbeddedPostgres(folder / "postgres")
    try:
        bootstrap.setup(folder, database_url=database.ensure_running())
        bootstrap.migrate()
        (folder / "files").mkdir()
        filled(folder / "files", cases)
        from tests.support.reading import browser  # noqa: PLC0415

        lines = [asked(partial(browser(name).get, path), page) for name, path, page in visits()]
    finally:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines]))
        return
    click.echo(f"{'page':<34}{'cpu ms':>9}{'wall ms':>9}{'queries':>9}{'kB':>8}")
    for line in lines:
        click.echo(f"{line.page:<34}{line.cpu_ms:>9}{line.wall_ms:>9}{line.queries:>9}{line.size_bytes / 1024:>8.0f}")


if __name__ == "__main__":
    main()
