"""Heads in CT and MR series, of which a face can be made: found after making, held for a decision, taken away by a tool.

What is held, kept or taken away is written beside each instance; an instance that is made anew is judged anew.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from radcommons.deid.pixels.heads import HeadEvidence, head_coverage
from radcommons.deid.profile import Profile
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.isolation import LimitedPool
from radcommons.edge import findings as stored
from radcommons.edge.database import transaction
from radcommons.edge.defacing import REFUSALS, Defaced, deface_series
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder

HELD, KEPT, DEFACED = "held", "kept", "defaced"
_MEMORY_BYTES = 1_500 * 2**20
_TIMEOUT_S = 300.0
_UNSEEN = HeadEvidence("unknown", 0.0, ("not-readable-here",))
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class _Series:
    uid: str
    studies: tuple[str, ...]
    digest: str
    paths: tuple[Path, ...]


def settle_faces(
    connection: sqlite3.Connection,
    home: EdgeHome,
    *,
    out: OutFolder,
    profile: Profile,
    processes: int = 1,
    progress: Progress | None = None,
) -> None:
    """Hold every series of an OUT folder that shows a head until a person decided, and do what was decided.

    The caller holds the home. A series whose instances did not change since is not measured again.
    """
    if not profile.pixels.is_faces_held:
        with transaction(connection):
            connection.execute("UPDATE output SET face = '' WHERE out = ? AND face = ?", (out.name, HELD))
        return
    known = {row["series_uid"]: row["digest"] for row in connection.execute("SELECT series_uid, digest FROM head_look")}
    # One series at a time: the paths of a hundred thousand instances take more memory than all the rest.
    places = _places(connection, out)
    new = [uid for uid in places if known.get(uid) != _series(connection, out, uid, places[uid]).digest]
    with LimitedPool(_look, processes=processes, memory_bytes=_MEMORY_BYTES, timeout_s=_TIMEOUT_S) as pool:
        fresh = (_series(connection, out, uid, places[uid]) for uid in new)
        for done, (each, answer) in enumerate(pool.run(fresh), start=1):
            evidence = _UNSEEN if isinstance(answer, Finding) else answer
            with transaction(connection):
                _remember(connection, each, evidence)
            if progress is not None:
                progress("heads", done, len(new))
    for uid, studies in places.items():
        _settle(connection, home, out=out, profile=profile, series=_series(connection, out, uid, studies))


def evidence_of(connection: sqlite3.Connection, series_uid: str) -> HeadEvidence | None:
    """What was found about a series when it was last measured."""
    row = connection.execute("SELECT * FROM head_look WHERE series_uid = ?", (series_uid,)).fetchone()
    if row is None:
        return None
    extent = None if row["lowest_mm"] is None else (row["lowest_mm"], row["highest_mm"])
    return HeadEvidence(row["verdict"], row["confidence"], tuple(json.loads(row["reasons"])), extent)


def _places(connection: sqlite3.Connection, out: OutFolder) -> dict[str, tuple[str, ...]]:
    """Every series of which a face could be made, with the studies it lies in: one, unless something is odd."""
    rows = connection.execute(
        "SELECT DISTINCT series_uid, study_uid FROM output WHERE out = ? AND is_kept AND is_image"
        " AND modality IN ('CT', 'MR') ORDER BY 1, 2",
        (out.name,),
    )
    return {uid: tuple(row["study_uid"] for row in group) for uid, group in groupby(rows, itemgetter("series_uid"))}


def _series(connection: sqlite3.Connection, out: OutFolder, uid: str, studies: tuple[str, ...]) -> _Series:
    rows = [
        row
        for study in studies
        for row in connection.execute(
            "SELECT sop_uid, study_uid, source_sha256 FROM output WHERE out = ? AND study_uid = ? AND series_uid = ?"
            " AND is_kept AND is_image AND modality IN ('CT', 'MR')",
            (out.name, study, uid),
        )
    ]
    rows.sort(key=itemgetter("sop_uid"))
    digest = hashlib.sha256("".join(row["source_sha256"] for row in rows).encode("ascii")).hexdigest()
    paths = (out.instance_path(row["study_uid"], uid, sop_uid=row["sop_uid"]) for row in rows)
    return _Series(uid, studies, digest, tuple(paths))


def _look(series: _Series) -> HeadEvidence:
    """Measure one series, in a limited process."""
    return head_coverage(series.paths)


def _remember(connection: sqlite3.Connection, series: _Series, evidence: HeadEvidence) -> None:
    lowest, highest = evidence.head_positions_mm or (None, None)
    connection.execute(
        "INSERT OR REPLACE INTO head_look (series_uid, digest, verdict, confidence, reasons, lowest_mm, highest_mm)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(series.uid, series.digest, evidence.verdict, evidence.confidence, json.dumps(evidence.reasons)),
            *(lowest, highest),
        ),
    )


def _settle(
    connection: sqlite3.Connection, home: EdgeHome, *, out: OutFolder, profile: Profile, series: _Series
) -> None:
    evidence = evidence_of(connection, series.uid)
    is_shown = evidence is not None and evidence.verdict != "no_head"
    rows = [
        row
        for study in series.studies
        for row in connection.execute(
            "SELECT output_id, source_sha256, face, findings FROM output"
            " WHERE out = ? AND study_uid = ? AND series_uid = ? AND is_kept",
            (out.name, study, series.uid),
        )
    ]
    decided = _decided(connection, [row["source_sha256"] for row in rows])
    wanted = {row["output_id"]: decided.get(row["source_sha256"], HELD) if is_shown else "" for row in rows}
    if set(wanted.values()) == {DEFACED} and any(row["face"] != DEFACED for row in rows):
        made = deface_series(
            home.defacer, series.paths, evidence=evidence or _UNSEEN, profile=profile, scratch=home.scratch_path
        )
        with transaction(connection):
            _take_in(connection, out, made, rows)
        if not made.files:
            wanted = dict.fromkeys(wanted, HELD)
    elif DEFACED in wanted.values() and set(wanted.values()) != {DEFACED}:
        # A tool takes the face of a whole volume; slices that came later make it another one.
        wanted = dict.fromkeys(wanted, HELD)
    changed = [(face, key) for key, face in wanted.items() if face != _face(rows, key)]
    if changed:
        with transaction(connection):
            connection.executemany("UPDATE output SET face = ? WHERE output_id = ?", changed)


def _take_in(connection: sqlite3.Connection, out: OutFolder, made: Defaced, rows: Sequence[sqlite3.Row]) -> None:
    """Write down the new files of a series, or beside every instance why there are none."""
    for row in rows:
        kept = [each for each in stored.load(row["findings"]) if each.code not in REFUSALS]
        findings = stored.dump([*kept, *(replace(each, severity=Severity.WARNING) for each in made.findings)])
        connection.execute("UPDATE output SET findings = ? WHERE output_id = ?", (findings, row["output_id"]))
    for path, (sha256, size_bytes) in made.files.items():
        connection.execute(
            "UPDATE output SET sha256 = ?, size_bytes = ? WHERE out = ? AND sop_uid = ? AND is_kept",
            (sha256, size_bytes, out.name, path.stem),
        )


def _face(rows: Sequence[sqlite3.Row], key: int) -> str:
    return next(str(row["face"]) for row in rows if row["output_id"] == key)


def _decided(connection: sqlite3.Connection, sources: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(
        "SELECT source_sha256, state FROM pixel_decision JOIN pixel_act USING (act_id) WHERE undone_at = ''"
        " AND state IN ('face-kept', 'defaced') AND source_sha256 IN (SELECT value FROM json_each(?)) ORDER BY act_id",
        (json.dumps(list(sources)),),
    )
    return {row["source_sha256"]: row["state"].removeprefix("face-") for row in rows}
