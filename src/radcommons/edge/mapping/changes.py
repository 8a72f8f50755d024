"""Confirming that what lies under an identifier is one patient's, and forgetting a patient for good."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.crosswalk import patient_key_of, patients_by_subject
from radcommons.edge.database import database, durable
from radcommons.edge.home import EdgeHome, Pseudonyms, exclusive
from radcommons.edge.identity import persons_text
from radcommons.edge.mapping.events import Because, note_event
from radcommons.edge.persons import Person


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was destroyed: subjects, the identifiers that led to them, and results of this home's journal."""

    subjects: int
    patient_ids: int
    results: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Patients whose entries are confirmed, studies that were another's before, and identifiers without any instance."""

    patients: int
    studies: int
    unknown: int


def forget_patients(
    home: EdgeHome, *, subject_ids: Iterable[str] = (), patient_ids: Iterable[str] = (), because: Because
) -> Forgotten:
    """Destroy who some patients became, and every trace of them in the home; the bytes are overwritten.

    Later studies of such a patient get a new subject. Whoever has the secret key and a patient's original images can
    still compute the new UIDs of these images; only a new secret ends that.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-subject`` when one of them is unknown (nothing is forgotten then), ``edge.reason-needed``,
        ``edge.keyed-has-no-table`` for a home whose key alone makes the subjects.
    """
    because = because.checked()
    if home.pseudonyms is Pseudonyms.KEYED:
        raise RadCommonsError(
            Kind.UNSUPPORTED,
            "edge.keyed-has-no-table",
            "This home keeps no table of patients: the key makes the subjects, as long as it exists.",
        )
    with exclusive(home), database(home) as connection, durable(connection):
        by_subject = patients_by_subject(connection, home)
        wanted = _wanted(by_subject, subject_ids, patient_ids)
        keys = [each for subject_id in wanted for each in by_subject[subject_id]]
        results = sum(_forget_subject(connection, subject_id) for subject_id in wanted)
        for patient_key in keys:
            _forget_patient(connection, patient_key)
        generation = home.key_file().generation
        note_event(connection, "forget", subjects=len(wanted), generation=generation, because=because)
    return Forgotten(len(wanted), len(keys), results)


def confirm_patients(home: EdgeHome, patient_ids: Iterable[str], *, because: Because) -> Confirmed:
    """A person answers for it that all that was scanned under these identifiers belongs to one patient each.

    Differing names and birth dates are then taken as they are, until others appear; a study that was another patient's
    when it was de-identified before is this patient's from now on.

    Raises
    ------
    RadCommonsError
        ``edge.reason-needed``.
    """
    because = because.checked()
    patients = studies = unknown = 0
    with exclusive(home), database(home) as connection, durable(connection):
        for patient_key in sorted({patient_key_of(each, "") for each in patient_ids}):
            rows = connection.execute(
                "SELECT DISTINCT unseal(person) FROM source WHERE state = 'instance' AND patient_key = seal(?)",
                (patient_key,),
            ).fetchall()
            if not rows:
                unknown += 1
                continue
            persons = {Person.from_text(row[0]) for row in rows}
            connection.execute(
                "INSERT OR REPLACE INTO confirmed_patient (patient_key, persons) VALUES (seal(?), seal(?))",
                (patient_key, persons_text(persons)),
            )
            studies += connection.execute(_TAKE_STUDIES, {"patient_key": patient_key}).rowcount
            patients += 1
        generation = home.key_file().generation
        note_event(connection, "confirm", subjects=patients, generation=generation, because=because)
    return Confirmed(patients, studies, unknown)


_TAKE_STUDIES = """
UPDATE mapped_study SET patient_key = seal(:patient_key) WHERE patient_key <> seal(:patient_key) AND study_uid IN
    (SELECT study_uid FROM source WHERE state = 'instance' AND patient_key = seal(:patient_key))
"""


def _wanted(by_subject: dict[str, list[str]], subject_ids: Iterable[str], patient_ids: Iterable[str]) -> list[str]:
    subject_of = {patient_key: subject_id for subject_id, keys in by_subject.items() for patient_key in keys}
    wanted = [each if each in by_subject else None for each in subject_ids]
    wanted += [subject_of.get(patient_key_of(each, "")) for each in patient_ids]
    known = [each for each in wanted if each is not None]
    if not known or len(known) < len(wanted):
        raise RadCommonsError(
            Kind.NOT_FOUND,
            "edge.no-such-subject",
            f"This home does not know {len(wanted) - len(known)} of {len(wanted)} of them. Nothing was forgotten.",
        )
    return sorted(set(known))


def _forget_subject(connection: sqlite3.Connection, subject_id: str) -> int:
    """Results carry the sealed place of their source beside the new UIDs, so they go too."""
    for statement in (
        "DELETE FROM kept_text WHERE series_uid IN (SELECT series_uid FROM output WHERE subject_id = ?)",
        "DELETE FROM subject_status WHERE subject_id = ?",
        "DELETE FROM subject WHERE subject_id = ?",
        "INSERT INTO forgotten_subject (subject_id) VALUES (?)",
    ):
        connection.execute(statement, (subject_id,))
    results = connection.execute("DELETE FROM output WHERE subject_id = ?", (subject_id,)).rowcount
    connection.execute("DELETE FROM text_set WHERE digest NOT IN (SELECT text_set FROM output)")
    return results


def _forget_patient(connection: sqlite3.Connection, patient_key: str) -> None:
    for statement in (
        "DELETE FROM selected_series WHERE study_uid IN (SELECT study_uid FROM source WHERE patient_key = seal(?))",
        "DELETE FROM pixel_look WHERE source_sha256 IN (SELECT sha256 FROM source WHERE patient_key = seal(?))",
        "DELETE FROM pixel_decision WHERE source_sha256 IN (SELECT sha256 FROM source WHERE patient_key = seal(?))",
        "DELETE FROM source WHERE patient_key = seal(?)",
        "DELETE FROM identifier WHERE patient_key = seal(?)",
        "DELETE FROM mapped_study WHERE patient_key = seal(?)",
        "DELETE FROM confirmed_patient WHERE patient_key = seal(?)",
    ):
        connection.execute(statement, (patient_key,))
