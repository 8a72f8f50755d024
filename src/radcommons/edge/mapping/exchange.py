"""The crosswalk as a file: taken out for safekeeping or another home, taken in from an earlier project."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from radcommons.deid.pseudonyms import normal_patient_id
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.crosswalk import insert_subject
from radcommons.edge.database import database, durable, transaction
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.keyfile import create_private
from radcommons.edge.mapping.entries import Entry, entries_of
from radcommons.edge.mapping.events import Because, note_event
from radcommons.edge.mapping.merging import Conflict, Given, Merge
from radcommons.edge.passphrase import lock, unlock

SCHEMA = "radcommons.crosswalk/1"
_PURPOSE = "radcommons crosswalk"
_COLUMNS = tuple(each.name for each in fields(Entry))
_LARGEST_BYTES = 256 * 2**20
_SUBJECT = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,63}")
_SHIFT = re.compile(r"-\d{1,5}")
_SHOWN_CONFLICTS = 20


@dataclass(frozen=True, slots=True)
class Exported:
    """A written file."""

    path: Path
    entries: int
    is_protected: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed; ``unchanged`` entries were there before."""

    added: int
    unchanged: int


def export_crosswalk(home: EdgeHome, path: Path, *, because: Because, passphrase: str | None = None) -> Exported:
    """Write who became whom to a new file of mode 0600: CSV, or JSON that only the passphrase opens.

    Raises
    ------
    RadCommonsError
        ``edge.reason-needed``, ``edge.file-exists``, ``edge.export-into-out`` when the file would lie in an OUT folder,
        ``edge.passphrase-too-short``.
    """
    because, path = because.checked(), path.expanduser().resolve()
    if any((each / "out.json").is_file() for each in path.parents):
        raise RadCommonsError(
            Kind.INVALID, "edge.export-into-out", "The crosswalk must not lie in an OUT folder, whose content is sent."
        )
    with exclusive(home), database(home) as connection:
        entries = list(entries_of(connection, home))
        content = _csv(entries)
        if passphrase is not None:
            content = _locked(content, passphrase)
        # Noted first: a file that nobody knows of must not lie about.
        with transaction(connection):
            note_event(
                connection,
                "export",
                subjects=len({each.subject_id for each in entries}),
                generation=home.key_file().generation,
                because=because,
            )
        try:
            create_private(path, content)
        except FileExistsError as error:
            raise RadCommonsError(
                Kind.CONFLICT, "edge.file-exists", "There is a file of this name. Name a new one."
            ) from error
        except OSError as error:
            raise RadCommonsError(
                Kind.INVALID, "edge.file-unwritable", "The file cannot be written there. Name a folder that exists."
            ) from error
    return Exported(path, len(entries), passphrase is not None)


def import_crosswalk(
    home: EdgeHome, path: Path, *, because: Because, passphrase: str | None = None, is_same_person: bool = False
) -> Imported:
    """Take in a CSV file with the columns ``patient_id`` and ``subject_id``, or an export; all of it or nothing.

    Parameters
    ----------
    passphrase
        Opens a protected export.
    is_same_person
        Several identifiers with one subject are one person; otherwise they are a conflict.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-crosswalk``, ``edge.crosswalk-conflict`` with the numbers of the rows in ``facts``,
        ``edge.wrong-passphrase``, ``edge.passphrase-needed``, ``edge.reason-needed``. Nothing is changed then.
    """
    because = because.checked()
    given = tuple(_given(_read(path, passphrase)))
    with exclusive(home), database(home) as connection, durable(connection):
        merge = Merge(connection, home, is_same_person=is_same_person)
        for each in given:
            merge.take(each)
        if merge.conflicts:
            raise _conflict(merge.conflicts)
        for patient_key, subject in merge.added.items():
            insert_subject(connection, patient_key, subject)
        note_event(
            connection,
            "import",
            subjects=len({each.subject_id for each in merge.added.values()}),
            generation=home.key_file().generation,
            because=because,
        )
    return Imported(len(merge.added), merge.unchanged)


def _csv(entries: list[Entry]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in entries)
    return stream.getvalue()


def _locked(content: str, passphrase: str) -> str:
    return json.dumps({"schema": SCHEMA, **lock(content.encode(), passphrase, purpose=_PURPOSE)}, indent=1) + "\n"


def _read(path: Path, passphrase: str | None) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    """The rows with their numbers in the file, the header being row 1."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise _invalid("is larger than 256 MB")
        text = path.read_text("utf-8-sig")
        if text.lstrip().startswith("{"):
            text = _opened(json.loads(text), passphrase)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if not {"subject_id"} < set(reader.fieldnames or ()) or not {"patient_id", "study_instance_uid"} & set(
            reader.fieldnames or ()
        ):
            raise _invalid("needs the columns patient_id and subject_id")
        rows = list(enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise _invalid("cannot be read as UTF-8 CSV or as an export") from error
    yield from rows


def _opened(value: Mapping[str, object], passphrase: str | None) -> str:
    if value.get("schema") != SCHEMA:
        raise _invalid("is no export of a crosswalk")
    if passphrase is None:
        raise RadCommonsError(
            Kind.UNAUTHENTICATED,
            "edge.passphrase-needed",
            "This export is protected. Name the file with its passphrase (--passphrase-file).",
        )
    return unlock(value, passphrase, purpose=_PURPOSE).decode("utf-8")


def _given(rows: Iterator[tuple[int, Mapping[str, str | None]]]) -> Iterator[Given]:
    malformed: list[Conflict] = []
    for number, row in rows:
        patient_id = normal_patient_id(row.get("patient_id") or "")
        study = (row.get("study_instance_uid") or "").strip()
        subject_id, shift = (row.get("subject_id") or "").strip(), (row.get("date_shift_days") or "").strip()
        if bool(patient_id) == bool(study):
            malformed.append(Conflict(number, "needs a patient_id, or the study_instance_uid of a study without one"))
        elif not _SUBJECT.fullmatch(subject_id):
            malformed.append(Conflict(number, "needs a subject_id of capital letters, digits, - and _, at most 64"))
        elif normal_patient_id(subject_id) == patient_id:
            malformed.append(Conflict(number, "uses the original identifier as subject_id"))
        elif shift and not (_SHIFT.fullmatch(shift) and int(shift)):
            malformed.append(Conflict(number, "needs a negative whole number as date_shift_days, or none"))
        else:
            key = f"id:{patient_id}" if patient_id else f"study:{study}"
            yield Given(number, key, subject_id, int(shift) if shift else None)
    if malformed:
        raise _conflict(malformed)


def _conflict(conflicts: list[Conflict]) -> RadCommonsError:
    lines = " ".join(f"Row {each.row} {each.problem}." for each in conflicts[:_SHOWN_CONFLICTS])
    return RadCommonsError(
        Kind.CONFLICT,
        "edge.crosswalk-conflict",
        f"Nothing was taken in; {len(conflicts)} rows do not fit. {lines}",
        rows=[{"row": each.row, "problem": each.problem} for each in conflicts],
    )


def _invalid(problem: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-crosswalk", f"The crosswalk file {problem}.")
