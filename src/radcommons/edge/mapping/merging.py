"""Whether given entries fit those that are there: one patient one subject, one subject one patient and one date shift."""

import sqlite3
from dataclasses import dataclass

from radcommons.edge.crosswalk import Subject, keyed_shift_days, patients_by_subject, subject_of
from radcommons.edge.home import EdgeHome


@dataclass(frozen=True, slots=True)
class Given:
    """One row of a file; without a shift the key gives it."""

    row: int
    patient_key: str
    subject_id: str
    date_shift_days: int | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a row cannot be taken in; it is named by its number, never by a value."""

    row: int
    problem: str


class Merge:
    """Takes rows one after the other and collects what to add and what does not fit."""

    def __init__(self, connection: sqlite3.Connection, home: EdgeHome, *, is_same_person: bool) -> None:
        self._is_same_person = is_same_person
        self._key = home.key()
        by_subject = patients_by_subject(connection, home)
        self._subject_of = {
            patient_key: subject_of(connection, home, patient_key)
            for patient_keys in by_subject.values()
            for patient_key in patient_keys
        }
        self._patients = {subject_id: set(patient_keys) for subject_id, patient_keys in by_subject.items()}
        self._forgotten = {row[0] for row in connection.execute("SELECT subject_id FROM forgotten_subject")}
        self.added: dict[str, Subject] = {}
        self.unchanged = 0
        self.conflicts: list[Conflict] = []

    def take(self, given: Given) -> None:
        """One row more."""
        known = self._subject_of.get(given.patient_key)
        problem = self._problem(given, known)
        if problem is not None:
            self.conflicts.append(Conflict(given.row, problem))
        elif known is not None:
            self.unchanged += 1
        else:
            subject = Subject(given.subject_id, self._shift(given))
            self.added[given.patient_key] = self._subject_of[given.patient_key] = subject
            self._patients.setdefault(given.subject_id, set()).add(given.patient_key)

    def _problem(self, given: Given, known: Subject | None) -> str | None:
        if known is not None:
            if known.subject_id != given.subject_id:
                return "gives a patient a second subject"
            return "moves a patient's dates otherwise than before" if self._has_other_shift(given, known) else None
        if given.subject_id in self._forgotten:
            return "uses a subject that was forgotten"
        others = self._patients.get(given.subject_id)
        if not others:
            return None
        if not self._is_same_person:
            return "gives a subject a second patient (say --same-person if they are one)"
        other = self._subject_of[next(iter(others))]
        return "moves a subject's dates otherwise than before" if self._has_other_shift(given, other) else None

    def _shift(self, given: Given) -> int:
        """All identifiers of one person have one shift, that of the first."""
        others = self._patients.get(given.subject_id)
        if others:
            return self._subject_of[next(iter(others))].date_shift_days
        if given.date_shift_days is not None:
            return given.date_shift_days
        return keyed_shift_days(given.patient_key, self._key)

    @staticmethod
    def _has_other_shift(given: Given, subject: Subject) -> bool:
        return given.date_shift_days is not None and given.date_shift_days != subject.date_shift_days
