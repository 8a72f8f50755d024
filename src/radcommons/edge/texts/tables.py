"""Texts as a table that a person fills in with a spreadsheet, and the decisions in it."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.outfolder import write_atomically
from radcommons.edge.texts.deciding import VERDICTS, TextDecision
from radcommons.edge.texts.listing import ReviewedText
from radcommons.transfer.spreadsheets import as_meant, harmless

COLUMNS = ("id", "verdict", "replacement", "text", "unknown_words", "attributes", "series", "decided_by", "decided_at")


def write_texts(texts: Iterable[ReviewedText], path: Path) -> None:
    """Write a table with one text a line; it holds texts of patients' headers and stays at the hospital."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for text in texts:
        writer.writerow(
            [
                text.text_id,
                text.verdict,
                harmless(text.replacement),
                harmless(text.value),
                " ".join(text.unknown_words),
                " ".join(keyword or "private" for keyword in text.keywords),
                text.series,
                harmless(text.decided_by),
                text.decided_at,
            ]
        )
    write_atomically(path, stream.getvalue())


def read_decisions(path: Path) -> tuple[TextDecision, ...]:
    """The decisions of a filled-in table; lines without a verdict are skipped.

    Raises
    ------
    RadCommonsError
        ``edge.invalid-text-table`` when it is no such table or holds an unknown verdict.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _invalid("The table cannot be read; it is CSV in UTF-8.") from error
    if rows and not {"id", "verdict"} <= rows[0].keys():
        raise _invalid("The table needs the columns id and verdict, as --export writes them.")
    found = []
    for number, row in enumerate(rows, start=2):
        verdict = (row["verdict"] or "").strip().lower()
        if not verdict:
            continue
        if verdict not in VERDICTS:
            raise _invalid(f"Line {number}: a verdict is keep, remove, replace or nothing.")
        found.append(TextDecision((row["id"] or "").strip(), verdict, as_meant(row.get("replacement") or "")))
    return tuple(found)


def _invalid(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.INVALID, "edge.invalid-text-table", message)
