"""The tables of a home's database, and what earlier versions had.

Two rules keep originals unreadable. Every column of type ``BLOB`` is sealed: SQL writes it with ``seal(text)`` and reads
it with ``unseal(column)``, and a new key seals all of them anew. Every value that comes from a hospital's file, path or
person (identifiers, original UIDs, folders, texts, reasons) lives in such a column; ``TEXT`` columns hold codes, digests
and new identifiers only.
"""

VERSION = 4

SCHEMA = """
CREATE TABLE sealed_with (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    check_value BLOB NOT NULL               -- opens with the right secret, with no other
) STRICT;

CREATE TABLE subject (
    patient_key     BLOB PRIMARY KEY,
    subject_id      TEXT NOT NULL,
    date_shift_days BLOB NOT NULL
) STRICT;
CREATE INDEX subject_by_id ON subject (subject_id);
CREATE TABLE forgotten_subject (subject_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE mapped_study (                 -- a study is never mapped to a second patient unnoticed
    study_uid   BLOB PRIMARY KEY,
    patient_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mapped_study_patient ON mapped_study (patient_key);
CREATE TABLE confirmed_patient (            -- a person said that differing names or birth dates are one patient's
    patient_key BLOB PRIMARY KEY,
    persons     BLOB NOT NULL               -- exactly what the person had seen
) STRICT, WITHOUT ROWID;
CREATE TABLE crosswalk_event (
    event_id   INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    verb       TEXT NOT NULL,
    subjects   INTEGER NOT NULL,
    generation INTEGER NOT NULL,            -- of the secret, after the event
    by         BLOB NOT NULL,
    reason     BLOB NOT NULL
) STRICT;
CREATE TRIGGER crosswalk_event_stays BEFORE DELETE ON crosswalk_event
    BEGIN SELECT raise(ABORT, 'the journal of the crosswalk only grows'); END;

CREATE TABLE source (
    source_id   INTEGER PRIMARY KEY,
    root        BLOB NOT NULL,
    path        BLOB NOT NULL,
    member      INTEGER NOT NULL,           -- -1 for a file itself, else the ordinal in its archive
    member_name BLOB NOT NULL,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'instance', 'archive', 'other')),
    sha256      TEXT NOT NULL DEFAULT '',   -- of all bytes, or what tells them from others without reading all
    content_sha256 TEXT NOT NULL DEFAULT '', -- of all bytes, when another source has the same SOP Instance UID
    patient_key BLOB NOT NULL DEFAULT x'',
    person      BLOB NOT NULL DEFAULT x'',  -- identifier as written, issuer, name and birth date
    study_uid   BLOB NOT NULL DEFAULT x'',
    series_uid  BLOB NOT NULL DEFAULT x'',
    sop_uid     BLOB NOT NULL DEFAULT x'',
    modality    BLOB NOT NULL DEFAULT x'',
    header      BLOB NOT NULL DEFAULT x'',
    findings    BLOB NOT NULL DEFAULT x'',
    UNIQUE (root, path, member)
) STRICT;
CREATE INDEX source_pending ON source (root, source_id) WHERE state = 'pending';
CREATE INDEX source_sop ON source (root, sop_uid) WHERE state = 'instance';
CREATE INDEX source_series ON source (root, patient_key, study_uid, series_uid) WHERE state = 'instance';
CREATE INDEX source_study ON source (study_uid, patient_key) WHERE state = 'instance';
CREATE INDEX source_person ON source (patient_key, person) WHERE state = 'instance';

CREATE TABLE walk_finding (root BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX walk_finding_root ON walk_finding (root);

CREATE TABLE identifier (
    patient_key BLOB NOT NULL,
    value       BLOB NOT NULL,
    PRIMARY KEY (patient_key, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE selection (
    root            BLOB PRIMARY KEY,
    criteria_name   TEXT NOT NULL,
    criteria_digest TEXT NOT NULL,
    result          TEXT NOT NULL
) STRICT;
CREATE TABLE selected_series (
    root       BLOB NOT NULL,
    study_uid  BLOB NOT NULL,
    series_uid BLOB NOT NULL,
    PRIMARY KEY (root, study_uid, series_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE output (
    output_id     INTEGER PRIMARY KEY,
    out           BLOB NOT NULL,
    root          BLOB NOT NULL,
    path          BLOB NOT NULL,
    member        INTEGER NOT NULL,
    recipe        TEXT NOT NULL,            -- digest of source bytes, profile, software, key and patient mapping
    run           INTEGER NOT NULL,
    is_kept       INTEGER NOT NULL,
    token         TEXT NOT NULL,            -- stands for the source in everything outside the home
    subject_id    TEXT NOT NULL,
    source_sha256 TEXT NOT NULL DEFAULT '',
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
    pixel_recipe  TEXT NOT NULL DEFAULT '', -- what the boxes depend on
    boxes         TEXT NOT NULL DEFAULT '', -- those blackened, empty when nobody looked
    face          TEXT NOT NULL DEFAULT '', -- held, kept or defaced where a face could be made of it
    text_set      TEXT NOT NULL DEFAULT '', -- the texts it was found with, before anybody's decision
    text_recipe   TEXT NOT NULL DEFAULT '', -- what decisions made of them
    actions       TEXT NOT NULL DEFAULT '',
    findings      TEXT NOT NULL DEFAULT '[]',
    UNIQUE (out, root, path, member)
) STRICT;
CREATE INDEX output_sop ON output (out, sop_uid);
CREATE INDEX output_series ON output (out, study_uid, series_uid);
CREATE INDEX output_source ON output (source_sha256);

CREATE TABLE action_list (digest TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE kept_text (
    out        BLOB NOT NULL,
    keyword    TEXT NOT NULL,
    value      BLOB NOT NULL,
    series_uid TEXT NOT NULL,
    PRIMARY KEY (out, keyword, value, series_uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE text_decision (
    value       BLOB PRIMARY KEY,           -- a text as cleaning leaves it, whatever its attribute
    verdict     TEXT NOT NULL CHECK (verdict IN ('keep', 'remove', 'replace')),
    replacement BLOB NOT NULL DEFAULT x'',
    by          BLOB NOT NULL,
    at          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE text_set (
    digest TEXT NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (digest, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE out_profile (
    out           BLOB PRIMARY KEY,
    name          TEXT NOT NULL,
    version       TEXT NOT NULL,
    digest        TEXT NOT NULL,
    engine        TEXT NOT NULL DEFAULT '',  -- what else in the software decides an output
    pixel_release TEXT NOT NULL DEFAULT 'person'
) STRICT;
CREATE TABLE subject_status (
    out BLOB NOT NULL, subject_id TEXT NOT NULL, covid19_status TEXT NOT NULL, PRIMARY KEY (out, subject_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE verification (                 -- the last second look at an OUT folder
    out         BLOB PRIMARY KEY,
    means       TEXT NOT NULL,              -- digest of what was looked for
    finished_at TEXT NOT NULL DEFAULT '',
    looked_at   INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE verified (                     -- what a second look saw before it was stopped
    out      BLOB NOT NULL,
    sop_uid  TEXT NOT NULL,
    mark     TEXT NOT NULL,                 -- of the file as it was
    findings TEXT NOT NULL,
    PRIMARY KEY (out, sop_uid)
) STRICT, WITHOUT ROWID;

CREATE TABLE sending (
    batch_id TEXT NOT NULL,
    url      TEXT NOT NULL,
    out      BLOB NOT NULL,
    files    INTEGER NOT NULL,
    state    TEXT NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (batch_id, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE pixel_look (
    source_sha256 TEXT PRIMARY KEY,
    rules         TEXT NOT NULL,            -- digest of detector, markers and rectangles
    verdict       TEXT NOT NULL,
    found         BLOB NOT NULL             -- candidates with the text that was read
) STRICT, WITHOUT ROWID;
CREATE TABLE series_look (
    series_uid  TEXT PRIMARY KEY,           -- the new one
    digest      TEXT NOT NULL,              -- of the sources that were looked at, and by what means
    has_writing INTEGER NOT NULL,
    counted     INTEGER NOT NULL,           -- slices whose values were counted
    pictures    INTEGER NOT NULL            -- that the detector read
) STRICT, WITHOUT ROWID;
CREATE TABLE pixel_suspect (
    source_sha256 TEXT PRIMARY KEY          -- of a series in which writing was read against its headers
) STRICT, WITHOUT ROWID;
CREATE TABLE head_look (
    series_uid TEXT PRIMARY KEY,            -- the new one
    digest     TEXT NOT NULL,               -- of the sources that were measured
    verdict    TEXT NOT NULL,
    confidence REAL NOT NULL,
    reasons    TEXT NOT NULL,
    lowest_mm  REAL,
    highest_mm REAL
) STRICT, WITHOUT ROWID;
CREATE TABLE pixel_act (
    act_id    INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    by        BLOB NOT NULL,
    verb      TEXT NOT NULL,
    reason    BLOB NOT NULL DEFAULT x'',
    undone_at TEXT NOT NULL DEFAULT '',
    undone_by BLOB NOT NULL DEFAULT x''
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
    body   BLOB NOT NULL,
    PRIMARY KEY (act_id, kind)
) STRICT, WITHOUT ROWID;
"""

# Version 1 kept everything in clear; its tables are called v1_… while they are read. What a scan finds again is not
# carried over: scanning reads more of it now.
# What version 4 added, as it stands above.
FROM_3 = SCHEMA[SCHEMA.index("CREATE TABLE series_look") : SCHEMA.index("CREATE TABLE head_look")]

FROM_1 = """
INSERT INTO subject SELECT seal(patient_key), subject_id, seal(date_shift(patient_key)) FROM v1_subject;
INSERT INTO selection SELECT seal(root), criteria_name, criteria_digest, result FROM v1_selection;
INSERT INTO selected_series SELECT seal(root), seal(study_uid), seal(series_uid) FROM v1_selected_series;
INSERT INTO output (out, root, path, member, recipe, run, is_kept, token, subject_id, sha256, size_bytes, study_uid,
    series_uid, sop_uid, sop_class_uid, modality, instance_number, number_of_frames, is_image, pixel_text, actions, findings)
  SELECT seal(out), seal(root), seal(path), member, recipe, run, is_kept, token, subject_id, sha256, size_bytes, study_uid,
    series_uid, sop_uid, sop_class_uid, modality, instance_number, number_of_frames, is_image, pixel_text, actions, findings
  FROM v1_output;
INSERT INTO action_list SELECT digest, body FROM v1_action_list;
INSERT INTO kept_text SELECT seal(out), keyword, seal(value), series_uid FROM v1_kept_text;
INSERT INTO text_decision (value, verdict, by, at)
  SELECT seal(value), 'keep', seal(min(decided_by)), '' FROM v1_approved_text GROUP BY value;
INSERT INTO out_profile (out, name, version, digest) SELECT seal(out), name, version, digest FROM v1_out_profile;
INSERT INTO subject_status SELECT seal(out), subject_id, covid19_status FROM v1_subject_status;
INSERT INTO sending SELECT batch_id, url, seal(out), files, state, at FROM v1_sending;
"""
