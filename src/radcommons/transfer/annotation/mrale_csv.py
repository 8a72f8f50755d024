"""The table of mRALE grades that MIDRC publishes, one radiograph a row, as readings of the ready schema and back.

Words and numbers of the table must say the same and the score must follow from its parts; a row where they do not is read by
its words and reported.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.checking import computed_value
from radcommons.transfer.annotation.documents import open_csv
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Item, Method, Reading, Target
from radcommons.transfer.annotation.untyped import AnnotationFormatError

SCHEMA_NAME = "midrc-mrale"
COLUMNS = (
    "StudyInstanceUID",
    "extent_right",
    "density_right",
    "extent_left",
    "density_left",
    "quality_issue",
    "extent_right_numerical",
    "density_right_numerical",
    "extent_left_numerical",
    "density_left_numerical",
    "mRALE Score",
)
_PARTS = ("extent_right", "density_right", "extent_left", "density_left")
_EXTENTS = {"None": "none", "<=25%": "le25", "25-50%": "25to50", "51-75%": "51to75", ">75%": "gt75"}
_DENSITIES = {"None": "none", "Hazy": "hazy", "Moderate": "moderate", "Dense": "dense"}
_QUALITY = {"Incomplete (Missing Side)": "incomplete", "Bad Exposure": "exposure", "Other QA": "other"}


@dataclass(frozen=True, slots=True)
class MraleTable:
    """The readings of a table, one a row, and what was odd."""

    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]


def _words(part: str) -> dict[str, str]:
    return _EXTENTS if part.startswith("extent") else _DENSITIES


def read_mrale(data: bytes, *, reader: str = "midrc-mrale") -> MraleTable:
    """Read a table with MIDRC's columns, in any order; other columns are told and not read.

    Of a study with several rows the later ones are kept as those of further readers.

    Raises
    ------
    AnnotationFormatError
        When it is not CSV, lacks a column, or names a study that is no UID.
    """
    rows = open_csv(data)
    _, header = next(rows, (0, []))
    if missing := [name for name in COLUMNS if header.count(name) != 1]:
        raise AnnotationFormatError("line 1", f"needs, once each and with commas between, {', '.join(missing)}")
    readings, findings = [], []
    if others := len(header) - len(COLUMNS):
        message = f"{others} columns are none of MIDRC's; they are not read, and export gives them back."
        findings.append(_warning("annotation.mrale-columns", "line 1", message))
    seen: Counter[str] = Counter()
    for line, values in rows:
        where = f"line {line}"
        row = dict(zip(header, values, strict=False))
        if len(values) != len(header) or not is_harmless_uid(study := row["StudyInstanceUID"]):
            raise AnnotationFormatError(where, f"does not have {len(header)} fields with a study UID among them")
        seen[study] += 1
        if seen[study] > 1:
            message = "The study has several rows; this one is kept as that of another reader."
            findings.append(_warning("annotation.mrale-repeated", where, message))
        reading, found = _reading(row, reader if seen[study] == 1 else f"{reader}.{seen[study]}", where)
        readings.append(reading)
        findings += found
    return MraleTable(tuple(readings), tuple(findings))


def _reading(row: Mapping[str, str], reader: str, where: str) -> tuple[Reading, list[Finding]]:
    schema, study = ready_schema(SCHEMA_NAME), row["StudyInstanceUID"]
    target = Target(study)
    items, found = [], []
    for part in _PARTS:
        choice = _words(part).get(row[part])
        if choice is None:
            found.append(
                _warning(
                    "annotation.mrale-grade",
                    f"{where}, {part}",
                    "The grade is none of the table's words; it is left out.",
                )
            )
            continue
        items.append(Item(part, part, target, choice))
        label = schema.label(part)
        if label is not None and not _says(row[f"{part}_numerical"], label.value.grade(choice)):
            found.append(
                _warning(
                    "annotation.mrale-contradiction", f"{where}, {part}", "Word and number differ; the word counts."
                )
            )
    if quality := row["quality_issue"]:
        items.append(Item("quality_issue", "quality_issue", target, (_QUALITY.get(quality, "other"),), note=quality))
    graded = Reading(f"{reader}.{study}", study, reader, Method.RETROSPECTIVE_EXPERT, schema.reference, tuple(items))
    label = schema.label("mrale")
    score = computed_value(schema, label, graded) if label is not None else None
    if not _says(row["mRALE Score"], score):
        found.append(
            _warning("annotation.mrale-score", where, "The score does not follow from its parts; it is computed anew.")
        )
    if score is None:
        return graded, found
    return Reading(
        graded.id, study, reader, graded.method, graded.schema, (*items, Item("mrale", "mrale", target, score))
    ), found


def _says(text: str, number: object) -> bool:
    """Whether a field is a number as it is expected; programs of statistics write 12 as 12.0."""
    return text.removesuffix(".0") == str(number)


def _warning(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, where, message)


def write_mrale(readings: Sequence[Reading]) -> bytes:
    """Readings of the ready schema in MIDRC's columns; grades that are missing are empty.

    Raises
    ------
    AnnotationFormatError
        When a reading answers another schema.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, reading in enumerate(readings, start=1):
        if reading.schema != ready_schema(SCHEMA_NAME).reference:
            raise AnnotationFormatError(f"reading {number}", f"does not answer {SCHEMA_NAME}")
        writer.writerow(_row(reading))
    # MIDRC's file ends without a line break.
    return stream.getvalue().removesuffix("\n").encode()


def _row(reading: Reading) -> list[str]:
    schema = ready_schema(SCHEMA_NAME)
    answers = {item.label_id: item for item in reading.items}
    words, numbers = [], []
    for part in _PARTS:
        choice = str(answers[part].value) if part in answers else ""
        label = schema.label(part)
        words.append(next((word for word, name in _words(part).items() if name == choice), ""))
        numbers.append(str(label.value.grade(choice)) if label is not None and choice else "")
    quality = answers.get("quality_issue")
    score = answers.get("mrale")
    return [
        reading.study_instance_uid,
        *words,
        _quality_words(quality) if quality else "",
        *numbers,
        str(score.value) if score else "",
    ]


def _quality_words(item: Item) -> str:
    if item.note:
        return item.note
    chosen = item.value if isinstance(item.value, tuple) else ()
    return ", ".join(word for word, name in _QUALITY.items() if name in chosen)
