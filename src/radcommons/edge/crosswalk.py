"""Who became whom: one stable pseudonym for each patient, known to this hospital only."""

import sqlite3
from collections.abc import Iterable

from radcommons.deid.pseudonyms import PseudonymKey, normal_patient_id
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import transaction

_DIGITS = 6
_ATTEMPTS_PER_LENGTH = 64
_LONGEST = 9


def patient_key_of(patient_id: str, study_instance_uid: str) -> str:
    """One spelling of an original patient identifier.

    Case and surrounding or repeated space do not make another person. Without an identifier every study is a person
    of its own: two such studies cannot be known to show the same patient.
    """
    spelled = normal_patient_id(patient_id)
    return f"id:{spelled}" if spelled else f"study:{study_instance_uid.strip()}"


def subject_ids(
    connection: sqlite3.Connection, patient_keys: Iterable[str], *, site: str, key: PseudonymKey
) -> dict[str, str]:
    """The pseudonym ``SITE-NNNNNN`` of each patient, allotted now when there is none.

    The number is drawn with the secret key, so that it tells nothing of order or time and a home remade with the same
    key allots the same numbers; one number never stands for two patients.
    """
    allotted: dict[str, str] = {}
    with transaction(connection):
        for patient_key in sorted(set(patient_keys)):
            row = connection.execute("SELECT subject_id FROM subject WHERE patient_key = ?", (patient_key,)).fetchone()
            allotted[patient_key] = row[0] if row else _allot(connection, patient_key, site=site, key=key)
    return allotted


def known_subject_id(connection: sqlite3.Connection, patient_key: str) -> str | None:
    """The pseudonym of a patient, or ``None`` when none was allotted."""
    row = connection.execute("SELECT subject_id FROM subject WHERE patient_key = ?", (patient_key,)).fetchone()
    return str(row[0]) if row else None


def _allot(connection: sqlite3.Connection, patient_key: str, *, site: str, key: PseudonymKey) -> str:
    for digits in range(_DIGITS, _LONGEST + 1):
        for attempt in range(_ATTEMPTS_PER_LENGTH):
            drawn = key.derive(f"subject/{site}/{digits}/{attempt}/{patient_key}")
            number = int.from_bytes(drawn[:16], "big") % 10**digits
            subject_id = f"{site}-{number:0{digits}d}"
            inserted = connection.execute(
                "INSERT INTO subject (patient_key, subject_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (patient_key, subject_id),
            )
            if inserted.rowcount == 1:
                return subject_id
    raise RadCommonsError(Kind.CONFLICT, "edge.no-pseudonym-left", "No free pseudonym is left for this site code.")
