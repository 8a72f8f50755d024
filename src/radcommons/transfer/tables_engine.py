"""What writes tables, loaded when the first one is written: it is large, and few of a centre's processes write any."""

from typing import TYPE_CHECKING

from radcommons.dicom.isolation import Named

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CONNECT: Named[object, "DuckDBPyConnection"] = Named("duckdb", "connect")


def tables_engine(database: str = ":memory:") -> "DuckDBPyConnection":
    """A DuckDB of one thread, so that equal rows give equal bytes; it fetches nothing from the network.

    Parameters
    ----------
    database
        The file it works in; memory otherwise.
    """
    is_read_only = False
    return _CONNECT(database, is_read_only, {"threads": 1, "autoinstall_known_extensions": "false"})
