"""Who became whom: one stable pseudonym and one date shift for each patient, known to this hospital only."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.deid.pseudonyms import PseudonymKey, normal_patient_id
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.database import transaction
from radcommons.edge.home import EdgeHome, Pseudonyms

KEYED_DIGITS = 24
"""Digits of a subject id that comes from the key alone: two of a million patients share one with a chance of 5e-13."""
_DIGITS = 6
_ATTEMPTS_PER_LENGTH = 64
_LONGEST = 9


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a patient becomes.

    Parameters
    ----------
    subject_id
        ``SITE-NNNNNN``.
    date_shift_days
        By how many days all dates of the patient move, negative.
    """

    subject_id: str
    date_shift_days: int


def patient_key_of(patient_id: str, study_instance_uid: str) -> str:
    """One spelling of an original patient identifier.

    Case and surrounding or repeated space do not make another person. Without an identifier every study is a person
    of its own: two such studies cannot be known to show the same patient.
    """
    spelled = normal_patient_id(patient_id)
    return f"id:{spelled}" if spelled else f"study:{study_instance_uid.strip()}"


def map_patients(
    connection: sqlite3.Connection, home: EdgeHome, studies: Iterable[tuple[str, str]]
) -> dict[str, Subject]:
    """Who each patient becomes, allotted now when nobody was; that these studies are theirs is remembered.

    In a crosswalk the number is drawn with the secret key, so that it tells nothing of order or time and a home remade
    with the same key allots the same numbers; one number never stands for two patients. A keyed home computes it from
    the key and writes nothing down about who became whom.

    Parameters
    ----------
    studies
        Pairs of patient key and original Study Instance UID.
    """
    pairs, key = sorted(set(studies)), home.key()
    mapped: dict[str, Subject] = {}
    with transaction(connection):
        for patient_key in dict.fromkeys(patient_key for patient_key, _ in pairs):
            mapped[patient_key] = _known(connection, patient_key) or _new(connection, patient_key, home=home, key=key)
        connection.executemany(
            "INSERT INTO mapped_study (study_uid, patient_key) VALUES (seal(?), seal(?)) ON CONFLICT DO NOTHING",
            ((study_uid, patient_key) for patient_key, study_uid in pairs),
        )
    return mapped


def known_subject_id(connection: sqlite3.Connection, home: EdgeHome, patient_key: str) -> str | None:
    """The pseudonym of a patient, or ``None`` when this home never mapped a study of the patient."""
    if known := _known(connection, patient_key):
        return known.subject_id
    if home.pseudonyms is Pseudonyms.CROSSWALK:
        return None
    row = connection.execute("SELECT 1 FROM mapped_study WHERE patient_key = seal(?)", (patient_key,)).fetchone()
    return _keyed(patient_key, home=home, key=home.key()).subject_id if row else None


def patients_by_subject(connection: sqlite3.Connection, home: EdgeHome) -> dict[str, list[str]]:
    """The patient keys behind each subject id of this home; more than one when a person said they are one."""
    rows = connection.execute("SELECT subject_id, unseal(patient_key) AS patient_key FROM subject ORDER BY 2")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["subject_id"], []).append(row["patient_key"])
    if home.pseudonyms is Pseudonyms.KEYED:
        key, tabled = home.key(), {each for keys in found.values() for each in keys}
        for row in connection.execute("SELECT DISTINCT unseal(patient_key) FROM mapped_study ORDER BY 1"):
            if row[0] not in tabled:
                found.setdefault(_keyed(row[0], home=home, key=key).subject_id, []).append(row[0])
    return found


def subject_of(connection: sqlite3.Connection, home: EdgeHome, patient_key: str) -> Subject:
    """Who a patient becomes, without writing it down; for a crosswalk only patients that have a subject.

    Raises
    ------
    KeyError
        When a crosswalk has no such patient.
    """
    if known := _known(connection, patient_key):
        return known
    if home.pseudonyms is Pseudonyms.CROSSWALK:
        raise KeyError("no subject")
    return _keyed(patient_key, home=home, key=home.key())


def insert_subject(connection: sqlite3.Connection, patient_key: str, subject: Subject) -> None:
    """Write down who a patient becomes, in the transaction of the caller."""
    connection.execute(
        "INSERT INTO subject (patient_key, subject_id, date_shift_days) VALUES (seal(?), ?, seal(?))",
        (patient_key, subject.subject_id, str(subject.date_shift_days)),
    )


def keyed_shift_days(patient_key: str, key: PseudonymKey) -> int:
    """The date shift that the key gives a patient."""
    return key.date_shift_days(patient_key.removeprefix("id:"))


def _known(connection: sqlite3.Connection, patient_key: str) -> Subject | None:
    row = connection.execute(
        "SELECT subject_id, unseal(date_shift_days) AS days FROM subject WHERE patient_key = seal(?)", (patient_key,)
    ).fetchone()
    return Subject(row["subject_id"], int(row["days"])) if row else None


def _new(connection: sqlite3.Connection, patient_key: str, *, home: EdgeHome, key: PseudonymKey) -> Subject:
    if home.pseudonyms is Pseudonyms.KEYED:
        return _keyed(patient_key, home=home, key=key)
    subject = Subject(_free_id(connection, patient_key, site=home.site, key=key), keyed_shift_days(patient_key, key))
    insert_subject(connection, patient_key, subject)
    return subject


def _keyed(patient_key: str, *, home: EdgeHome, key: PseudonymKey) -> Subject:
    number = int.from_bytes(key.derive(f"subject/{home.site}/keyed/{patient_key}"), "big") % 10**KEYED_DIGITS
    return Subject(f"{home.site}-{number:0{KEYED_DIGITS}d}", keyed_shift_days(patient_key, key))


def _free_id(connection: sqlite3.Connection, patient_key: str, *, site: str, key: PseudonymKey) -> str:
    for digits in range(_DIGITS, _LONGEST + 1):
        for attempt in range(_ATTEMPTS_PER_LENGTH):
            drawn = key.derive(f"subject/{site}/{digits}/{attempt}/{patient_key}")
            number = int.from_bytes(drawn[:16], "big") % 10**digits
            subject_id = f"{site}-{number:0{digits}d}"
            if not is_subject_taken(connection, subject_id):
                return subject_id
    raise RadCommonsError(Kind.CONFLICT, "edge.no-pseudonym-left", "No free pseudonym is left for this site code.")


def is_subject_taken(connection: sqlite3.Connection, subject_id: str) -> bool:
    """Whether a subject id stands for a patient, or once did: a forgotten one is never given to somebody else."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM subject WHERE subject_id = :id)"
            " OR EXISTS (SELECT 1 FROM forgotten_subject WHERE subject_id = :id)",
            {"id": subject_id},
        ).fetchone()[0]
    )
