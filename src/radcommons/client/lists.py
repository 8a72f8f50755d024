"""Lists of other programs: read to download what they name, written for the same selection. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

import orjson

from radcommons.client.errors import ListError
from radcommons.client.layout import Layout, path_of
from radcommons.transfer.release.manifest import InstanceRow
from radcommons.transfer.release.paths import instance_path

_SERIES = "ListOfSeriesToDownload="
_SERVER = "downloadServerUrl="
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_S5CMD_LINE = re.compile(r"cp (\S*/([0-9a-f]{64})\.dcm) (\S+)")


class Kind(StrEnum):
    """Lists that other programs read."""

    SHA256SUMS = "sha256sums"
    ARIA2 = "aria2"
    BAGIT = "bagit-fetch"
    GEN3 = "gen3"
    TCIA = "tcia"
    CSV = "csv"
    S5CMD = "s5cmd"


@dataclass(frozen=True, slots=True)
class SeriesList:
    """Series to be fetched from a server that speaks NBIA's interface; ``origin`` is empty where the list names none."""

    origin: str
    series_instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One line of a Gen3 manifest; ``origin`` is empty where it names no commons."""

    object_id: str
    file_name: str
    origin: str


def read_series_list(text: str) -> SeriesList:
    """A ``.tcia`` manifest, a CSV with a column SeriesInstanceUID, or plain lines.

    Raises
    ------
    ListError
        When a line is none of it.
    """
    text = text.removeprefix("\ufeff")
    origin = ""
    if _SERIES in text:
        head, _, text = text.partition(_SERIES)
        server = next((line for line in head.splitlines() if line.startswith(_SERVER)), "")
        origin = _server_of(server.removeprefix(_SERVER).strip())
        lines = text.splitlines()
    else:
        lines = _column(text)
    uids = [line.strip().strip('"') for line in lines]
    for number, uid in enumerate(uids, start=1):
        if uid and not _UID.fullmatch(uid):
            raise ListError(f"Line {number} of the list is no Series Instance UID.")
    found = tuple(dict.fromkeys(uid for uid in uids if uid))
    if not found:
        raise ListError("The list names no series.")
    return SeriesList(origin, found)


def _server_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise ListError("The list names a server whose address is none.") from error
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _column(text: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip(), newline=""), skipinitialspace=True))
    except csv.Error as error:
        raise ListError("The list is no CSV.") from error
    titles = [title.strip().lower().replace(" ", "") for title in rows[0]] if rows else []
    if "seriesinstanceuid" not in titles:
        return text.splitlines()
    place = titles.index("seriesinstanceuid")
    return [row[place] if place < len(row) else "" for row in rows[1:]]


def read_gen3(document: bytes) -> list[ObjectEntry]:
    """A Gen3 manifest: a JSON list of objects with ``object_id``.

    Raises
    ------
    ListError
        When it is none.
    """
    try:
        entries = orjson.loads(document)
        return [
            ObjectEntry(
                str(entry["object_id"]),
                PurePosixPath(str(entry.get("file_name") or entry["object_id"])).name,
                _origin(str(entry.get("commons_url") or "")),
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ListError("The list is no Gen3 manifest.") from error


def _origin(commons: str) -> str:
    return commons if not commons or "://" in commons else f"https://{commons}"


def written(kind: Kind, rows: Iterable[InstanceRow], files_url: str, layout: Layout) -> Iterator[str]:
    """The lines of a list for a selection, with their ends.

    Parameters
    ----------
    files_url
        The address of the version's folder, ending in a slash.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(files_url))
    match kind:
        case Kind.SHA256SUMS:
            return (f"{row.sha256}  {path_of(row, layout)}\n" for row in rows)
        case Kind.ARIA2:
            return (
                f"{_url(files_url, row)}\n  out={path_of(row, layout)}\n  checksum=sha-256={row.sha256}\n"
                for row in rows
            )
        case Kind.BAGIT:
            return (f"{_url(files_url, row)} {row.size_bytes} data/{path_of(row, layout)}\n" for row in rows)
        case Kind.GEN3:
            return _gen3(rows, urlsplit(files_url).netloc)
        case Kind.TCIA:
            head = (
                f"{_SERVER}{origin}/nbia-download/servlet/DownloadServlet\n",
                "includeAnnotation=false\nnoOfrRetry=4\n",
                "databasketId=selection.tcia\nmanifestVersion=3.0\n",
                f"{_SERIES}\n",
            )
            return _headed(head, rows)
        case Kind.CSV:
            return _headed(("SeriesInstanceUID\n",), rows)
        case Kind.S5CMD:
            raise ValueError("written from the repository's own list")


def chosen_s5cmd(lines: Iterable[str], digests: Mapping[str, str]) -> Iterator[str]:
    """Those lines of a repository's s5cmd list that fetch some objects, to where the layout files them."""
    for line in lines:
        found = _S5CMD_LINE.fullmatch(line.strip())
        if found and found[2] in digests:
            yield f"cp {found[1]} {digests[found[2]]}\n"


def _url(files_url: str, row: InstanceRow) -> str:
    return f"{files_url}{quote(instance_path(row.sha256))}"


def _gen3(rows: Iterable[InstanceRow], host: str) -> Iterator[str]:
    separator = "[\n"
    for row in rows:
        entry = {
            "object_id": row.sha256,
            "file_name": f"{row.sop_instance_uid}.dcm",
            "file_size": row.size_bytes,
            "commons_url": host,
        }
        yield separator + orjson.dumps(entry).decode()
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _headed(head: Iterable[str], rows: Iterable[InstanceRow]) -> Iterator[str]:
    yield from head
    last = ""
    for row in rows:
        # The rows of a series are neighbours in the order of the hash tree.
        if row.series_instance_uid != last:
            last = row.series_instance_uid
            yield f"{last}\n"
