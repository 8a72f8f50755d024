"""Looking through a folder: which instances are there, whose, and what is odd; headers only.

What is found stays in the home's database, by size and time of change, so that a second scan and the later steps read
only what is new. An interrupted scan goes on where it stopped.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool, preload
from radcommons.edge import findings as stored
from radcommons.edge.archive import Member, is_archive, list_members
from radcommons.edge.database import database, transaction
from radcommons.edge.grouping import grouping_findings
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.sources import NOT_A_MEMBER, PARTLY_READ, Described, Source, describe_source, digest_source
from radcommons.edge.walk import Root, WalkedFile, place, shown, walk

Progress = Callable[[str, int, int], None]
"""Told the step, how many items are done and how many there are."""

_PAGE = 400
_DIGEST_TIMEOUT_S = 3600.0
_LISTED, _LISTED_OF_EACH = 500, 3
# What a run needs after the scan, so that the process from which children are forked loads everything once.
_LATER = "radcommons.edge.work"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What lies in a folder.

    Parameters
    ----------
    files, archives
        Files seen, and how many of them are zip archives.
    instances, size_bytes
        Readable DICOM instances, in files and archives, and the size of what holds them.
    duplicates
        Instances whose SOP Instance UID another one had before.
    patients, studies, series
        Distinct ones among the instances.
    modalities
        Series by modality.
    findings_by_code
        How often each finding was made.
    findings
        The first few hundred of them; ``where`` is a path below the folder.
    """

    files: int
    archives: int
    instances: int
    size_bytes: int
    duplicates: int
    patients: int
    studies: int
    series: int
    modalities: Mapping[str, int]
    findings_by_code: Mapping[str, int]
    findings: tuple[Finding, ...]


def scan_folder(home: EdgeHome, folder: Path, *, processes: int = 1, progress: Progress | None = None) -> ScanResult:
    """Look through ``folder`` (or one file or archive) and remember what is there.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-folder``, ``edge.busy``.
    """
    root = Root.of(folder)
    with exclusive(home), database(home) as connection:
        refresh(connection, home, root=root, processes=processes, progress=progress)
        return summary(connection, root)


def refresh(
    connection: sqlite3.Connection, home: EdgeHome, *, root: Root, processes: int, progress: Progress | None
) -> None:
    """Bring the remembered sources of ``root`` up to date; the caller holds the home."""
    preload(_LATER)
    shutil.rmtree(home.scratch_path, ignore_errors=True)
    home.scratch_path.mkdir(mode=0o700)
    _forget_gone_folders(connection)
    _register(connection, root, progress=progress)
    _open_archives(connection, root)
    _describe(connection, home, root=root, processes=processes, progress=progress)
    _compare_repeated(connection, home, root=root, processes=processes, progress=progress)


def summary(connection: sqlite3.Connection, root: Root) -> ScanResult:
    """The remembered sources of ``root`` in numbers."""
    files, archives = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE state = 'archive') FROM source WHERE root = seal(?) AND member = -1",
        (root.name,),
    ).fetchone()
    instances, size_bytes, distinct, patients, studies, series = connection.execute(
        "SELECT count(*), coalesce(sum(size_bytes), 0), count(DISTINCT sop_uid), count(DISTINCT patient_key),"
        " count(DISTINCT study_uid), count(DISTINCT series_uid) FROM source WHERE root = seal(?) AND state = 'instance'",
        (root.name,),
    ).fetchone()
    modalities = connection.execute(
        "SELECT unseal(modality), count(DISTINCT series_uid) FROM source"
        " WHERE root = seal(?) AND state = 'instance' GROUP BY modality ORDER BY 1",
        (root.name,),
    )
    counts: dict[str, int] = {}
    listed: list[Finding] = []
    for finding in folder_findings(connection, root):
        counts[finding.code] = counts.get(finding.code, 0) + 1
        # A rare cause among thousands of another is what somebody has to see.
        if len(listed) < _LISTED or counts[finding.code] <= _LISTED_OF_EACH:
            listed.append(finding)
    return ScanResult(
        files=files,
        archives=archives,
        instances=instances,
        size_bytes=size_bytes,
        duplicates=instances - distinct,
        patients=patients,
        studies=studies,
        series=series,
        modalities={row[0]: row[1] for row in modalities},
        findings_by_code=dict(sorted(counts.items())),
        findings=tuple(listed),
    )


def seen_in(connection: sqlite3.Connection, root: Root) -> int:
    """How many files, members of archives and other entries a folder holds, whether they can be used or not."""
    sources, others = connection.execute(
        "SELECT (SELECT count(*) FROM source WHERE root = seal(:root) AND state <> 'archive'),"
        " (SELECT count(*) FROM walk_finding WHERE root = seal(:root))",
        {"root": root.name},
    ).fetchone()
    return int(sources) + int(others)


def folder_findings(connection: sqlite3.Connection, root: Root) -> Iterator[Finding]:
    """Everything odd about a folder: the walk, each source, and what only shows between sources."""
    for row in connection.execute("SELECT unseal(body) FROM walk_finding WHERE root = seal(?)", (root.name,)):
        yield from stored.load(row[0])
    rows = connection.execute(
        "SELECT unseal(path) AS path, unseal(member_name), unseal(findings) FROM source"
        " WHERE root = seal(?) AND findings NOT IN (x'', seal('[]')) ORDER BY 1, member",
        (root.name,),
    )
    for path, member_name, body in rows:
        for finding in stored.load(body):
            yield stored.replace_where(finding, place(path, member_name))
    yield from grouping_findings(connection, root.name)


def _forget_gone_folders(connection: sqlite3.Connection) -> None:
    """What lay in a folder that is no more speaks no longer against what lies elsewhere now."""
    roots = [row[0] for row in connection.execute("SELECT DISTINCT unseal(root) FROM source")]
    with transaction(connection):
        for root in roots:
            if not Path(root).exists():
                connection.execute("DELETE FROM source WHERE root = seal(?)", (root,))
                connection.execute("DELETE FROM walk_finding WHERE root = seal(?)", (root,))


def _register(connection: sqlite3.Connection, root: Root, *, progress: Progress | None) -> None:
    """Note what lies in the folder now, keeping what is known of files that did not change."""
    run = connection.execute("SELECT coalesce(max(run), 0) + 1 FROM source").fetchone()[0]
    connection.execute("DELETE FROM walk_finding WHERE root = seal(?)", (root.name,))
    seen = 0
    entries = walk(root)
    while page := _page(entries):
        with transaction(connection):
            for entry in page:
                if isinstance(entry, Finding):
                    body = stored.dump([entry])
                    connection.execute(
                        "INSERT INTO walk_finding (root, body) VALUES (seal(?), seal(?))", (root.name, body)
                    )
                else:
                    _register_file(connection, root.name, entry=entry, run=run)
        seen += len(page)
        if progress is not None:
            progress("walk", seen, 0)
    with transaction(connection):
        connection.execute("DELETE FROM source WHERE root = seal(?) AND run <> ?", (root.name, run))


def _register_file(connection: sqlite3.Connection, root: str, *, entry: WalkedFile, run: int) -> None:
    unchanged = connection.execute(
        "UPDATE source SET run = ? WHERE root = seal(?) AND path = seal(?) AND member = -1 AND size_bytes = ?"
        " AND modified_ns = ?",
        (run, root, entry.path, entry.size_bytes, entry.modified_ns),
    )
    if unchanged.rowcount == 1:
        connection.execute(
            "UPDATE source SET run = ? WHERE root = seal(?) AND path = seal(?) AND member >= 0", (run, root, entry.path)
        )
        return
    connection.execute("DELETE FROM source WHERE root = seal(?) AND path = seal(?)", (root, entry.path))
    connection.execute(
        "INSERT INTO source (root, path, member, member_name, size_bytes, modified_ns, run, state)"
        " VALUES (seal(?), seal(?), -1, x'', ?, ?, ?, 'pending')",
        (root, entry.path, entry.size_bytes, entry.modified_ns, run),
    )


def _page(entries: Iterator[WalkedFile | Finding]) -> list[WalkedFile | Finding]:
    page: list[WalkedFile | Finding] = []
    for entry in entries:
        page.append(entry)
        if len(page) == _PAGE:
            break
    return page


def _pending(connection: sqlite3.Connection, root: Root) -> Iterator[sqlite3.Row]:
    """Pending sources in pages, so that answers can be written while more are read."""
    last = 0
    while rows := connection.execute(
        "SELECT source_id, unseal(path) AS path, member, size_bytes, modified_ns, run FROM source"
        " WHERE root = seal(?) AND state = 'pending' AND source_id > ? ORDER BY source_id LIMIT ?",
        (root.name, last, _PAGE),
    ).fetchall():
        last = rows[-1]["source_id"]
        yield from rows


def _open_archives(connection: sqlite3.Connection, root: Root) -> None:
    rows = {
        str(root.folder / row["path"]): row
        for row in _pending(connection, root)
        if row["member"] == NOT_A_MEMBER and is_archive(root.folder / row["path"])
    }
    if not rows:
        return
    with LimitedPool(list_members) as pool:
        for path, answer in pool.run([Path(each) for each in rows]):
            members, findings = ((), (answer,)) if isinstance(answer, Finding) else answer
            with transaction(connection):
                _store_members(connection, root.name, archive=rows[str(path)], members=members, findings=findings)


def _store_members(
    connection: sqlite3.Connection,
    root: str,
    *,
    archive: sqlite3.Row,
    members: tuple[Member, ...],
    findings: tuple[Finding, ...],
) -> None:
    connection.execute(
        "UPDATE source SET state = 'archive', findings = seal(?) WHERE source_id = ?",
        (stored.dump(findings), archive["source_id"]),
    )
    connection.executemany(
        "INSERT INTO source (root, path, member, member_name, size_bytes, modified_ns, run, state)"
        " VALUES (seal(?), seal(?), ?, seal(?), ?, ?, ?, 'pending')",
        (
            (
                root,
                archive["path"],
                each.ordinal,
                shown(each.name),
                each.size_bytes,
                archive["modified_ns"],
                archive["run"],
            )
            for each in members
        ),
    )


def _describe(
    connection: sqlite3.Connection, home: EdgeHome, *, root: Root, processes: int, progress: Progress | None
) -> None:
    total = connection.execute(
        "SELECT count(*) FROM source WHERE root = seal(?) AND state = 'pending'", (root.name,)
    ).fetchone()[0]
    if not total:
        return
    sources = (
        Source(row["source_id"], str(root.folder / row["path"]), row["member"], str(home.scratch_path))
        for row in _pending(connection, root)
    )
    answers: list[tuple[Source, Described]] = []
    done = 0
    with LimitedPool(describe_source, processes=processes) as pool:
        for source, answer in pool.run(sources):
            described = Described(None, (answer,)) if isinstance(answer, Finding) else answer
            answers.append((source, described))
            done += 1
            if len(answers) == _PAGE:
                _remember(connection, answers)
                answers = []
            if progress is not None:
                progress("scan", done, total)
    _remember(connection, answers)


def _compare_repeated(
    connection: sqlite3.Connection, home: EdgeHome, *, root: Root, processes: int, progress: Progress | None
) -> None:
    """Read to the end what shares its SOP Instance UID with another source and was not read to the end before."""
    rows = connection.execute(
        "SELECT source_id, unseal(path) AS path, member FROM source WHERE root = seal(:root) AND state = 'instance'"
        " AND substr(sha256, 1, :length) = :partly AND content_sha256 = '' AND sop_uid IN (SELECT sop_uid FROM source"
        " WHERE root = seal(:root) AND state = 'instance' GROUP BY sop_uid HAVING count(*) > 1)",
        {"root": root.name, "partly": PARTLY_READ, "length": len(PARTLY_READ)},
    ).fetchall()
    if not rows:
        return
    scratch = str(home.scratch_path)
    sources = (Source(row["source_id"], str(root.folder / row["path"]), row["member"], scratch) for row in rows)
    with LimitedPool(digest_source, processes=processes, timeout_s=_DIGEST_TIMEOUT_S) as pool:
        for done, (source, answer) in enumerate(pool.run(sources), start=1):
            digest = "" if isinstance(answer, Finding) else answer
            connection.execute("UPDATE source SET content_sha256 = ? WHERE source_id = ?", (digest, source.source_id))
            if progress is not None:
                progress("compare", done, len(rows))


def _remember(connection: sqlite3.Connection, answers: list[tuple[Source, Described]]) -> None:
    with transaction(connection):
        for source, described in answers:
            header = described.header
            connection.execute(
                "UPDATE source SET state = ?, sha256 = ?, patient_key = seal(?), person = seal(?), study_uid = seal(?),"
                " series_uid = seal(?), sop_uid = seal(?), modality = seal(?), header = seal(?), findings = seal(?)"
                " WHERE source_id = ?",
                (
                    "other" if header is None else "instance",
                    described.sha256,
                    described.patient_key,
                    described.person,
                    "" if header is None else header.study_instance_uid,
                    "" if header is None else header.series_instance_uid,
                    "" if header is None else header.sop_instance_uid,
                    "" if header is None else header.modality,
                    "" if header is None else header.to_json(),
                    stored.dump(described.findings),
                    source.source_id,
                ),
            )
        # Slices of one patient repeat the same identifiers hundreds of times.
        harvested = dict.fromkeys(
            (described.patient_key, value) for _, described in answers for value in described.identifiers
        )
        connection.executemany(
            "INSERT INTO identifier (patient_key, value) VALUES (seal(?), seal(?)) ON CONFLICT DO NOTHING", harvested
        )
