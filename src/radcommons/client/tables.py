"""Reading the Parquet tables of a downloaded release, without giving a query any reach beyond them."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# The engine itself: the package around it imports fifty modules for tables of other libraries, a fifth of what starting takes.
import _duckdb as duckdb

from radcommons.client.errors import SelectionError, printable
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import InstanceRow, ReleaseManifest
from radcommons.transfer.release.merkle import MerkleRoot, leaf_hash
from radcommons.transfer.release.paths import is_sha256

LEVELS = (
    ("instance", "sop_instance_uid"),
    ("series", "series_instance_uid"),
    ("study", "study_instance_uid"),
    ("subject", "subject_id"),
)
BATCH_ROWS = 2_000
LONGEST_COLUMNS = 10_000
# A folder of the researcher's that is called like ``modality=CT`` adds no column.
_PARQUET = "read_parquet(?, hive_partitioning = false)"
# Types are demanded, for a table may hold anything under these names.
MANIFEST_COLUMNS = (
    "subject_id::VARCHAR, study_instance_uid::VARCHAR, series_instance_uid::VARCHAR, sop_instance_uid::VARCHAR, "
    "sha256::VARCHAR, size_bytes::BIGINT, leaf_salt::BLOB, leaf_hash::BLOB"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One row of the instance manifest: the instance and its salt, or of a redacted one only the hash."""

    row: InstanceRow | None
    salt_or_hash: bytes

    @property
    def hash(self) -> bytes:
        """What the tree holds at this place, 32 bytes."""
        return self.salt_or_hash if self.row is None else leaf_hash(self.salt_or_hash, self.row.canonical())


def leaves(folder: Path, manifest: ReleaseManifest) -> Iterator[Leaf]:
    """The leaves of the release in the order of the tree, in constant memory.

    Raises
    ------
    ReleaseFormatError
        When a manifest table cannot be read or a row contradicts itself.
    """
    for table in manifest.instance_tables:
        try:
            with closing(_reading().cursor()) as connection:
                cursor = connection.execute(
                    f"SELECT {MANIFEST_COLUMNS} FROM {_PARQUET}",  # noqa: S608 - the texts are constants
                    [str(folder / table)],
                )
                while batch := cursor.fetchmany(BATCH_ROWS):
                    yield from map(_leaf, batch)
        except duckdb.Error as error:
            raise ReleaseFormatError("The manifest table of the release cannot be read.") from error


def merkle_root(folder: Path, manifest: ReleaseManifest) -> str:
    """Root over the leaves found in *folder*, 64 hexadecimal digits."""
    tree = MerkleRoot()
    for leaf in leaves(folder, manifest):
        tree.add(leaf.hash)
    return tree.digest().hex()


def selected_rows(folder: Path, manifest: ReleaseManifest, where: str | None) -> Iterator[InstanceRow]:
    """The instances that *where* selects, in the order of the tree; all of them without a condition.

    Parameters
    ----------
    where
        A condition over the columns of the subject, study, series and instance tables, such as
        ``modality = 'CT' AND patient_age_years >= 40``.

    Raises
    ------
    SelectionError
        When the condition is not one SQL expression over those columns.
    """
    chosen = None if where is None else matching_instances(folder, where)
    for leaf in leaves(folder, manifest):
        if leaf.row is not None and (chosen is None or leaf.row.sop_instance_uid in chosen):
            yield leaf.row


def matching_instances(folder: Path, where: str) -> frozenset[str]:
    """SOP Instance UIDs of the rows for which *where* holds; the condition can reach nothing but the tables."""
    with closing(_connect()) as connection:
        _load(connection, folder)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        query = f"SELECT sop_instance_uid FROM release WHERE ({where}\n)"  # noqa: S608 - the condition is the user's own
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise SelectionError("--where takes one condition, not several statements.")
            return frozenset(uid for (uid,) in connection.execute(statements[0]).fetchall())
        except duckdb.Error as error:
            reason = printable(str(error).splitlines()[0])
            known = printable(", ".join(_columns_of(connection)), LONGEST_COLUMNS)
            raise SelectionError(f"--where was not understood: {reason} Its columns are: {known}.") from error


def columns(folder: Path) -> tuple[str, ...]:
    """Names that a condition may use."""
    with closing(_connect()) as connection:
        _load(connection, folder)
        return _columns_of(connection)


def _columns_of(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in connection.execute("DESCRIBE release").fetchall())


def prepare() -> None:
    """Have the engine ready, which takes as long as a few answers of a repository; in a thread while they are waited for."""
    _reading()


@cache
def _reading() -> duckdb.DuckDBPyConnection:
    """For statements of our own, which are all alike safe; making a database takes longer than most of them."""
    return _connect()


def _connect() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2})


def _load(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    try:
        for name, _ in LEVELS:
            connection.execute(
                f"CREATE TABLE {name} AS SELECT * FROM {_PARQUET}",  # noqa: S608 - the texts are constants
                [str(folder / "tables" / f"{name}.parquet")],
            )
        connection.execute(_joined_view(connection))
    except duckdb.Error as error:
        raise ReleaseFormatError("The tables of the release cannot be read.") from error


def _joined_view(connection: duckdb.DuckDBPyConnection) -> str:
    """One row per instance with the columns of all levels; a name that two levels share means the lower one."""
    chosen: dict[str, str] = {}
    for name, _ in LEVELS:
        for row in connection.execute(f"DESCRIBE {name}").fetchall():
            chosen.setdefault(str(row[0]), name)
    listed = ", ".join(f"{table}.{_quoted(column)}" for column, table in chosen.items())
    joins = " ".join(f"JOIN {name} ON {name}.{key} = instance.{key}" for name, key in LEVELS[1:])
    return f"CREATE VIEW release AS SELECT {listed} FROM instance {joins}"  # noqa: S608 - names of our own tables


def _quoted(name: str) -> str:
    """A name of a column within a statement; it comes from whoever made the release, who may have written SQL there."""
    return '"' + name.replace('"', '""') + '"'


def _leaf(values: Sequence[Any]) -> Leaf:
    subject, study, series, sop, digest, size, salt, redacted = values
    if redacted is not None:
        return Leaf(None, bytes(redacted))
    if None in values[:7] or not is_sha256(digest) or size < 0:
        raise ReleaseFormatError("A row of the release's manifest is incomplete.")
    return Leaf(InstanceRow(subject, study, series, sop, digest, size), bytes(salt))
