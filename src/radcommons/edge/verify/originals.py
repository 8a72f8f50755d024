"""What only the home knows of the originals: their UIDs, and the identifiers of every patient."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from radcommons.dicom import uids
from radcommons.edge.verify.looking import UID

_TOKEN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_-]{4,62}[A-Za-z0-9]")
_PATIENTS_AT_ONCE = 64
_REMEMBERED_UIDS = 4096


class Originals:
    """Everything that was ever scanned from this home.

    Parameters
    ----------
    patients
        The patients behind each subject id, by their keys in the home's database.
    """

    def __init__(self, connection: sqlite3.Connection, patients: Mapping[str, Sequence[str]]) -> None:
        self._connection = connection
        self._patients = patients
        self._roots = [row[0] for row in connection.execute("SELECT DISTINCT root FROM source")]
        pairs = connection.execute(
            "SELECT unseal(study_uid), unseal(series_uid) FROM"
            " (SELECT DISTINCT study_uid, series_uid FROM source WHERE state = 'instance')"
        )
        self._groups = {value for pair in pairs for value in pair}
        # One frozen set for all instances of a patient: it travels to a child once for many of them.
        self.identifiers = lru_cache(_PATIENTS_AT_ONCE)(self._identifiers)
        self.has_uid = lru_cache(_REMEMBERED_UIDS)(self._has_uid)

    def is_named_in(self, path: Path) -> Iterator[str]:
        """What kind of original identifier stands in a file of text: ``UID``, ``patient``."""
        patients = self._patient_numbers()
        found = set[str]()
        with path.open("rb") as stream:
            for line in stream:
                tokens = {match[0] for match in _TOKEN.finditer(line)}
                if any(token.decode("ascii").casefold() in patients for token in tokens):
                    found.add("patient")
                values = {match[0].decode("ascii") for match in UID.finditer(line)}
                if any(not uids.is_listed_uid(value) and self.has_uid(value) for value in values):
                    found.add("UID")
        yield from sorted(found)

    def _identifiers(self, subject_id: str) -> frozenset[str]:
        query = "SELECT unseal(value) FROM identifier WHERE patient_key = seal(?)"
        keys = self._patients.get(subject_id, ())
        return frozenset(row[0] for each in keys for row in self._connection.execute(query, (each,)))

    def _has_uid(self, value: str) -> bool:
        """Whether a UID is that of an original study, series or instance."""
        query = "SELECT 1 FROM source WHERE root = ? AND sop_uid = seal(?) AND state = 'instance'"
        return value in self._groups or any(
            self._connection.execute(query, (root, value)).fetchone() for root in self._roots
        )

    def _patient_numbers(self) -> frozenset[str]:
        """Original patient identifiers that no word or count is by chance."""
        keys = (each.removeprefix("id:").strip() for keys in self._patients.values() for each in keys)
        return frozenset(
            each.casefold()
            for each in keys
            if any(letter.isdigit() for letter in each) and _TOKEN.fullmatch(each.encode())
        )
