"""A home as version 1 of the program left it: a key file of digits alone and a database in clear."""

import sqlite3
from pathlib import Path

from tests.support.hospital_folder import SECRET

ORIGINALS = (
    *("mrn-0048213", "okonkwo", "1.2.840.99.1", "1.2.840.99.2", "1.2.840.99.3", "/data/okonkwo_adaeze/export"),
    *("/data/out okonkwo", "seen by dr lindqvist", "adaeze.dcm", "archive of okonkwo.zip"),
)
_OUTPUT = (
    "INSERT INTO output (out, root, path, member, recipe, run, is_kept, token, subject_id, sha256, size_bytes, study_uid,"
    " series_uid, sop_uid, modality, pixel_text, actions) VALUES (?, ?, ?, -1, 'r', 3, 1, 'source:1', 'ALPHA-000007',"
    " 'abc', 12, '2.25.1', '2.25.2', '2.25.3', 'CT', 'not_applicable', 'digest')"
)


def make_home_of_version_1(path: Path) -> Path:
    """Write such a home with one patient, one result and everything that named the patient."""
    path.mkdir(mode=0o700)
    key = path / "secret.key"
    key.write_text(SECRET.hex() + "\n")
    key.chmod(0o600)
    (path / "edge.toml").write_text('site = "ALPHA"\nproject = "covid19"\nprofile = "ricord"\n')
    connection = sqlite3.connect(path / "edge.sqlite")
    connection.executescript(SCHEMA_1)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO subject VALUES ('id:mrn-0048213', 'ALPHA-000007')")
    connection.execute(
        "INSERT INTO source (root, path, member, member_name, size_bytes, modified_ns, run, state, patient_key, study_uid,"
        " series_uid, sop_uid, header) VALUES ('/data/okonkwo_adaeze/export', 'archive of okonkwo.zip', 0, 'adaeze.dcm', 1,"
        " 1, 1, 'instance', 'id:mrn-0048213', '1.2.840.99.1', '1.2.840.99.2', '1.2.840.99.3', '{}')"
    )
    connection.execute("INSERT INTO identifier VALUES ('id:mrn-0048213', 'okonkwo')")
    connection.execute("INSERT INTO selection VALUES ('/data/okonkwo_adaeze/export', 'c', 'd', '{}')")
    connection.execute(
        "INSERT INTO selected_series VALUES ('/data/okonkwo_adaeze/export', '1.2.840.99.1', '1.2.840.99.2')"
    )
    connection.execute(_OUTPUT, ("/data/out okonkwo", "/data/okonkwo_adaeze/export", "adaeze.dcm"))
    connection.execute("INSERT INTO action_list VALUES ('digest', '[]')")
    connection.execute(
        "INSERT INTO kept_text VALUES ('/data/out okonkwo', 'StudyDescription', 'seen by dr lindqvist', '2.25.2')"
    )
    connection.execute("INSERT INTO approved_text VALUES ('StudyDescription', 'seen by dr lindqvist', 'Dr Example')")
    connection.execute("INSERT INTO out_profile VALUES ('/data/out okonkwo', 'ricord', '1', 'd')")
    connection.execute("INSERT INTO subject_status VALUES ('/data/out okonkwo', 'ALPHA-000007', 'positive')")
    connection.execute(
        "INSERT INTO sending VALUES ('b', 'https://centre', '/data/out okonkwo', 1, 'verified', '2026-01-01')"
    )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return path


SCHEMA_1 = """
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
