"""What shows only between instances: duplicates, studies of two patients, series in two studies."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from radcommons.dicom.finding import Finding, Severity
from radcommons.edge.header import Header
from radcommons.edge.walk import place


@dataclass(frozen=True, slots=True)
class UsableInstance:
    """An instance that may be selected: the first of its SOP Instance UID, in a study of one patient."""

    source_id: int
    path: str
    member: int
    size_bytes: int
    sha256: str
    patient_key: str
    header: Header


def usable_instances(connection: sqlite3.Connection, root: str) -> Iterator[UsableInstance]:
    """The instances of a folder that may be selected, by patient, study, series and path."""
    rows = connection.execute(
        "SELECT * FROM ranked_source WHERE root = :root AND place = 1"
        " AND study_uid NOT IN (SELECT study_uid FROM mixed_study WHERE root = :root)"
        " ORDER BY patient_key, study_uid, series_uid, path, member",
        {"root": root},
    )
    for row in rows:
        yield UsableInstance(
            row["source_id"],
            row["path"],
            row["member"],
            row["size_bytes"],
            row["sha256"],
            row["patient_key"],
            Header.from_json(row["header"]),
        )


def grouping_findings(connection: sqlite3.Connection, root: str) -> Iterator[Finding]:
    """A finding for every instance left out because of another one, and for every doubtful series."""
    for _, finding in refused_instances(connection, root):
        yield finding
    rows = connection.execute(
        "SELECT min(path), min(member_name) FROM source WHERE root = ? AND state = 'instance'"
        " GROUP BY series_uid HAVING count(DISTINCT study_uid) > 1 ORDER BY 1",
        (root,),
    )
    for path, member_name in rows:
        yield _finding(
            Severity.WARNING,
            "edge.series-in-two-studies",
            place(path, member_name),
            "The series of this instance is spread over more than one study.",
        )


def refused_instances(connection: sqlite3.Connection, root: str) -> Iterator[tuple[int, Finding]]:
    """The source id of every instance that may not be selected, with the reason."""
    rows = connection.execute(
        "SELECT source_id, path, member_name, place, sha256 = first_sha256 AS is_same,"
        " study_uid IN (SELECT study_uid FROM mixed_study WHERE root = :root) AS is_mixed FROM ranked_source"
        " WHERE root = :root AND (place > 1 OR is_mixed) ORDER BY path, member",
        {"root": root},
    )
    for row in rows:
        yield row["source_id"], _refusal(row)


def _refusal(row: sqlite3.Row) -> Finding:
    where = place(row["path"], row["member_name"])
    if row["is_mixed"]:
        return _finding(
            Severity.ERROR,
            "edge.mixed-patients",
            where,
            "The study has instances of more than one patient; it is kept out until the hospital has sorted it.",
        )
    if row["is_same"]:
        return _finding(
            Severity.INFO, "edge.duplicate", where, "The same instance, byte for byte, was found before; one is used."
        )
    return _finding(
        Severity.WARNING,
        "edge.duplicate-differs",
        where,
        "Another instance with this SOP Instance UID but other content was found before; the first one is used.",
    )


def _finding(severity: Severity, code: str, where: str, message: str) -> Finding:
    return Finding(severity, code, where, message)
