import json
import os
import subprocess
import sys

import duckdb
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.support.release_server import KEY

from radcommons.client.commands import download as download_command
from radcommons.client.commands import verify as verify_command
from radcommons.client.download import Wish, download
from radcommons.client.errors import FolderError
from radcommons.client.tables import columns
from radcommons.client.verify import verify_folder
from radcommons.transfer.release.attestation import public_key_pem
from radcommons.transfer.release.errors import SignatureError
from radcommons.transfer.release.manifest import ReleaseManifest


@pytest.fixture
def copy(repository, tmp_path):
    folder = tmp_path / "copy"
    assert download(Wish("chest-ct@1.0.0", repository.url), folder).is_complete
    return folder


def first_image(copy):
    return min((copy / "images").rglob("*.dcm"))


def test_an_untouched_copy_is_complete(copy):
    found = verify_folder(copy)
    assert found.is_ok
    signed = json.loads((copy / "release.json").read_text())["files"]
    records = json.loads((copy / "status.json").read_text())["records"]
    assert {"SHA256SUMS", "LICENSE.txt", "provenance.json"} <= {entry["path"] for entry in signed}
    checked = len(signed) + len(records) + len(list((copy / "images").rglob("*.dcm")))
    assert found.counts == {"checked": checked, "missing": 0, "changed": 0, "extra": 0}


def test_missing_changed_and_extra_files_are_listed(copy):
    images = sorted((copy / "images").rglob("*.dcm"))
    images[0].unlink()
    images[1].write_bytes(b"!" + images[1].read_bytes()[1:])
    images[2].write_bytes(images[2].read_bytes() + b"more")
    (copy / "images" / "notes.txt").write_text("mine")
    found = verify_folder(copy)
    assert not found.is_ok
    assert found.missing == [images[0].relative_to(copy).as_posix()]
    assert found.changed == sorted(path.relative_to(copy).as_posix() for path in images[1:3])
    assert found.extra == ["images/notes.txt"]


def test_extra_files_do_no_harm(copy):
    (copy / "my-analysis.ipynb").write_text("{}")
    assert verify_folder(copy).is_ok


def test_an_extra_file_whose_name_is_no_text_is_listed_all_the_same(copy):
    (copy / os.fsdecode(b"images/caf\xe9.dcm")).write_bytes(b"")
    done = CliRunner().invoke(verify_command, [str(copy), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["extra"] == ["images/caf\\udce9.dcm"]
    assert "caf" in CliRunner().invoke(verify_command, [str(copy)]).output


def test_a_changed_table_is_noticed(copy):
    table = copy / "tables" / "series.parquet"
    table.write_bytes(table.read_bytes()[:-1] + b"!")
    assert verify_folder(copy).changed == ["tables/series.parquet"]


def test_a_changed_instance_manifest_makes_the_check_stop(copy):
    table = copy / "manifest" / "instances-00000.parquet"
    table.write_bytes(b"PAR1")
    found = verify_folder(copy)
    assert not found.is_ok
    assert "manifest" in found.problems[0]


def test_a_changed_release_json_is_refused(copy):
    path = copy / "release.json"
    path.write_bytes(path.read_bytes().replace(b"CC-BY-4.0", b"CC0-1.0!!"))
    with pytest.raises(SignatureError):
        verify_folder(copy)


def test_a_pinned_key_is_believed_rather_than_the_delivered_one(copy):
    assert verify_folder(copy, pinned_key=public_key_pem(KEY.public_key())).is_key_pinned
    with pytest.raises(SignatureError):
        verify_folder(copy, pinned_key=public_key_pem(Ed25519PrivateKey.generate().public_key()))


def test_a_release_signed_anew_by_another_key_is_noticed(copy):
    receipt = json.loads((copy / "receipt.json").read_bytes())
    receipt["key_id"] = "0" * 64
    (copy / "receipt.json").write_text(json.dumps(receipt))
    assert "another key" in verify_folder(copy).problems[0]


def test_a_redacted_instance_keeps_root_and_signature_valid(copy):
    """The row and its salt go, the leaf's hash stays: the tree still has the signed root."""
    from radcommons.client.tables import leaves, merkle_root

    manifest = ReleaseManifest.from_bytes((copy / "release.json").read_bytes())
    table = copy / manifest.instance_tables[0]
    victim = list(leaves(copy, manifest))[3]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE m AS SELECT * FROM read_parquet(?)", [str(table)])
        connection.execute(
            "UPDATE m SET leaf_hash = ?, leaf_salt = NULL, path = NULL, subject_id = NULL, study_instance_uid = NULL,"
            " series_instance_uid = NULL, sop_instance_uid = NULL, sha256 = NULL, size_bytes = NULL"
            " WHERE sop_instance_uid = ?",
            [victim.hash, victim.row.sop_instance_uid],
        )
        connection.table("m").write_parquet(str(table))
    assert merkle_root(copy, manifest) == manifest.root_hash
    assert len([leaf for leaf in leaves(copy, manifest) if leaf.row]) == 9


def test_a_folder_without_a_release_says_so(tmp_path):
    with pytest.raises(FolderError, match="release"):
        verify_folder(tmp_path)


def test_a_condition_may_use_the_columns_of_all_levels(copy):
    names = columns(copy)
    assert {"subject_id", "study_date", "modality", "sop_class_uid", "patient_sex", "site_code"} <= set(names)
    assert len(names) == len(set(names))


def test_the_commands_tell_by_their_exit_code(repository, tmp_path):
    folder = str(tmp_path / "copy")
    done = CliRunner().invoke(download_command, ["chest-ct@latest", folder, "--from", repository.url, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["ok"]
    assert CliRunner().invoke(verify_command, [folder]).exit_code == 0
    first_image(tmp_path / "copy").unlink()
    checked = CliRunner().invoke(verify_command, [folder, "--json"])
    assert checked.exit_code == 3
    assert json.loads(checked.stdout)["counts"]["missing"] == 1


def test_the_download_ends_badly_when_something_is_missing(repository, tmp_path):
    next(iter((repository.folder / "instances").iterdir())).unlink()
    done = CliRunner().invoke(download_command, ["chest-ct", str(tmp_path / "copy"), "--from", repository.url])
    assert done.exit_code == 3
    assert "not complete" in done.output


def test_the_program_exits_with_three_when_a_file_is_missing_or_changed(copy):
    program = [sys.executable, "-m", "radcommons", "verify", str(copy)]
    assert subprocess.run(program, capture_output=True, check=False).returncode == 0
    first_image(copy).write_bytes(b"")
    assert subprocess.run(program, capture_output=True, check=False).returncode == 3
    first_image(copy).unlink()
    assert subprocess.run(program, capture_output=True, check=False).returncode == 3


def test_the_download_program_exits_with_three_when_something_could_not_be_had(repository, tmp_path):
    next((repository.folder / "instances").glob("*.dcm")).unlink()
    program = [sys.executable, "-m", "radcommons", "download", "chest-ct@1.0.0", str(tmp_path / "copy")]
    assert subprocess.run([*program, "--from", repository.url], capture_output=True, check=False).returncode == 3


def test_starting_loads_the_engine_of_the_tables_without_the_package_around_it():
    code = "import sys, radcommons.client.commands; print('_duckdb' in sys.modules, 'duckdb' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["True", "False"]
