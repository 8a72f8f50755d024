"""Which of the scanned series a project wants, with a count of why the others are not."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import orjson

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.criteria import Criteria, SeriesFacts, first_failed
from radcommons.edge.criteria.decide import orientation_of
from radcommons.edge.crosswalk import patient_key_of
from radcommons.edge.database import database, transaction
from radcommons.edge.findings import result_json
from radcommons.edge.grouping import UsableInstance, usable_instances
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.scan import Progress, refresh
from radcommons.edge.walk import Root


@dataclass(frozen=True, slots=True)
class Selection:
    """What a project gets of a folder.

    Parameters
    ----------
    criteria_name, criteria_digest
        Which criteria decided.
    patients, studies, series, instances, size_bytes
        What is selected.
    rejected_series, rejected_instances
        Rejected ones by the first criterion they failed.
    """

    criteria_name: str
    criteria_digest: str
    patients: int
    studies: int
    series: int
    instances: int
    size_bytes: int
    rejected_series: Mapping[str, int]
    rejected_instances: Mapping[str, int]


def select_studies(
    home: EdgeHome,
    folder: Path,
    *,
    criteria: Criteria,
    patients: Iterable[str] | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> Selection:
    """Scan what is new, decide on every series, and remember the decision for the later steps.

    Parameters
    ----------
    patients
        Original patient identifiers; when given, all others are rejected (``patient.listed``).

    Raises
    ------
    RadCommonsError
        ``edge.no-such-folder``, ``edge.busy``.
    """
    root = Root.of(folder)
    listed = None if patients is None else {patient_key_of(each, "") for each in patients}
    with exclusive(home), database(home) as connection:
        refresh(connection, home, root=root, processes=processes, progress=progress)
        tally = _Tally()
        chosen = list(_chosen(connection, root, criteria=criteria, listed=listed, tally=tally))
        selection = tally.selection(criteria)
        _remember(connection, root, chosen=chosen, selection=selection)
    return selection


def read_patient_list(path: Path) -> tuple[str, ...]:
    """The column ``patient_id`` of a CSV file.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-patient-list`` when it cannot be read or has no such column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return tuple(row["patient_id"] or "" for row in csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise RadCommonsError(
            Kind.INVALID,
            "edge.invalid-patient-list",
            "The list of patients must be a CSV file with a column patient_id.",
        ) from error


def selected_instances(connection: sqlite3.Connection, root: Root) -> Iterator[UsableInstance]:
    """The instances that the last selection of this folder took; all usable ones when there was none."""
    if not has_selection(connection, root):
        yield from usable_instances(connection, root.name)
        return
    rows = connection.execute(
        "SELECT unseal(study_uid), unseal(series_uid) FROM selected_series WHERE root = seal(?)", (root.name,)
    )
    wanted = {(row[0], row[1]) for row in rows}
    for instance in usable_instances(connection, root.name):
        if (instance.header.study_instance_uid, instance.header.series_instance_uid) in wanted:
            yield instance


def has_selection(connection: sqlite3.Connection, root: Root) -> bool:
    """Whether a selection of this folder was made."""
    return connection.execute("SELECT 1 FROM selection WHERE root = seal(?)", (root.name,)).fetchone() is not None


class _Tally:
    """Counts of what was taken and what was not."""

    def __init__(self) -> None:
        self._patients: set[str] = set()
        self._studies: set[str] = set()
        self._series = self._instances = self._size_bytes = 0
        self._rejected_series: dict[str, int] = {}
        self._rejected_instances: dict[str, int] = {}

    def take(self, group: list[UsableInstance]) -> None:
        self._patients.add(group[0].patient_key)
        self._studies.add(group[0].header.study_instance_uid)
        self._series += 1
        self._instances += len(group)
        self._size_bytes += sum(each.size_bytes for each in group)

    def reject(self, group: list[UsableInstance], criterion: str) -> None:
        self._rejected_series[criterion] = self._rejected_series.get(criterion, 0) + 1
        self._rejected_instances[criterion] = self._rejected_instances.get(criterion, 0) + len(group)

    def selection(self, criteria: Criteria) -> Selection:
        return Selection(
            criteria_name=criteria.name,
            criteria_digest=criteria.digest,
            patients=len(self._patients),
            studies=len(self._studies),
            series=self._series,
            instances=self._instances,
            size_bytes=self._size_bytes,
            rejected_series=dict(sorted(self._rejected_series.items())),
            rejected_instances=dict(sorted(self._rejected_instances.items())),
        )


def _chosen(
    connection: sqlite3.Connection, root: Root, *, criteria: Criteria, listed: set[str] | None, tally: _Tally
) -> Iterator[tuple[str, str]]:
    by_series = groupby(
        usable_instances(connection, root.name),
        key=lambda each: (each.patient_key, each.header.study_instance_uid, each.header.series_instance_uid),
    )
    for (patient_key, study_uid, series_uid), instances in by_series:
        group = list(instances)
        facts = _facts(group, criteria, is_listed=listed is None or patient_key in listed)
        failed = first_failed(facts, criteria)
        if failed is None:
            tally.take(group)
            yield study_uid, series_uid
        else:
            tally.reject(group, failed)


def _facts(group: list[UsableInstance], criteria: Criteria, *, is_listed: bool) -> SeriesFacts:
    """A localizer inside a wanted series does not speak for the series; a series of nothing else does."""
    excluded = set(criteria.exclude_image_types)
    wanted = [each.header for each in group if not excluded & set(each.header.image_type)]
    headers = wanted or [each.header for each in group]
    return SeriesFacts(
        header=headers[0],
        instances=len(headers),
        is_listed_patient=is_listed,
        image_types=frozenset(kind for each in headers for kind in each.image_type),
        codes=frozenset(code for each in headers for code in each.codes),
        slice_thicknesses_mm=frozenset(
            each.slice_thickness_mm for each in headers if each.slice_thickness_mm is not None
        ),
        orientations=frozenset(
            orientation for each in headers if (orientation := orientation_of(each.orientation)) is not None
        ),
    )


def _remember(
    connection: sqlite3.Connection, root: Root, *, chosen: list[tuple[str, str]], selection: Selection
) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM selected_series WHERE root = seal(?)", (root.name,))
        connection.executemany(
            "INSERT INTO selected_series (root, study_uid, series_uid) VALUES (seal(?), seal(?), seal(?))",
            ((root.name, study_uid, series_uid) for study_uid, series_uid in chosen),
        )
        connection.execute(
            "INSERT OR REPLACE INTO selection (root, criteria_name, criteria_digest, result) VALUES (seal(?), ?, ?, ?)",
            (
                root.name,
                selection.criteria_name,
                selection.criteria_digest,
                orjson.dumps(result_json(selection)).decode("utf-8"),
            ),
        )
