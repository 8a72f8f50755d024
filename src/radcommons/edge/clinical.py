"""The hospital's clinical table: what is known of a patient becomes a statement about a subject."""

import csv
import sqlite3
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.edge.crosswalk import known_subject_id, patient_key_of
from radcommons.edge.database import transaction
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder
from radcommons.transfer.manifest import Covid19Status

_COLUMNS = frozenset({"patient_id", "covid19_status"})


def take_clinical_table(
    connection: sqlite3.Connection, home: EdgeHome, *, out: OutFolder, path: Path
) -> tuple[Finding, ...]:
    """Map a CSV file with the columns ``patient_id`` and ``covid19_status`` to subjects and keep it for the batch.

    Returns
    -------
    A finding for each row that could not be used; ``where`` is the row's number in the file.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-clinical-table`` when the file has not these columns.
    """
    findings: list[Finding] = []
    statuses: dict[str, set[Covid19Status]] = {}
    for number, row in enumerate(_rows(path), start=2):
        subject_id = known_subject_id(connection, home, patient_key_of(row["patient_id"] or "", ""))
        status = (row["covid19_status"] or "").strip().lower()
        if subject_id is None:
            findings.append(_finding("edge.clinical-unknown-patient", number, "The patient has no study here."))
        elif status not in set(Covid19Status):
            findings.append(_finding("edge.clinical-invalid-status", number, "Write positive, negative or unknown."))
        else:
            statuses.setdefault(subject_id, set()).add(Covid19Status(status))
    contradicted = {subject_id for subject_id, found in statuses.items() if len(found) > 1}
    findings.extend(
        _finding("edge.clinical-contradiction", 0, "Rows of one patient contradict each other; none is used.")
        for _ in contradicted
    )
    with transaction(connection):
        connection.execute("DELETE FROM subject_status WHERE out = ?", (out.name,))
        connection.executemany(
            "INSERT INTO subject_status (out, subject_id, covid19_status) VALUES (?, ?, ?)",
            (
                (out.name, subject_id, next(iter(found)).value)
                for subject_id, found in sorted(statuses.items())
                if subject_id not in contradicted
            ),
        )
    return tuple(findings)


def subject_statuses(connection: sqlite3.Connection, out: OutFolder) -> dict[str, Covid19Status]:
    """What the last table said about each subject."""
    rows = connection.execute(
        "SELECT subject_id, covid19_status FROM subject_status WHERE out = ? ORDER BY subject_id", (out.name,)
    )
    return {row[0]: Covid19Status(row[1]) for row in rows}


def _rows(path: Path) -> list[dict[str, str | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if reader.fieldnames is None or not _COLUMNS.issubset(reader.fieldnames):
                raise _invalid()
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _invalid() from error


def _invalid() -> RadCommonsError:
    return RadCommonsError(
        Kind.INVALID,
        "edge.invalid-clinical-table",
        "The clinical table must be a UTF-8 CSV file with the columns patient_id and covid19_status.",
    )


def _finding(code: str, number: int, message: str) -> Finding:
    return Finding(Severity.WARNING, code, f"row {number}" if number else "table", message)
