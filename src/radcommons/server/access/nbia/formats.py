"""The formats in which NBIA answers: JSON, HTML, XML and CSV, from one table of columns and rows. Pure.

A value that is None or an empty text is nothing: its key is absent from JSON and XML, its cell empty elsewhere. No rows
at all are an empty body, which NBIA's clients understand as "no results".
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import orjson

from radcommons.transfer.spreadsheets import harmless

Value = str | int | float | None
Rows = Iterable[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer as it is sent."""

    body: bytes
    media_type: str
    file_name: str = ""


def encode(name: str, columns: Sequence[str], rows: Rows) -> Encoded | None:
    """Rows in a format; None when there is no format of that name.

    Parameters
    ----------
    name
        ``JSON``, ``HTML``, ``XML``, ``CSV``, ``CSVQUOTED`` or ``CSV-DOWNLOAD``, in any case; empty means JSON.
    """
    found = _FORMATS.get(name.strip().upper() or "JSON")
    if found is None:
        return None
    writer, media_type, file_name = found
    held = [[None if value == "" else value for value in row] for row in rows]
    return Encoded(writer(columns, held) if held else b"", media_type, file_name)


def _json(columns: Sequence[str], rows: Rows) -> bytes:
    present = ({column: value for column, value in zip(columns, row, strict=True) if value is not None} for row in rows)
    return orjson.dumps(list(present))


def _csv(columns: Sequence[str], rows: Rows) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[harmless(value) for value in row] for row in rows])
    return sink.getvalue().encode()


def _html(columns: Sequence[str], rows: Rows) -> bytes:
    head = "".join(f"<TH>{escape(column)}</TH>" for column in columns)
    body = "".join(
        "<TR>" + "".join(f"<TD>{'&nbsp;' if value is None else escape(str(value))}</TD>" for value in row) + "</TR>"
        for row in rows
    )
    return f"<P ALIGN='center'><TABLE BORDER=1><TR>{head}</TR>{body}</TABLE></P>".encode()


_JAVA_TYPES = {str: "java.lang.String", int: "java.lang.Integer", float: "java.lang.Double"}


def _xml(columns: Sequence[str], rows: Rows) -> bytes:
    parts = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Results>']
    for row in rows:
        parts.append("<Row>")
        for column, value in zip(columns, row, strict=True):
            if value is not None:
                # Names with brackets, as NBIA has two, are none in XML.
                name = column.replace("(", "_").replace(")", "_")
                parts.append(f"<{name} type='{_JAVA_TYPES[type(value)]}'>{_xml_text(value)}</{name}>")
        parts.append("</Row>")
    parts.append("</Results>")
    return "".join(parts).encode()


def _xml_text(value: Value) -> str:
    """Escaped text; characters that XML 1.0 has no way to write are left out."""
    return escape("".join(sign for sign in str(value) if sign >= " " or sign in "\t\n\r"))


_Writer = Callable[[Sequence[str], Rows], bytes]
_FORMATS: Mapping[str, tuple[_Writer, str, str]] = MappingProxyType(
    {
        "JSON": (_json, "application/json", ""),
        "HTML": (_html, "text/html", ""),
        "XML": (_xml, "application/xml", ""),
        "CSV": (_csv, "text/csv", ""),
        "CSVQUOTED": (_csv, "text/csv", ""),
        "CSV-DOWNLOAD": (_csv, "text/csv", "SeriesMetaData.csv"),
    }
)
