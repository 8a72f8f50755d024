"""The list of what is to be fetched: accession numbers or patient IDs, one a line."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError

COLUMNS = ("accession_number", "patient_id", "study_date")
_MAXIMUM_ROWS = 1_000_000
_LONGEST = 64
# Nothing, a day, or a range that may be open at one end (PS3.4 C.2.2.2.5).
_DATE = re.compile(r"([0-9]{8}(-([0-9]{8})?)?|-[0-9]{8})?")


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of the list; empty values ask for nothing.

    Parameters
    ----------
    study_date
        A DICOM date, ``20200412``, or a range, ``20200401-20200430``.
    """

    accession_number: str = ""
    patient_id: str = ""
    study_date: str = ""


def read_wishes(path: Path) -> list[Wish]:
    """Read a CSV file with a column ``accession_number`` or ``patient_id``, and perhaps ``study_date``.

    Raises
    ------
    RadCommonsError
        ``edge.fetch-list`` when it is no such file, or a value could match more than it names.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            sample = stream.read(4096)
            stream.seek(0)
            delimiter = ";" if sample.partition("\n")[0].count(";") > sample.partition("\n")[0].count(",") else ","
            reader = csv.DictReader(stream, delimiter=delimiter)
            names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
            if not {"accession_number", "patient_id"} & set(names):
                raise _unusable("needs a column accession_number or patient_id in its first line")
            there = {column: names[column] for column in COLUMNS if column in names}
            rows = [{column: (row[name] or "").strip() for column, name in there.items()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unusable("cannot be read as CSV in UTF-8") from error
    if len(rows) > _MAXIMUM_ROWS:
        raise _unusable(f"has more than {_MAXIMUM_ROWS} lines")
    wishes = [wish for wish in (Wish(**row) for row in rows) if wish.accession_number or wish.patient_id]
    for number, wish in enumerate(wishes, start=1):
        _check(wish, number)
    if not wishes:
        raise _unusable("names nothing")
    return list(dict.fromkeys(wishes))


def _check(wish: Wish, number: int) -> None:
    for value in (wish.accession_number, wish.patient_id):
        if len(value) > _LONGEST or any(each in value for each in "*?\\") or not value.isprintable():
            raise _unusable(f"has a value in line {number} that names more than one thing, or none")
    if not _DATE.fullmatch(wish.study_date):
        raise _unusable(f"has no date in line {number}: write 20200412 or 20200401-20200430")


def _unusable(reason: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.fetch-list", f"The list {reason}.")
