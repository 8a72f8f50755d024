"""An OUT folder with thousands of pictures to decide, of which a few were really made: the rest are copies of their rows."""

import hashlib
import os

import orjson
from tests.support.hospital_folder import SECRET, write_series
from tests.support.pictures_with_writing import SC, drawn, write_document, write_picture

from radcommons.edge.database import database, transaction
from radcommons.edge.deidentify import deidentify_folder
from radcommons.edge.home import init_home

STATION = "DEPT OF RADIOLOGY ROOM SEVEN"
NAMES = ("OKONKWO ADAEZE", "LINDQVIST ESBEN", "FERREIRA NUNO")


def hospital_with(root, *, copies):
    """A home and an OUT folder with ``copies`` pictures of each kind: a station's stamp, a patient's banner, no writing.

    The stamp is the same in all of them, the banner has one of three names; each stands in a series of its own.
    """
    home = init_home(root / "home", site="ALPHA", project="covid19", secret=SECRET)
    folder, out = root / "export", root / "out"
    folder.mkdir()
    kinds = {
        "stamp": (drawn((STATION, 12, 6)), {}),
        "banner": (drawn((f"{NAMES[0]} 03.11.1956", 12, 6), seed=2), {"ManufacturerModelName": "Sono 9"}),
        "empty": (drawn(seed=3), {"SOPClassUID": SC, "Modality": "OT"}),
    }
    for name, (pixels, changes) in kinds.items():
        write_picture(folder / f"{name}.dcm", pixels, study=name, series=name, **changes)
    write_document(folder / "letter.dcm", study="letter", series="letter")
    write_series(folder, count=2, study="ct", series="ct", SeriesDescription="axial Zwinglified")
    deidentify_folder(home, folder, out=out)
    with database(home) as connection, transaction(connection):
        for name in kinds:
            if name == "banner":
                _read(connection, _sha256(connection, "banner.dcm"), NAMES[0])
            for number in range(1, copies):
                _copy(connection, folder, out, (name, number))
    return home, out


def _copy(connection, folder, out, which):
    name, number = which
    original, path = f"{name}.dcm", f"{name}-{number}.dcm"
    os.link(folder / original, folder / path)
    source = dict(connection.execute("SELECT * FROM source WHERE path = seal(?)", (original,)).fetchone())
    output = dict(connection.execute("SELECT * FROM output WHERE path = seal(?)", (original,)).fetchone())
    before = source["sha256"]
    sha256 = hashlib.sha256(path.encode()).hexdigest()
    sealed = connection.execute("SELECT seal(?)", (path,)).fetchone()[0]
    source |= {"path": sealed, "sha256": sha256}
    output |= {"path": sealed, "source_sha256": sha256, "token": f"source:{sha256[:16]}"}
    output |= {"sop_uid": f"2.25.{int(sha256[:20], 16)}", "series_uid": f"2.25.{int(sha256[20:40], 16)}"}
    output["subject_id"] = f"ALPHA-{number % 40:06d}"
    made = out / "instances" / output["study_uid"]
    (made / output["series_uid"]).mkdir()
    os.link(next(made.glob("*/*.dcm")), made / output["series_uid"] / f"{output['sop_uid']}.dcm")
    del source["source_id"], output["output_id"]
    for table, row in (("source", source), ("output", output)):
        places = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", tuple(row.values()))  # noqa: S608 - names of columns
    connection.execute(
        "INSERT INTO pixel_look (source_sha256, rules, verdict, found) SELECT ?, rules, verdict, found FROM pixel_look"
        " WHERE source_sha256 = ?",
        (sha256, before),
    )
    if name == "banner":
        _read(connection, sha256, NAMES[number % 3])


def _read(connection, sha256, name):
    """What the recogniser would have read, had it read without a mistake."""
    row = connection.execute(
        "SELECT unseal(found) AS found FROM pixel_look WHERE source_sha256 = ?", (sha256,)
    ).fetchone()
    found = orjson.loads(row["found"])
    for each in found["candidates"]:
        each["text"] = f"{name} 03.11.1956"
    connection.execute(
        "UPDATE pixel_look SET found = seal(?) WHERE source_sha256 = ?", (orjson.dumps(found).decode(), sha256)
    )


def _sha256(connection, path):
    return connection.execute("SELECT sha256 FROM source WHERE path = seal(?)", (path,)).fetchone()["sha256"]
