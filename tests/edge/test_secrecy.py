"""After a whole run nothing in a home's files can be read: no identifier, no original UID, no name in a path."""

import json
import shutil

import pytest
from tests.support.hospital_folder import PLANTED, uid, write_original

from radcommons.edge.criteria import load_criteria
from radcommons.edge.database import database
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder
from radcommons.edge.home import HomeChoices, init_home
from radcommons.edge.mapping.events import Because
from radcommons.edge.mapping.keys import rotate_key
from radcommons.edge.review import Decision, record_review, write_page
from radcommons.edge.scan import scan_folder
from radcommons.edge.selection import select_studies

SHORTEST = 5


def content_of(home):
    """Every byte of a home, the database's log too."""
    return {path: path.read_bytes() for path in sorted(home.path.rglob("*")) if path.is_file()}


def forms_of(value):
    """A value as it might lie in a file."""
    for text in (value, value.lower(), value.upper(), value.casefold(), value.replace("^", " ")):
        for encoding in ("utf-8", "utf-16-le", "latin-1"):
            yield text.encode(encoding, "ignore")


def found_in(home, values):
    """Which of the values can be read in which file."""
    return [
        (path.name, value)
        for path, content in content_of(home).items()
        for value in values
        if any(form in content for form in forms_of(value) if len(form) >= SHORTEST)
    ]


def test_no_planted_identifier_lies_in_the_home_after_a_whole_run(home, out, shared_data, tmp_path):
    key = json.loads((shared_data / "deid" / "synthetic" / "answer_key.json").read_text("utf-8"))
    values = {str(each["value"]) for case in key["cases"] for each in case["phi"]}
    planted = {value for value in values if len(value) >= SHORTEST}
    folder = tmp_path / "export for Okonkwo Adaeze"
    shutil.copytree(shared_data / "deid" / "synthetic", folder)
    (folder / "answer_key.json").unlink()
    names = {folder.name, *(path.name for path in folder.iterdir())}

    with database(home) as connection:
        scan_folder(home, folder)
        deidentify_folder(home, folder, out=out, options=DeidentifyOptions(processes=2))
        write_page(home, out)
        record_review(home, out, decision=Decision("Dr Example", is_approval=True))
        log = home.database_path.with_name("edge.sqlite-wal")
        assert log.stat().st_size > 0
        assert connection.execute("SELECT count(*) FROM source WHERE state = 'instance'").fetchone()[0] == 15
        assert found_in(home, planted | names) == []

    assert len(planted) > 100
    assert found_in(home, planted | names) == []


@pytest.mark.parametrize("is_rotated", [False, True])
def test_paths_uids_and_choices_of_a_hospital_cannot_be_read_either(home, tmp_path, is_rotated):
    folder, out = tmp_path / "Lindqvist ward", tmp_path / "out for Lindqvist"
    write_original(folder / "Okonkwo" / "Adaeze.dcm", study="s", series="t", StudyDescription="Thorax Okonkwo")
    write_original(folder / "mixed.dcm", study="s", series="t", number=2, PatientID="MRN-OTHER-1")
    (folder / "Okonkwo.zip").write_bytes(b"PK\x03\x04 no archive")
    select_studies(home, folder, criteria=load_criteria("covid19_chest"), patients=["MRN-0048213"])

    deidentify_folder(home, folder, out=out)
    if is_rotated:
        rotate_key(home, is_keeping_subjects=True, because=Because("Dr Lindqvist", "Okonkwo asked"))

    values = {*PLANTED, uid("s"), uid("s", "t"), uid("s", "t", 1), "MRN-OTHER-1", "Adaeze.dcm", str(folder), str(out)}
    assert found_in(home, values) == []


def test_a_stolen_disk_of_a_protected_home_holds_no_key_either(tmp_path):
    choices = HomeChoices(passphrase="four random words here")
    home = init_home(tmp_path / "home", site="ALPHA", project="covid19", choices=choices)
    write_original(tmp_path / "export" / "1.dcm")

    scan_folder(home, tmp_path / "export")

    assert found_in(home, {*PLANTED, home.key_file().secret.hex()}) == []
    assert not any(home.key_file().secret in content for content in content_of(home).values())
