"""The SQLite file of a home: what was scanned, who became whom, what was made, decided and sent.

It holds original identifiers and stays at the hospital. Every writer is a short transaction, so that a process killed
at any moment leaves the file as it was after the last one.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome

_VERSION = 2
_SCHEMA = """
CREATE TABLE subject (
    patient_key TEXT PRIMARY KEY,
    subject_id  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE source (
    source_id   INTEGER PRIMARY KEY,
    root        TEXT NOT NULL,
    path        TEXT NOT NULL,
    member      INTEGER NOT NULL,          -- -1 for a file itself, else the ordinal in its archive
    member_name TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'instance', 'archive', 'other')),
    sha256      TEXT NOT NULL DEFAULT '',
    patient_key TEXT NOT NULL DEFAULT '',
    study_uid   TEXT NOT NULL DEFAULT '',
    series_uid  TEXT NOT NULL DEFAULT '',
    sop_uid     TEXT NOT NULL DEFAULT '',
    header      TEXT NOT NULL DEFAULT '{}',
    findings    TEXT NOT NULL DEFAULT '[]',
    UNIQUE (root, path, member)
) STRICT;
CREATE INDEX source_pending ON source (root, source_id) WHERE state = 'pending';
CREATE INDEX source_sop ON source (root, sop_uid);
CREATE INDEX source_series ON source (root, patient_key, study_uid, series_uid);

CREATE VIEW mixed_study AS
    SELECT root, study_uid FROM source WHERE state = 'instance'
    GROUP BY root, study_uid HAVING count(DISTINCT patient_key) > 1;
CREATE VIEW ranked_source AS
    SELECT source_id, root, path, member, member_name, size_bytes, sha256, patient_key, study_uid, series_uid, sop_uid,
           header, row_number() OVER same AS place, first_value(sha256) OVER same AS first_sha256
    FROM source WHERE state = 'instance'
    WINDOW same AS (PARTITION BY root, sop_uid ORDER BY path, member);

CREATE TABLE walk_finding (root TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX walk_finding_root ON walk_finding (root);

CREATE TABLE identifier (
    patient_key TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (patient_key, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE selection (
    root            TEXT PRIMARY KEY,
    criteria_name   TEXT NOT NULL,
    criteria_digest TEXT NOT NULL,
    result          TEXT NOT NULL
) STRICT;
CREATE TABLE selected_series (
    root       TEXT NOT NULL,
    study_uid  TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    PRIMARY KEY (root, study_uid, series_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE output (
    output_id     INTEGER PRIMARY KEY,
    out           TEXT NOT NULL,
    root          TEXT NOT NULL,
    path          TEXT NOT NULL,
    member        INTEGER NOT NULL,
    recipe        TEXT NOT NULL,            -- digest of source bytes, profile, software and patient mapping
    run           INTEGER NOT NULL,
    is_kept       INTEGER NOT NULL,
    token         TEXT NOT NULL,            -- stands for the source in everything outside the home
    subject_id    TEXT NOT NULL,
    sha256        TEXT NOT NULL DEFAULT '',
    size_bytes    INTEGER NOT NULL DEFAULT 0,
    study_uid     TEXT NOT NULL DEFAULT '',
    series_uid    TEXT NOT NULL DEFAULT '',
    sop_uid       TEXT NOT NULL DEFAULT '',
    sop_class_uid TEXT NOT NULL DEFAULT '',
    modality      TEXT NOT NULL DEFAULT '',
    instance_number INTEGER NOT NULL DEFAULT 0,
    number_of_frames INTEGER NOT NULL DEFAULT 1,
    is_image      INTEGER NOT NULL DEFAULT 0,
    pixel_text    TEXT NOT NULL DEFAULT 'not_applicable',
    actions       TEXT NOT NULL DEFAULT '',
    findings      TEXT NOT NULL DEFAULT '[]',
    UNIQUE (out, root, path, member)
) STRICT;
CREATE INDEX output_sop ON output (out, sop_uid);
CREATE INDEX output_series ON output (out, study_uid, series_uid);

CREATE TABLE action_list (digest TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE kept_text (
    out        TEXT NOT NULL,
    keyword    TEXT NOT NULL,
    value      TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    PRIMARY KEY (out, keyword, value, series_uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE approved_text (
    keyword TEXT NOT NULL,
    value   TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    PRIMARY KEY (keyword, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE out_profile (
    out TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, digest TEXT NOT NULL
) STRICT;
CREATE TABLE subject_status (
    out TEXT NOT NULL, subject_id TEXT NOT NULL, covid19_status TEXT NOT NULL, PRIMARY KEY (out, subject_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sending (
    batch_id TEXT NOT NULL,
    url      TEXT NOT NULL,
    out      TEXT NOT NULL,
    files    INTEGER NOT NULL,
    state    TEXT NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (batch_id, url)
) STRICT, WITHOUT ROWID;
"""
# What came with version 2, over the tables of version 1; a new home takes both steps.
# An output's pixel recipe is what its boxes depend on; its boxes are those blackened, empty when nobody looked.
_PIXELS = """
ALTER TABLE output ADD COLUMN source_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE output ADD COLUMN pixel_recipe TEXT NOT NULL DEFAULT '';
ALTER TABLE output ADD COLUMN boxes TEXT NOT NULL DEFAULT '';
ALTER TABLE out_profile ADD COLUMN pixel_release TEXT NOT NULL DEFAULT 'person';
CREATE INDEX output_source ON output (source_sha256);
CREATE TABLE pixel_look (
    source_sha256 TEXT PRIMARY KEY,
    rules         TEXT NOT NULL,            -- digest of detector, markers and rectangles
    verdict       TEXT NOT NULL,
    found         BLOB NOT NULL             -- sealed: candidates with the text that was read
) STRICT, WITHOUT ROWID;
CREATE TABLE pixel_act (
    act_id    INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    by        TEXT NOT NULL,
    verb      TEXT NOT NULL,
    reason    TEXT NOT NULL DEFAULT '',
    undone_at TEXT NOT NULL DEFAULT '',
    undone_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE pixel_decision (
    source_sha256 TEXT NOT NULL,            -- digest of the bytes somebody looked at
    act_id        INTEGER NOT NULL REFERENCES pixel_act,
    state         TEXT NOT NULL,
    boxes         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (source_sha256, act_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE pixel_rule (
    act_id INTEGER NOT NULL REFERENCES pixel_act,
    kind   TEXT NOT NULL CHECK (kind IN ('marker', 'rectangle')),
    body   BLOB NOT NULL,                   -- sealed
    PRIMARY KEY (act_id, kind)
) STRICT, WITHOUT ROWID;
"""
_STEPS = ((1, _SCHEMA), (2, _PIXELS))


@contextmanager
def database(home: EdgeHome) -> Iterator[sqlite3.Connection]:
    """An open connection with the current schema, closed at the end; rows are :class:`sqlite3.Row`.

    Raises
    ------
    RadCommonsError
        ``edge.newer-home`` when a newer program wrote the file.
    """
    descriptor = os.open(home.database_path, os.O_RDWR | os.O_CREAT, 0o600)
    os.close(descriptor)
    connection = sqlite3.connect(home.database_path, timeout=30.0, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, taking the write lock at once."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == _VERSION:
        return
    with transaction(connection):
        found = _version(connection)
        if found > _VERSION:
            raise RadCommonsError(
                Kind.CONFLICT, "edge.newer-home", "A newer version of RadCommons wrote this home folder. Upgrade first."
            )
        for version, schema in _STEPS:
            if version > found:
                for statement in schema.split(";\n"):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])
