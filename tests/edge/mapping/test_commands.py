"""``edge crosswalk`` and ``edge key`` as a coordinator or a script types them."""

import json

import pytest
from click.testing import CliRunner
from tests.support.hospital_folder import write_original

from radcommons.dicom.errors import RadCommonsError
from radcommons.edge import passphrase as passphrases
from radcommons.edge.commands import edge
from radcommons.edge.home import open_home

WHO = ("--by", "Dr Example", "--reason", "a test")


@pytest.fixture
def run(tmp_path):
    """Run an edge command; with ``--json`` its answer is parsed."""

    def call(*arguments, env=None):
        command = [str(each) for each in (*arguments, "--home", tmp_path / "home")]
        result = CliRunner().invoke(edge, command, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in command else result.output

    return call


@pytest.fixture
def made(run, folder, out):
    """A home with one de-identified patient."""
    run("init", "--site", "ALPHA", "--project", "covid19")
    write_original(folder / "1.dcm")
    run("deidentify", folder, out)
    return run


@pytest.fixture
def passphrase_file(tmp_path):
    path = tmp_path / "passphrase"
    path.write_text("four random words here\n")
    return path


def write_csv(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_list_shows_subjects_and_no_patient(made):
    told, listed = made("crosswalk", "list"), made("crosswalk", "list", "--json")

    assert "0048213" not in told
    assert listed["subjects"][0]["subject_id"] in told
    assert listed["subjects"][0]["studies"] == 1


def test_a_patient_is_looked_up_with_a_reason(made):
    subject = made("crosswalk", "list", "--json")["subjects"][0]["subject_id"]

    with pytest.raises(RadCommonsError, match="--reason"):
        made("crosswalk", "lookup", subject)
    assert "mrn-0048213" in made("crosswalk", "lookup", subject, *WHO)
    assert made("crosswalk", "lookup", subject, *WHO, "--json")["entries"][0]["patient_id"] == "mrn-0048213"
    assert [each["verb"] for each in made("crosswalk", "journal", "--json")] == ["lookup", "lookup"]
    assert "Dr Example: a test" in made("crosswalk", "journal")


def test_the_crosswalk_goes_out_protected_and_in_again(made, tmp_path, passphrase_file):
    file = tmp_path / "crosswalk.json"
    protected = ("--passphrase-file", passphrase_file, *WHO)

    assert made("crosswalk", "export", file, *protected, "--json")["is_protected"]
    assert made("crosswalk", "import", file, *protected, "--json") == {"added": 0, "unchanged": 1}


def test_forgetting_is_explained_first_and_done_with_yes(made, tmp_path):
    patients = write_csv(tmp_path / "patients.csv", "patient_id", "MRN-0048213")

    with pytest.raises(RadCommonsError, match="does not take back what was sent") as refusal:
        made("crosswalk", "forget", "--patients", patients, *WHO)
    assert refusal.value.code == "edge.not-confirmed"
    assert len(made("crosswalk", "list", "--json")["subjects"]) == 1

    assert made("crosswalk", "forget", "--patients", patients, "--yes", *WHO, "--json")["subjects"] == 1
    assert made("crosswalk", "list", "--json")["subjects"] == []


def test_rotating_asks_for_a_choice_explains_it_and_is_done_with_yes(made):
    with pytest.raises(RadCommonsError, match=r"(?s)--keep-subjects.*--new-subjects"):
        made("crosswalk", "rotate", "--yes", *WHO)
    with pytest.raises(RadCommonsError, match="must not be sent again"):
        made("crosswalk", "rotate", "--keep-subjects", *WHO)
    assert made("key", "show", "--json")["generation"] == 1

    done = made("crosswalk", "rotate", "--keep-subjects", "--yes", *WHO, "--json")

    assert (done["generation"], done["subjects_kept"]) == (2, 1)
    assert made("key", "show", "--json")["signing_key_id"] == done["signing_key_id"]


def test_the_fingerprint_is_shown_as_the_centre_shows_it(made):
    shown = made("key", "show")

    fingerprint = made("key", "show", "--json")["signing_key_id"]
    assert " ".join(fingerprint[start : start + 8] for start in range(0, 64, 8)) in shown


def test_a_person_confirms_patients_of_a_list(made, tmp_path):
    patients = write_csv(tmp_path / "patients.csv", "patient_id", "MRN-0048213", "MRN-UNKNOWN")

    assert made("crosswalk", "confirm", "--patients", patients, *WHO, "--json") == {
        "patients": 1,
        "studies": 0,
        "unknown": 1,
    }


def test_the_key_is_protected_and_unprotected(made, passphrase_file):
    made("key", "protect", "--passphrase-file", passphrase_file, *WHO)
    env = {passphrases.FILE_VARIABLE: str(passphrase_file)}

    assert made("key", "show", "--json", env=env)["is_protected"]
    assert "BEGIN PUBLIC KEY" in made("key", "show", env=env)
    assert not made("key", "unprotect", *WHO, "--json", env=env)["is_protected"]
    assert not made("key", "show", "--json")["is_protected"]


def test_a_home_is_made_with_its_choices(run, tmp_path, passphrase_file):
    chosen = ("--pseudonyms", "keyed", "--shift-days", "365", "1500", "--whole-weeks")
    run("init", "--site", "ALPHA", "--project", "p", *chosen, "--passphrase-file", passphrase_file)

    home = open_home(tmp_path / "home")

    assert home.pseudonyms == "keyed"
    assert (home.date_shift.min_days, home.date_shift.max_days, home.date_shift.is_whole_weeks) == (365, 1500, True)
    assert "locked" in home.key_path.read_text()


def test_impossible_choices_make_no_home(run, tmp_path):
    with pytest.raises(RadCommonsError) as refusal:
        run("init", "--site", "ALPHA", "--project", "p", "--shift-days", "10", "20")

    assert refusal.value.code == "edge.invalid-setting"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("setting", ['pseudonyms = "maybe"', "date_shift = 5", "date_shift = { min_days = 1 , x = 2 }"])
def test_a_settings_file_with_impossible_choices_is_named(made, tmp_path, setting):
    (tmp_path / "home" / "edge.toml").write_text(f'site = "ALPHA"\nproject = "p"\n{setting}\n')

    with pytest.raises(RadCommonsError) as refusal:
        made("crosswalk", "list")

    assert refusal.value.code == "edge.invalid-setting"
