"""Which profile made an OUT folder."""

import sqlite3

from radcommons.deid.profile import Profile, engine_digest, load_profile
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder


def profile_of(
    connection: sqlite3.Connection, home: EdgeHome, folder: OutFolder, *, named: str | None = None
) -> Profile:
    """The profile that an OUT folder was made with.

    Raises
    ------
    RadCommonsError
        ``edge.nothing-made``, ``edge.made-by-another-engine``, or ``edge.unknown-profile`` when it is not here or was
        changed since.
    """
    row = connection.execute("SELECT * FROM out_profile WHERE out = ?", (folder.name,)).fetchone()
    if row is None:
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-made",
            "De-identification has not finished. Run `radcommons edge deidentify` again.",
        )
    demand_engine(row["engine"])
    for name in (named, home.profile, row["name"]):
        if name is not None and (profile := _loaded(name)) is not None and profile.digest == row["digest"]:
            return profile
    raise RadCommonsError(
        Kind.CONFLICT,
        "edge.unknown-profile",
        "OUT was made with a profile that is not here or was changed since. Run `radcommons edge deidentify` again, or"
        " name it with `radcommons edge verify --profile`.",
    )


def demand_engine(engine: str) -> None:
    """Demand that this version of the software made an OUT folder: it alone can say what it did, and do it once more.

    Raises
    ------
    RadCommonsError
        ``edge.made-by-another-engine``.
    """
    if engine != engine_digest():
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.made-by-another-engine",
            "Another version of RadCommons made OUT. Run `radcommons edge deidentify` again; decisions of persons stay.",
        )


def _loaded(name: str) -> Profile | None:
    try:
        return load_profile(name)
    except RadCommonsError:
        return None
