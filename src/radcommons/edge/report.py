"""The site's own report of a de-identification: which attributes were treated how, without any value."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from radcommons import __version__
from radcommons.deid.profile import Profile
from radcommons.edge import findings as stored
from radcommons.edge import journal
from radcommons.edge.outfolder import OutFolder
from radcommons.transfer.manifest import ProfileStamp

SCHEMA = "radcommons.report/1"


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Digest of ``report.jsonl`` and the findings by code."""

    sha256: str
    findings_by_code: dict[str, int]


def profile_stamp(profile: Profile) -> ProfileStamp:
    """The profile as batches name it."""
    return ProfileStamp(profile.name, profile.version, profile.digest)


def write_report(connection: sqlite3.Connection, out: OutFolder, *, profile: ProfileStamp) -> WrittenReport:
    """Write ``report.jsonl`` and ``findings.jsonl`` anew from the journal, in an order that any machine gives.

    The report has one line for the batch, one for each distinct list of actions and one for each instance.
    """
    digest = hashlib.sha256()
    temporary = out.report_path.with_suffix(".part")
    with temporary.open("wb") as stream:
        for value in _report_lines(connection, out, profile=profile):
            line = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n"
            digest.update(line)
            stream.write(line)
    temporary.replace(out.report_path)
    return WrittenReport(digest.hexdigest(), _write_findings(connection, out))


def _report_lines(
    connection: sqlite3.Connection, out: OutFolder, *, profile: ProfileStamp
) -> Iterator[dict[str, object]]:
    yield {
        "line": "batch",
        "profile": {"digest": profile.digest, "name": profile.name, "version": profile.version},
        "schema": SCHEMA,
        "software": {"name": "radcommons", "version": __version__},
    }
    lists = connection.execute(
        "SELECT DISTINCT digest, body FROM action_list JOIN output ON output.actions = action_list.digest"
        " WHERE out = ? AND is_kept ORDER BY digest",
        (out.name,),
    )
    for row in lists:
        yield {"line": "actions", "actions_sha256": row["digest"], "actions": json.loads(row["body"])}
    for row in journal.by_reference(connection, out):
        counts = stored.count(stored.load(row["findings"]))
        if row["is_kept"]:
            yield {
                "line": "instance",
                "actions_sha256": row["actions"],
                "findings": counts,
                "pixel_text": row["pixel_text"],
                "sha256": row["sha256"],
                "sop_instance_uid": row["sop_uid"],
            }
        else:
            yield {"line": "kept_out", "findings": counts, "source": row["token"]}


def _write_findings(connection: sqlite3.Connection, out: OutFolder) -> dict[str, int]:
    counts: dict[str, int] = {}
    temporary = out.findings_path.with_suffix(".part")
    with temporary.open("wb") as stream:
        for row in journal.by_reference(connection, out):
            for finding in stored.load(row["findings"]):
                counts[finding.code] = counts.get(finding.code, 0) + 1
                line = {**finding.to_json(), **journal.reference(row)}
                stream.write(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n")
    temporary.replace(out.findings_path)
    return dict(sorted(counts.items()))
