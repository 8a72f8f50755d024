"""Downloading the series that a ``.tcia`` or CSV list names, from any server that speaks NBIA's interface.

A series comes as a ZIP with the MD5 of each file in it. It is unpacked aside, every file is compared, and only then does the
folder get its name; so a folder that is there is whole, and running the same command again fetches what is missing.
"""

import csv
import hashlib
import io
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import orjson

from radcommons.client.errors import DigestError, DiskSpaceError, Failures, LocalDiskError, on_disk
from radcommons.client.journal import Journal
from radcommons.client.layout import IMAGES, STATE_FOLDER
from radcommons.client.remote import Remote
from radcommons.client.run import Progress, Report, demand_space
from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.paths import safe_relative_path

CALL = "nbia-api/services/v1/getImageWithMD5Hash"
HASHES = "md5hashes.csv"
NOTE = "series.json"
SPARE_BYTES = 64 << 20
COPY_BYTES = 1 << 18
ATTEMPTS = 3
LONGEST_HASHES_BYTES = 32 << 20
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, csv.Error, ReleaseFormatError, KeyError, EOFError, UnicodeDecodeError)


@dataclass(slots=True)
class SeriesDownload:
    """How the download of a list ended."""

    series: int
    fetched: int = 0
    already_there: int = 0
    files: int = 0
    size_bytes: int = 0
    failures: Failures = field(default_factory=Failures)

    @property
    def is_complete(self) -> bool:
        """Whether every series is in place and right."""
        return self.fetched + self.already_there == self.series

    def to_json(self) -> dict[str, object]:
        """The outcome as ``--json`` prints it."""
        return {
            "ok": self.is_complete,
            "series": self.series,
            "fetched": self.fetched,
            "already_there": self.already_there,
            "files": self.files,
            "size_bytes": self.size_bytes,
            **self.failures.to_json(),
        }


@dataclass(frozen=True, slots=True)
class _Held:
    """A series on the disk: its files with their sizes and MD5s."""

    files: tuple[tuple[str, int, str], ...]
    is_fetched: bool

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size, _ in self.files)


def download_series(
    uids: Sequence[str],
    folder: Path,
    remote: Remote,
    *,
    threads: int = 4,
    report: Report = lambda _: None,
) -> SeriesDownload:
    """Bring series to ``images/<SeriesInstanceUID>/`` below a folder, continuing where an earlier attempt stopped.

    Parameters
    ----------
    report
        Called with the bytes in place so far after each series; how many will come is not known before.

    Raises
    ------
    DiskSpaceError
        When the disk is as good as full.
    BusyFolderError
        When another download is writing into the folder.
    """
    outcome = SeriesDownload(len(uids))
    # The journal holds nothing of series, but keeps a second download out of the folder.
    with Journal(folder), ThreadPoolExecutor(threads, thread_name_prefix="series") as pool:
        futures = [pool.submit(partial(_bring, uid, folder, remote)) for uid in uids]
        with ExitStack() as unfinished:
            # What still runs when something goes wrong would go on to the end of its series, or of its pauses.
            unfinished.callback(_give_up, futures, remote)
            for future in futures:
                _note(outcome, future)
                report(Progress(outcome.size_bytes, 0, outcome.files))
            unfinished.pop_all()
    return outcome


def _give_up(futures: "Sequence[Future[_Held]]", remote: Remote) -> None:
    remote.stop()
    for future in futures:
        future.cancel()


def _note(outcome: SeriesDownload, future: "Future[_Held]") -> None:
    try:
        held = future.result()
    except (DiskSpaceError, LocalDiskError):
        raise
    except RadCommonsError as error:
        outcome.failures.note(error)
        return
    outcome.fetched += held.is_fetched
    outcome.already_there += not held.is_fetched
    outcome.files += len(held.files)
    outcome.size_bytes += held.size_bytes


def _bring(uid: str, folder: Path, remote: Remote) -> _Held:
    place = folder / IMAGES / uid
    held = _held(place)
    if held is not None:
        return held
    free = shutil.disk_usage(folder).free
    if free < SPARE_BYTES:
        raise DiskSpaceError(SPARE_BYTES, free)
    archive, aside = folder / STATE_FOLDER / f"{uid}.zip", folder / STATE_FOLDER / uid
    for attempt in range(1, ATTEMPTS + 1):
        shutil.rmtree(aside, ignore_errors=True)
        try:
            remote.archive(f"{CALL}?{urlencode({'SeriesInstanceUID': uid})}", archive)
            files = tuple(_unpacked(archive, aside))
            break
        except DigestError:
            shutil.rmtree(aside, ignore_errors=True)
            if attempt == ATTEMPTS:
                raise
        except OSError as error:
            raise LocalDiskError(error.strerror or "error") from error
        finally:
            archive.unlink(missing_ok=True)
    note = {"series_instance_uid": uid, "files": [{"name": n, "size_bytes": s, "md5": m} for n, s, m in files]}
    with on_disk():
        (aside / NOTE).write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        aside.rename(place)
    return _Held(files, is_fetched=True)


def _held(place: Path) -> _Held | None:
    """A series that is in place with every file as long as it was; None when it must be fetched."""
    try:
        note = orjson.loads((place / NOTE).read_bytes())
        files = tuple((str(e["name"]), int(e["size_bytes"]), str(e["md5"])) for e in note["files"])
        is_whole = all((place / name).stat().st_size == size for name, size, _ in files)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _Held(files, is_fetched=False) if is_whole else None


def _unpacked(archive: Path, aside: Path) -> Iterator[tuple[str, int, str]]:
    """Unpack the images of a series, each compared with the MD5 that came with it.

    Raises
    ------
    DigestError
        When the archive is broken, a file differs, or one has no MD5.
    """
    aside.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as source:
            _demand_plain(source, aside)
            hashes = _hashes(source)
            names = [name for name in source.namelist() if name.lower().endswith(".dcm")]
            if not names or set(names) != hashes.keys():
                raise DigestError("The files of a series and the list of their MD5s differ.")
            for name in names:
                size, md5 = _extract(source, name, aside / str(safe_relative_path(name)))
                if md5 != hashes[name]:
                    raise DigestError("A file arrived with other bytes than its MD5 promises.")
                yield name, size, md5
    except _BROKEN as error:
        raise DigestError("The archive of a series is broken.") from error


def _demand_plain(source: zipfile.ZipFile, aside: Path) -> None:
    """Refuse, before anything is unpacked, what no server of series packs: other packings, folders, one name twice, more than fits."""
    entries = source.infolist()
    if any(entry.compress_type not in _PACKINGS or entry.flag_bits & _ENCRYPTED for entry in entries):
        raise DigestError("The archive of a series is packed in a way that is not understood.")
    names = {entry.filename.casefold() for entry in entries}
    if len(names) != len(entries) or any("/" in name for name in names):
        raise DigestError("The archive of a series holds folders, or one name twice.")
    if source.getinfo(HASHES).file_size > LONGEST_HASHES_BYTES:
        raise DigestError("The list of MD5s of a series is too long.")
    # No more is unpacked than an entry says of itself.
    demand_space(aside, sum(entry.file_size for entry in entries))


def _hashes(source: zipfile.ZipFile) -> dict[str, str]:
    rows = csv.reader(io.StringIO(source.read(HASHES).decode("utf-8-sig")))
    next(rows, None)
    return {row[0].strip(): row[1].strip().lower() for row in rows if len(row) > 1}


def _extract(source: zipfile.ZipFile, name: str, target: Path) -> tuple[int, str]:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    with source.open(name) as entry, target.open("xb") as sink:
        while chunk := entry.read(COPY_BYTES):
            digest.update(chunk)
            size += len(chunk)
            sink.write(chunk)
    return size, digest.hexdigest()
