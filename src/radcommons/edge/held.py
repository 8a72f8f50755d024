"""What decisions about pixels and texts hold back in an OUT folder until it was made anew."""

import sqlite3
from collections.abc import Iterator

from radcommons.edge.grouping import UsableInstance
from radcommons.edge.header import Header
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.walk import Root


def held_roots(connection: sqlite3.Connection, out: OutFolder) -> tuple[str, ...]:
    """The folders that results come from which have to be made anew."""
    rows = connection.execute(
        "SELECT DISTINCT unseal(root) FROM output WHERE out = ?"
        " AND (pixel_text = 'not_checked' AND pixel_recipe = '' OR text_recipe = 'held')",
        (out.name,),
    )
    return tuple(sorted(row[0] for row in rows))


def held_instances(connection: sqlite3.Connection, out: OutFolder, root: Root) -> Iterator[UsableInstance]:
    """The sources of these results in one folder, as they were when it was last scanned, patient by patient."""
    rows = connection.execute(
        "SELECT source_id, unseal(source.path) AS path, source.member, source.size_bytes, source.sha256,"
        " unseal(source.patient_key) AS patient, unseal(header) AS header FROM output"
        " JOIN source ON source.root = output.root AND source.path = output.path AND source.member = output.member"
        " AND source.sha256 = output.source_sha256"
        " WHERE output.out = ? AND output.root = seal(?)"
        " AND (pixel_text = 'not_checked' AND pixel_recipe = '' OR text_recipe = 'held')"
        " AND source.state = 'instance' ORDER BY source.patient_key, source_id",
        (out.name, root.name),
    )
    for row in rows.fetchall():
        yield UsableInstance(
            *(row["source_id"], row["path"], row["member"], row["size_bytes"], row["sha256"]),
            patient_key=row["patient"],
            header=Header.from_json(row["header"]),
        )
