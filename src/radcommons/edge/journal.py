"""What was made of which source in which OUT folder: the memory that makes de-identification resumable."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from radcommons.dicom.finding import Finding, Severity
from radcommons.edge import findings as stored
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.pixels.looks import HouseRules, boxes_json
from radcommons.edge.pixels.orders import NOTHING_KNOWN, Order
from radcommons.edge.text_memory import TextMemory
from radcommons.edge.walk import place
from radcommons.edge.work import ENDED, Made, NewInstance


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an output as the journal names it; ``token`` stands for it outside the home."""

    root: str
    path: str
    member: int
    token: str
    subject_id: str
    recipe: str
    run: int
    source_sha256: str = ""
    order: Order = NOTHING_KNOWN
    new_study_uid: str = ""
    new_series_uid: str = ""
    sop_class_uid: str = ""
    modality: str = ""


def next_run(connection: sqlite3.Connection) -> int:
    """A number greater than that of every earlier run."""
    return int(connection.execute("SELECT coalesce(max(run), 0) + 1 FROM output").fetchone()[0])


def is_done(
    connection: sqlite3.Connection, out: OutFolder, *, origin: Origin, house: HouseRules, texts: TextMemory
) -> bool:
    """Whether the source was worked on with the same recipe and its result is still there; marks it as still wanted."""
    row = connection.execute(
        "SELECT * FROM output WHERE out = ? AND root = seal(?) AND path = seal(?) AND member = ? AND recipe = ?",
        (out.name, origin.root, origin.path, origin.member, origin.recipe),
    ).fetchone()
    if row is None or not origin.order.is_met_by(row, house):
        return False
    if not row["is_kept"] and any(each.code.startswith(ENDED) for each in stored.load(row["findings"])):
        return False
    if row["is_kept"] and row["text_recipe"] != texts.recipe(row["text_set"]):
        return False
    if row["is_kept"]:
        path = out.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"])
        if not path.is_file() or path.stat().st_size != row["size_bytes"]:
            return False
    connection.execute("UPDATE output SET run = ? WHERE output_id = ?", (origin.run, row["output_id"]))
    return True


def note(connection: sqlite3.Connection, out: OutFolder, *, origin: Origin, made: Made, texts: TextMemory) -> None:
    """Write down what came of one source; a file that was made of it before and is not again is removed."""
    before = _before(connection, out, origin)
    if before is not None and before["is_kept"]:
        old = out.instance_path(before["study_uid"], before["series_uid"], sop_uid=before["sop_uid"])
        if made.instance is None or made.instance.sop_instance_uid != before["sop_uid"]:
            old.unlink(missing_ok=True)
    text_set = "" if made.instance is None else texts.keep_set(value for _, value in made.instance.kept_texts)
    connection.execute(
        "INSERT OR REPLACE INTO output (out, root, path, member, recipe, run, is_kept, token, subject_id, actions,"
        " findings, sha256, size_bytes, study_uid, series_uid, sop_uid, sop_class_uid, modality, instance_number,"
        " number_of_frames, is_image, pixel_text, source_sha256, pixel_recipe, boxes,"
        " text_set, text_recipe)"
        " VALUES (?, seal(?), seal(?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(out.name, origin.root, origin.path, origin.member, origin.recipe, origin.run),
            *(made.instance is not None, origin.token, origin.subject_id, made.actions_digest),
            stored.dump(made.findings),
            *_values(made.instance, origin=origin, before=before),
            *(origin.source_sha256, origin.order.recipe(made.boxes), boxes_json(made.boxes)),
            *(text_set, texts.recipe(text_set)),
        ),
    )
    if made.instance is None:
        return
    connection.execute(
        "INSERT INTO action_list (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (made.actions_digest, made.actions),
    )
    connection.executemany(
        "INSERT INTO kept_text (out, keyword, value, series_uid) VALUES (?, ?, seal(?), ?) ON CONFLICT DO NOTHING",
        ((out.name, keyword, value, made.instance.series_instance_uid) for keyword, value in made.instance.kept_texts),
    )


def clash(connection: sqlite3.Connection, out: OutFolder, *, origin: Origin, instance: NewInstance) -> Finding | None:
    """Why an instance may not enter: one with its SOP Instance UID came from elsewhere before."""
    row = connection.execute(
        "SELECT sha256 FROM output WHERE out = ? AND sop_uid = ? AND is_kept"
        " AND NOT (root = seal(?) AND path = seal(?) AND member = ?) AND (root <> seal(?) OR run = ?)",
        (
            *(out.name, instance.sop_instance_uid, origin.root, origin.path, origin.member),
            *(origin.root, origin.run),
        ),
    ).fetchone()
    if row is None:
        return None
    if row["sha256"] == instance.sha256:
        return Finding(Severity.INFO, "edge.duplicate", "object", "The same instance came from another source before.")
    return Finding(
        Severity.WARNING,
        "edge.duplicate-differs",
        "object",
        "An instance with this SOP Instance UID but other content came from another source before; that one is used.",
    )


def forget_unwanted(connection: sqlite3.Connection, out: OutFolder, *, root: str, run: int) -> int:
    """Drop results of sources that are gone or no longer selected, and every file the journal does not know."""
    dropped = connection.execute(
        "DELETE FROM output WHERE out = ? AND root = seal(?) AND run <> ?", (out.name, root, run)
    ).rowcount
    for path in out.instance_files():
        row = connection.execute(
            "SELECT study_uid, series_uid FROM output WHERE out = ? AND sop_uid = ? AND is_kept", (out.name, path.stem)
        ).fetchone()
        known = row is not None and out.instance_path(row["study_uid"], row["series_uid"], sop_uid=path.stem) == path
        if not known:
            path.unlink()
    connection.execute(
        "DELETE FROM kept_text WHERE out = ? AND series_uid NOT IN"
        " (SELECT series_uid FROM output WHERE out = ? AND is_kept)",
        (out.name, out.name),
    )
    _remove_empty_folders(out)
    return dropped


def kept(connection: sqlite3.Connection, out: OutFolder) -> Iterator[sqlite3.Row]:
    """The instances in an OUT folder, by study, series, instance number and UID."""
    yield from connection.execute(
        "SELECT * FROM output WHERE out = ? AND is_kept ORDER BY study_uid, series_uid, instance_number, sop_uid",
        (out.name,),
    )


def kept_out(connection: sqlite3.Connection, out: OutFolder) -> Iterator[Finding]:
    """Why sources were kept out, with their place in the hospital's folder; for the hospital's eyes only."""
    rows = connection.execute(
        "SELECT unseal(output.path) AS path, output.findings, unseal(coalesce(member_name, x'')) AS member_name FROM output"
        " LEFT JOIN source USING (root, path, member) WHERE out = ? AND NOT is_kept ORDER BY 1, output.member",
        (out.name,),
    )
    for row in rows:
        for finding in stored.load(row["findings"]):
            yield stored.replace_where(finding, place(row["path"], row["member_name"]))


def by_reference(connection: sqlite3.Connection, out: OutFolder) -> Iterator[sqlite3.Row]:
    """All results, kept by SOP Instance UID and then refused by token: an order that any machine gives.

    Kept ones come in the order of an index: sorting a hundred thousand rows would hold them all in memory.
    """
    yield from connection.execute("SELECT * FROM output WHERE out = ? AND is_kept ORDER BY sop_uid", (out.name,))
    yield from connection.execute("SELECT * FROM output WHERE out = ? AND NOT is_kept ORDER BY token", (out.name,))


def reference(row: sqlite3.Row) -> dict[str, str]:
    """How a result is named outside the home: by its new UID, or by the token of the source that was kept out."""
    return {"sop_instance_uid": row["sop_uid"]} if row["is_kept"] else {"source": row["token"]}


def _before(connection: sqlite3.Connection, out: OutFolder, origin: Origin) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT is_kept, study_uid, series_uid, sop_uid FROM output"
        " WHERE out = ? AND root = seal(?) AND path = seal(?) AND member = ?",
        (out.name, origin.root, origin.path, origin.member),
    ).fetchone()
    return row


def _values(instance: NewInstance | None, *, origin: Origin, before: sqlite3.Row | None) -> tuple[object, ...]:
    if instance is None:
        # What was kept out still belongs to its series on the review page.
        place = (before["study_uid"], before["series_uid"]) if before is not None and before["series_uid"] else ()
        study_uid, series_uid = place or (origin.new_study_uid, origin.new_series_uid)
        return ("", 0, study_uid, series_uid, "", origin.sop_class_uid, origin.modality, 0, 0, 0, "not_applicable")
    return (
        *(instance.sha256, instance.size_bytes),
        *(instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid),
        *(instance.sop_class_uid, instance.modality, instance.instance_number, instance.number_of_frames),
        *(int(instance.is_image), instance.pixel_text),
    )


def _remove_empty_folders(out: OutFolder) -> None:
    if not out.instances_path.is_dir():
        return
    for study in out.instances_path.iterdir():
        for series in study.iterdir():
            if not any(series.iterdir()):
                series.rmdir()
        if not any(study.iterdir()):
            study.rmdir()
