"""The site's own report of a de-identification: which attributes were treated how, without any value."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from radcommons import __version__
from radcommons.deid.profile import Profile
from radcommons.edge import findings as stored
from radcommons.edge import journal
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.scan import Progress
from radcommons.transfer.manifest import ProfileStamp

SCHEMA = "radcommons.report/1"
_TOLD_EVERY = 256


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """Digest of ``report.jsonl`` and the findings by code."""

    sha256: str
    findings_by_code: dict[str, int]


def profile_stamp(profile: Profile) -> ProfileStamp:
    """The profile as batches name it."""
    return ProfileStamp(profile.name, profile.version, profile.digest)


def write_report(
    connection: sqlite3.Connection, out: OutFolder, *, profile: ProfileStamp, progress: Progress | None = None
) -> WrittenReport:
    """Write ``report.jsonl`` and ``findings.jsonl`` anew from the journal, in an order that any machine gives.

    The report has one line for the batch, one for each distinct list of actions and one for each instance.
    """
    digest = hashlib.sha256()
    temporary = out.report_path.with_suffix(".part")
    with temporary.open("wb") as stream:
        total = connection.execute("SELECT count(*) FROM output WHERE out = ?", (out.name,)).fetchone()[0]
        for done, value in enumerate(_report_lines(connection, out, profile=profile)):
            if progress is not None and done % _TOLD_EVERY == 0:
                progress("report", min(done, total), total)
            line = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n"
            digest.update(line)
            stream.write(line)
    temporary.replace(out.report_path)
    return WrittenReport(digest.hexdigest(), _write_findings(connection, out))


def action_counts(
    connection: sqlite3.Connection, lists: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """How often each action was taken, and how often on which attribute.

    Parameters
    ----------
    lists
        Instances by the digest of their list of actions.

    Returns
    -------
    Counts by action, and by attribute keyword and action; attributes without a keyword are ``private`` or ``unknown``.
    """
    actions: Counter[str] = Counter()
    attributes: dict[str, Counter[str]] = {}
    for digest, instances in lists.items():
        row = connection.execute("SELECT body FROM action_list WHERE digest = ?", (digest,)).fetchone()
        for line in orjson.loads(row["body"]):
            actions[line["action"]] += instances
            attributes.setdefault(_name_of(line), Counter())[line["action"]] += instances
    return dict(actions), {name: dict(counts) for name, counts in attributes.items()}


def _name_of(line: Mapping[str, str]) -> str:
    if line["keyword"].isidentifier():
        return line["keyword"]
    group = line["tag_path"].rpartition("/")[2].removeprefix("(")[:4]
    return "private" if int(group, 16) % 2 else "unknown"


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
