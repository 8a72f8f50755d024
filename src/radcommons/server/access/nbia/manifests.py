"""Lists of series to be downloaded: NBIA's ``.tcia`` manifest, and a CSV with one column. Pure; both ways."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

MEDIA_TYPE = "application/x-nbia-manifest-file"
SERVLET = "nbia-download/servlet/DownloadServlet"
COLUMN = "SeriesInstanceUID"
_LIST = "ListOfSeriesToDownload="
_UID = re.compile(r"[0-9][0-9.]{0,63}")


class NotAManifestError(ValueError):
    """The text is no list of series; the message says which line is not understood."""


def tcia_manifest(series_instance_uids: Iterable[str], *, origin: str, name: str, has_annotations: bool = True) -> str:
    """A ``.tcia`` manifest, version 3.0.

    Parameters
    ----------
    origin
        Scheme, host and port of this server. NBIA's Data Retriever asks where the first line sends it.
    name
        What the manifest is called, without its ending.
    """
    head = (
        f"downloadServerUrl={origin}/{SERVLET}",
        f"includeAnnotation={'true' if has_annotations else 'false'}",
        "noOfrRetry=4",
        f"databasketId={name}.tcia",
        "manifestVersion=3.0",
        _LIST,
    )
    return "\n".join((*head, *series_instance_uids)) + "\n"


def csv_manifest(series_instance_uids: Iterable[str]) -> str:
    """A CSV manifest, as TCIA's newer downloader takes it."""
    return "\n".join((COLUMN, *series_instance_uids)) + "\n"


def read_manifest(text: str) -> list[str]:
    """The series of a manifest of either kind, or of plain lines, each once and in order.

    Raises
    ------
    NotAManifestError
        When a line is none of it.
    """
    text = text.removeprefix("\ufeff")
    if _LIST in text:
        return _checked(text.split(_LIST, 1)[1].splitlines())
    first = text.lstrip().split("\n", 1)[0]
    if COLUMN.lower() in first.lower().replace(" ", ""):
        reader = csv.DictReader(io.StringIO(text.lstrip()))
        titles = {title.strip().lower().replace(" ", ""): title for title in reader.fieldnames or () if title}
        column = titles.get(COLUMN.lower())
        if column is not None:
            return _checked([row.get(column) or "" for row in reader])
    return _checked(text.splitlines())


def _checked(lines: Sequence[str]) -> list[str]:
    uids = []
    for number, line in enumerate(lines, start=1):
        uid = line.strip().strip('"')
        if uid and not _UID.fullmatch(uid):
            raise NotAManifestError(f"Line {number} of the list is no Series Instance UID.")
        uids.append(uid)
    return list(dict.fromkeys(uid for uid in uids if uid))
