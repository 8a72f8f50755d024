"""Series whose headers say that nothing is written in them: a few slices of each are read before anybody believes it.

What is found makes every instance of the series a suspect, which is looked at like a capture and made anew.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.edge.database import transaction
from radcommons.edge.grouping import UsableInstance
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.pixels.looking import LookMeans, digest_of_means, look_at_slices, memory_bytes
from radcommons.edge.pixels.orders import NOT_APPLICABLE

_TIMEOUT_S = 300.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Series:
    study_uid: str
    uid: str
    digest: str
    paths: tuple[Path, ...] = ()


def suspect_series(
    connection: sqlite3.Connection,
    out: OutFolder,
    *,
    means: LookMeans,
    processes: int = 1,
    progress: Progress | None = None,
) -> frozenset[str]:
    """Look at every series of an OUT folder that was let through unseen, unless it was looked at as it is now.

    The caller holds the home.

    Returns
    -------
    Digests of the sources that have to be made anew, because writing was read in their series.
    """
    known = {
        row["series_uid"]: row["digest"] for row in connection.execute("SELECT series_uid, digest FROM series_look")
    }
    unseen = _unseen(connection, out, mark=digest_of_means(means.rules))
    new = [each for each in unseen if known.get(each.uid) != each.digest]
    look = partial(_look, means=means)
    with LimitedPool(look, processes=processes, memory_bytes=memory_bytes(), timeout_s=_TIMEOUT_S) as pool:
        # One series at a time: the paths of a hundred thousand instances take more memory than all the rest.
        fresh = (replace(each, paths=_paths(connection, out, each)) for each in new)
        for done, (each, answer) in enumerate(pool.run(fresh), start=1):
            # What cannot be looked at in a limited process is looked at one by one, and its findings say why.
            found = (True, 0, 0) if isinstance(answer, Finding) else answer
            with transaction(connection):
                connection.execute(
                    "INSERT INTO series_look (series_uid, digest, has_writing, counted, pictures) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET digest = excluded.digest, counted = excluded.counted,"
                    " pictures = excluded.pictures, has_writing = max(has_writing, excluded.has_writing)",
                    (each.uid, each.digest, *found),
                )
            if progress is not None:
                progress("series", done, len(new))
    return _suspects(connection, out)


def only_of(instances: Callable[[], Iterable[UsableInstance]], digests: frozenset[str]) -> Iterator[UsableInstance]:
    """The instances whose sources are among some."""
    return (each for each in instances() if each.sha256 in digests)


def _unseen(connection: sqlite3.Connection, out: OutFolder, *, mark: str) -> Iterator[_Series]:
    """Every series with instances that nobody looked at, and a digest of them and of the means to look; without paths."""
    rows = connection.execute(
        "SELECT study_uid, series_uid, source_sha256 FROM output WHERE out = ? AND is_kept AND is_image AND pixel_text = ?"
        " AND modality IN ('CT', 'MR', 'NM', 'PT') ORDER BY study_uid, series_uid, sop_uid",
        (out.name, NOT_APPLICABLE),
    )
    for (study_uid, uid), group in groupby(rows, itemgetter("study_uid", "series_uid")):
        digest = hashlib.sha256(mark.encode())
        for row in group:
            digest.update(row["source_sha256"].encode())
        yield _Series(study_uid, uid, digest.hexdigest())


def _paths(connection: sqlite3.Connection, out: OutFolder, series: _Series) -> tuple[Path, ...]:
    rows = connection.execute(
        "SELECT sop_uid FROM output WHERE out = ? AND study_uid = ? AND series_uid = ? AND is_kept AND is_image"
        " AND pixel_text = ? ORDER BY instance_number, sop_uid",
        (out.name, series.study_uid, series.uid, NOT_APPLICABLE),
    )
    return tuple(out.instance_path(series.study_uid, series.uid, sop_uid=row["sop_uid"]) for row in rows)


def _suspects(connection: sqlite3.Connection, out: OutFolder) -> frozenset[str]:
    """Note every source of a series with writing as a suspect; those let through unseen until now."""
    query = (
        "SELECT source_sha256 FROM output JOIN series_look USING (series_uid)"
        " WHERE out = ? AND is_kept AND is_image AND has_writing AND pixel_text = ?"
    )
    found = frozenset(row[0] for row in connection.execute(query, (out.name, NOT_APPLICABLE)))
    if found:
        with transaction(connection):
            connection.executemany(
                "INSERT OR IGNORE INTO pixel_suspect (source_sha256) VALUES (?)", ((each,) for each in sorted(found))
            )
    return found


def _look(series: _Series, *, means: LookMeans) -> tuple[bool, int, int]:
    """Look at one series, in a limited process."""
    return look_at_slices(series.paths, means)
