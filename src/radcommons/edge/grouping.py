"""What shows only between instances: duplicates, studies of two patients, identifiers of two persons."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from radcommons.dicom.finding import Finding, Severity
from radcommons.edge.header import Header
from radcommons.edge.identity import Identities
from radcommons.edge.walk import place


@dataclass(frozen=True, slots=True)
class UsableInstance:
    """An instance that may be selected: the first of its SOP Instance UID, surely of one patient."""

    source_id: int
    path: str
    member: int
    size_bytes: int
    sha256: str
    patient_key: str
    header: Header


def usable_instances(connection: sqlite3.Connection, root: str) -> Iterator[UsableInstance]:
    """The instances of a folder that may be selected, grouped by patient, study and series, each in order of path."""
    repeated = {source_id for source_id, _ in _duplicates(connection, root)}
    identities = Identities(connection, root)
    rows = connection.execute(
        "SELECT source_id, unseal(path) AS path, member, size_bytes, sha256, unseal(header) AS header,"
        " patient_key, unseal(patient_key) AS patient, study_uid, series_uid FROM source WHERE root = seal(?) AND state = 'instance'"
        " ORDER BY patient_key, study_uid, series_uid",
        (root,),
    )
    for (patient_key, study_uid, _), series in groupby(rows, key=_series_of):
        if identities.refusal(patient_key, study_uid) is not None:
            continue
        for row in sorted(series, key=lambda each: (each["path"], each["member"])):
            if row["source_id"] not in repeated:
                yield UsableInstance(
                    *(row["source_id"], row["path"], row["member"], row["size_bytes"], row["sha256"]),
                    patient_key=row["patient"],
                    header=Header.from_json(row["header"]),
                )


def grouping_findings(connection: sqlite3.Connection, root: str) -> Iterator[Finding]:
    """A finding for every instance left out because of another one, and for every doubtful series and patient."""
    identities = Identities(connection, root)
    yield from (finding for _, finding in _duplicates(connection, root))
    yield from identities.findings()
    rows = connection.execute(
        "SELECT min(unseal(path)), unseal(member_name) FROM source WHERE root = seal(?) AND state = 'instance'"
        " AND series_uid <> x'' GROUP BY series_uid HAVING count(DISTINCT study_uid) > 1 ORDER BY 1",
        (root,),
    )
    for path, member_name in rows:
        yield Finding(
            Severity.WARNING,
            "edge.series-in-two-studies",
            place(path, member_name),
            "The series of this instance is spread over more than one study.",
        )


def _duplicates(connection: sqlite3.Connection, root: str) -> Iterator[tuple[int, Finding]]:
    """The source id of every instance whose SOP Instance UID one of an earlier path has."""
    rows = connection.execute(
        "SELECT source_id, sop_uid, coalesce(nullif(content_sha256, ''), sha256) AS sha256, unseal(path) AS path, unseal(member_name) AS member_name FROM source"
        " WHERE root = seal(:root) AND state = 'instance' AND sop_uid IN (SELECT sop_uid FROM source"
        " WHERE root = seal(:root) AND state = 'instance' GROUP BY sop_uid HAVING count(*) > 1)"
        " ORDER BY sop_uid, 4, member",
        {"root": root},
    )
    first: sqlite3.Row | None = None
    for row in rows:
        if first is None or row["sop_uid"] != first["sop_uid"]:
            first = row
        else:
            yield row["source_id"], _duplicate(row, is_same=row["sha256"] == first["sha256"])


def _duplicate(row: sqlite3.Row, *, is_same: bool) -> Finding:
    where = place(row["path"], row["member_name"])
    if is_same:
        return Finding(
            Severity.INFO,
            "edge.duplicate",
            where,
            "The same instance, byte for byte, was found before; one is used.",
        )
    return Finding(
        Severity.WARNING,
        "edge.duplicate-differs",
        where,
        "Another instance with this SOP Instance UID but other content was found before; the first one is used.",
    )


def _series_of(row: sqlite3.Row) -> tuple[bytes, bytes, bytes]:
    return row["patient_key"], row["study_uid"], row["series_uid"]
