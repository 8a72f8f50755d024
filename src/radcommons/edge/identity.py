"""Which patients and studies of a folder cannot be mapped safely, over all folders and batches of the home."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from radcommons.dicom.finding import Finding, Severity
from radcommons.edge.persons import Person, bare_id, differences
from radcommons.edge.walk import place

_REFUSALS = {
    "edge.mixed-patients": "The study has instances of more than one patient, here or in another scanned folder; it is"
    " kept out. Correct the PatientID at its source, export again and scan all its folders.",
    "edge.study-of-another-patient": "The study was de-identified before under another PatientID; it is kept out. If this"
    " one is right, have the earlier one withdrawn and say so with `radcommons edge crosswalk confirm`.",
    "edge.two-persons": "Instances with this PatientID have names and birth dates, or issuers, of two persons; all are"
    " kept out. Correct them at their source. If it is one person, say so with `radcommons edge crosswalk confirm`.",
}
_REMARKS = {
    "name": (
        "edge.patient-names-differ",
        Severity.WARNING,
        "Instances with this PatientID have different names and no second birth date; they are taken for one person.",
    ),
    "birth-date": (
        "edge.birth-dates-differ",
        Severity.WARNING,
        "Instances with this PatientID have different birth dates and one name; they are taken for one person.",
    ),
    "issuer": (
        "edge.issuers-differ",
        Severity.INFO,
        "Two issuers gave this PatientID; name and birth date say that it is one person.",
    ),
    "spelling": (
        "edge.patient-id-spellings",
        Severity.INFO,
        "This PatientID is written in different ways; case and blanks make no other person.",
    ),
}
_TWO_IDS = Finding(
    Severity.WARNING,
    "edge.two-ids-of-one-person",
    "",
    "Another PatientID that differs in punctuation or leading zeros has this name and birth date; they become two"
    " subjects. Use one PatientID, or give both one subject with `radcommons edge crosswalk import --same-person`.",
)


class Identities:
    """What is doubtful about the patients and studies of one folder; keys and UIDs are given as they are sealed."""

    def __init__(self, connection: sqlite3.Connection, root: str) -> None:
        self._connection = connection
        self._root = root
        self._persons = self._read_persons()
        self._confirmed = dict(connection.execute("SELECT patient_key, unseal(persons) FROM confirmed_patient"))
        self._differences = {
            key: tuple(differences(persons)) for key, persons in self._persons.items() if len(persons) > 1
        }
        self._mixed = {row[0] for row in connection.execute(_MIXED, {"root": root})}
        self._moved = {row[0] for row in connection.execute(_MOVED, {"root": root})}

    def refusal(self, patient_key: bytes, study_uid: bytes) -> str | None:
        """The code for which instances of this patient and study are kept out, or ``None``."""
        if study_uid in self._mixed:
            return "edge.mixed-patients"
        if study_uid in self._moved:
            return "edge.study-of-another-patient"
        is_doubtful = "two-persons" in self._differences.get(patient_key, ())
        return "edge.two-persons" if is_doubtful and not self._is_confirmed(patient_key) else None

    def findings(self) -> Iterator[Finding]:
        """One for each instance that is kept out, one for each patient with something to look at."""
        yield from self._refused_instances()
        for patient_key, found in self._differences.items():
            for what in found:
                if what in _REMARKS:
                    code, severity, message = _REMARKS[what]
                    yield Finding(severity, code, self._place(patient_key), message)
        for patient_key in self._with_second_id():
            yield Finding(_TWO_IDS.severity, _TWO_IDS.code, self._place(patient_key), _TWO_IDS.message)

    def _refused_instances(self) -> Iterator[Finding]:
        patients = {key for key, found in self._differences.items() if "two-persons" in found}
        if not (patients or self._mixed or self._moved):
            return
        rows = self._connection.execute(
            "SELECT patient_key, study_uid, unseal(path) AS path, unseal(member_name) AS member_name FROM source"
            " WHERE root = seal(?) AND state = 'instance' ORDER BY 3, member",
            (self._root,),
        )
        for row in rows:
            code = self.refusal(row["patient_key"], row["study_uid"])
            if code is not None:
                yield Finding(Severity.ERROR, code, place(row["path"], row["member_name"]), _REFUSALS[code])

    def _read_persons(self) -> dict[bytes, set[Person]]:
        persons: dict[bytes, set[Person]] = defaultdict(set)
        for patient_key, text in self._connection.execute(_PERSONS, {"root": self._root}):
            persons[patient_key].add(Person.from_text(text))
        return persons

    def _is_confirmed(self, patient_key: bytes) -> bool:
        return self._confirmed.get(patient_key) == persons_text(self._persons[patient_key])

    def _with_second_id(self) -> Iterator[bytes]:
        """Patients whose identifier, name and birth date another patient has but for punctuation and leading zeros."""
        same: dict[tuple[str, str, str], set[bytes]] = defaultdict(set)
        for patient_key, persons in self._persons.items():
            for person in persons:
                if person.patient_id and person.name and person.birth_date:
                    same[bare_id(person.patient_id), person.name, person.birth_date].add(patient_key)
        yield from sorted(
            {key for keys in same.values() if len(keys) > 1 for key in keys if not self._share_subject(keys)}
        )

    def _share_subject(self, keys: set[bytes]) -> bool:
        marks = ", ".join("?" * len(keys))
        row = self._connection.execute(
            f"SELECT count(*), count(DISTINCT subject_id) FROM subject WHERE patient_key IN ({marks})",  # noqa: S608
            tuple(keys),
        ).fetchone()
        return tuple(row) == (len(keys), 1)

    def _place(self, patient_key: bytes) -> str:
        row = self._connection.execute(
            "SELECT min(unseal(path)) AS path, unseal(member_name) AS member_name FROM source"
            " WHERE root = seal(?) AND patient_key = ? AND state = 'instance'",
            (self._root, patient_key),
        ).fetchone()
        return place(row["path"] or "", row["member_name"])


def persons_text(persons: set[Person]) -> str:
    """All entries under one identifier as one text, for a confirmation of exactly these."""
    return "\x1e".join(sorted(each.to_text() for each in persons))


_MIXED = """
SELECT study_uid FROM source WHERE state = 'instance' AND study_uid IN
    (SELECT study_uid FROM source WHERE root = seal(:root) AND state = 'instance' AND study_uid <> x'')
GROUP BY study_uid HAVING count(DISTINCT patient_key) > 1
"""
_MOVED = """
SELECT DISTINCT source.study_uid FROM source JOIN mapped_study USING (study_uid)
WHERE source.root = seal(:root) AND source.state = 'instance' AND source.patient_key <> mapped_study.patient_key
"""
_PERSONS = """
SELECT patient_key, unseal(person) FROM source WHERE state = 'instance' AND patient_key IN
    (SELECT patient_key FROM source WHERE root = seal(:root) AND state = 'instance')
GROUP BY patient_key, person
"""
