"""The crosswalk's entries: listing them without originals, and looking a patient up with a reason."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.crosswalk import patients_by_subject, subject_of
from radcommons.edge.database import database, transaction
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.mapping.events import Because, note_event


@dataclass(frozen=True, slots=True)
class Entry:
    """One patient and the subject.

    Parameters
    ----------
    patient_id, study_instance_uid
        The identifier in one spelling; for a study without any, its original UID instead.
    subject_id, date_shift_days
        Who the patient became.
    """

    patient_id: str
    study_instance_uid: str
    subject_id: str
    date_shift_days: int

    @property
    def patient_key(self) -> str:
        """The patient as the database names it."""
        return f"id:{self.patient_id}" if self.patient_id else f"study:{self.study_instance_uid}"


@dataclass(frozen=True, slots=True)
class SubjectLine:
    """One subject without originals; ``patient_ids`` counts the identifiers that lead to it."""

    subject_id: str
    patient_ids: int
    studies: int


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects of a home."""

    pseudonyms: str
    generation: int
    subjects: tuple[SubjectLine, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The patients behind some subjects, and the subject ids that this home does not know."""

    entries: tuple[Entry, ...]
    unknown: tuple[str, ...]


def entries_of(connection: sqlite3.Connection, home: EdgeHome) -> Iterator[Entry]:
    """Every entry, by subject."""
    for _, patient_keys in sorted(patients_by_subject(connection, home).items()):
        for patient_key in patient_keys:
            subject = subject_of(connection, home, patient_key)
            kind, _, name = patient_key.partition(":")
            patient_id, study = (name, "") if kind == "id" else ("", name)
            yield Entry(patient_id, study, subject.subject_id, subject.date_shift_days)


def list_subjects(home: EdgeHome) -> Subjects:
    """The subjects of this home with the number of their studies; nothing of the patients."""
    with database(home) as connection:
        studies = dict(
            connection.execute("SELECT unseal(patient_key), count(*) FROM mapped_study GROUP BY patient_key").fetchall()
        )
        lines = tuple(
            SubjectLine(subject_id, len(keys), sum(studies.get(each, 0) for each in keys))
            for subject_id, keys in sorted(patients_by_subject(connection, home).items())
        )
    return Subjects(home.pseudonyms.value, home.key_file().generation, lines)


def look_up(home: EdgeHome, subject_ids: Iterable[str], *, because: Because) -> Found:
    """The patients behind some subjects, for a finding that concerns their care; noted in the journal.

    Raises
    ------
    RadCommonsError
        ``edge.reason-needed``, ``edge.no-such-subject`` when none of them is known.
    """
    because, wanted = because.checked(), sorted(set(subject_ids))
    with exclusive(home), database(home) as connection:
        entries = tuple(each for each in entries_of(connection, home) if each.subject_id in wanted)
        known = {each.subject_id for each in entries}
        if not known:
            raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-subject", "This home knows none of these subjects.")
        with transaction(connection):
            generation = home.key_file().generation
            note_event(connection, "lookup", subjects=len(known), generation=generation, because=because)
    return Found(entries, tuple(each for each in wanted if each not in known))
