"""What decisions about pixels and texts hold back in an OUT folder until it was made anew."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from radcommons.edge.database import commits_elsewhere
from radcommons.edge.grouping import UsableInstance
from radcommons.edge.header import Header
from radcommons.edge.outfolder import OutFolder
from radcommons.edge.pixels.deciding import PixelDecisions
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.text_memory import TextMemory
from radcommons.edge.walk import Root


class Overtaking:
    """Holds back what a person decided otherwise while it was made: as it is it never leaves, and is made anew.

    Parameters
    ----------
    connection
        Of whoever makes results, before the first decision is read.
    memory, markers
        The home's memory of pixels, and the profile's markers.
    """

    def __init__(self, connection: sqlite3.Connection, memory: PixelMemory, *, markers: Sequence[str]) -> None:
        self._connection = connection
        self._decisions = PixelDecisions(connection, memory, markers=markers)
        self._commits = commits_elsewhere(connection)

    def hold(self, sources: Iterable[str]) -> None:
        """Hold back results of these sources that were written down in this transaction, where something was decided since."""
        if commits_elsewhere(self._connection) != self._commits:
            self._decisions.hold_overtaken(sources)
            TextMemory(self._connection).hold_overtaken()


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
