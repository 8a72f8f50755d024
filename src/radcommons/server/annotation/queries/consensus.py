"""What was derived of a project's reads, by method and label, the latest first."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from radcommons.server.annotation.models import Consensus, ReadingProject
from radcommons.server.annotation.queries.parsed import schema_value

SKILLS = ("accuracy", "sensitivity", "specificity")


@dataclass(frozen=True, slots=True)
class DerivedLine:
    """One consensus on one label: of answers one row, of drawings one for each case.

    Parameters
    ----------
    cases
        How many cases have one.
    skills
        For each reader what the method makes of them (``accuracy``, or ``sensitivity`` and ``specificity``), 0 to 1, of
        drawings the mean of all cases; empty where the method has no word on readers.
    digests
        SHA-256 of the results.
    """

    title: str
    method: str
    code_version: str
    cases: int
    made_by: str
    made_at: datetime
    skills: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    digests: tuple[str, ...]


def derived_lines(project: ReadingProject) -> list[DerivedLine]:
    """The latest of each method and label: reads that were superseded since have rows of their own."""
    schema = schema_value(project.schema)
    titles = {label.id: schema.title_of(label) for label in schema.labels}
    latest: dict[tuple[str, str], dict[int | None, Consensus]] = defaultdict(dict)
    for row in project.consensuses.order_by("pk"):
        latest[row.method, row.label][row.case_id] = row
    lines = [_line(list(rows.values()), titles) for rows in latest.values()]
    return sorted(lines, key=lambda line: line.made_at, reverse=True)


def _line(rows: list[Consensus], titles: dict[str, str]) -> DerivedLine:
    last = rows[-1]
    name, _, part = last.label.partition("/")
    title = titles.get(name, name)
    of_project = [row for row in rows if row.case_id is None]
    said = sum(value is not None for row in of_project for value in row.result.get("answers", {}).values())
    return DerivedLine(
        title=f"{title}: {part}" if part else title,
        method=last.method,
        code_version=last.code_version,
        cases=said or len(rows),
        made_by=last.made_by,
        made_at=last.made_at,
        skills=_skills(rows),
        digests=tuple(row.result_sha256 for row in rows),
    )


def _skills(rows: list[Consensus]) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for reader, skill in row.result.get("readers", {}).items():
            for name in SKILLS:
                value = skill.get(name)
                number = value.get("value") if isinstance(value, dict) else value
                if number is not None:
                    found[reader][name].append(float(number))
    return tuple(
        (reader, tuple((name, fmean(values)) for name, values in skills.items()))
        for reader, skills in sorted(found.items())
    )
