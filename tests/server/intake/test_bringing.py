"""Storing from a folder and from a bucket: by the same rules as what a site sends, and nothing twice."""

import hashlib
import json

import pytest
from click.testing import CliRunner
from tests.support.batches import make_site, write_instance

from radcommons.server.archive.models import Instance
from radcommons.server.intake import commands
from radcommons.server.intake.models import Batch, BatchPart, QuarantinedInstance
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import CloudObjects, instance_key, object_store
from radcommons.server.platform.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path, tmp_store):
    """Seventy good files, more than are stored at once, and one of each kind that is not stored."""
    make_site()
    collection = tmp_path / "collection"
    (collection / "deep").mkdir(parents=True)
    for number in range(1, 71):
        write_instance(collection / "deep" / f"{number}.dcm", number=number)
    write_instance(collection / "named.dcm", study=2, PatientName="Doe^Jane")
    (collection / "notes.txt").write_text("no DICOM at all")
    (collection / "empty").touch()
    (collection / "gone.dcm").symlink_to(tmp_path / "nowhere")
    return collection


def store(source):
    words = ["store", str(source), "--site", "ALPHA", "--project", "covid19", "--json"]
    done = CliRunner().invoke(commands.intake, words, catch_exceptions=False)
    return json.loads(done.output)


def assert_all_is_there(folder):
    rows = dict(Instance.objects.filter(state="stored").values_list("sha256", "pk"))
    for path in (folder / "deep").iterdir():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        assert sha256 in rows
        assert hashlib.sha256(object_store().read(instance_key(sha256))).hexdigest() == sha256
    assert len(rows) == BatchPart.objects.filter(state="stored").count() == 70
    assert QuarantinedInstance.objects.get().modality == "CT"
    assert Batch.objects.get().door == "direct"
    assert AuditEvent.objects.filter(action="intake.store").exists()


def test_a_folder_is_stored_by_the_rules_of_every_other_door_and_once(folder):
    first, again = store(folder), store(folder)

    assert first == again
    assert {name: first[name] for name in ("files", "stored", "held_back", "left_out")} == {
        "files": 74,
        "stored": 70,
        "held_back": 1,
        "left_out": 3,
    }
    assert first["reasons"].keys() >= {"deid.person-name", "dicom.not-dicom", "intake.source-unreadable"}
    assert_all_is_there(folder)
    assert len([path for path in settings().staging_dir.rglob("*") if path.is_file()]) == 1


def test_a_prefix_of_a_bucket_is_stored_alike_and_its_neighbours_are_not(folder, s3_url):
    url = s3_url()
    bucket = CloudObjects(url)
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.put_path(f"hospital/{path.relative_to(folder)}", path)
    bucket.put_bytes("hospital-2/other.dcm", b"of somebody else")

    query = url.partition("?")
    done = store(f"{query[0].rstrip('/')}/hospital{query[1]}{query[2]}")

    assert (done["files"], done["stored"], done["held_back"]) == (73, 70, 1)
    assert_all_is_there(folder)


def test_where_no_agreement_is_or_no_folder_nothing_is_stored(folder, tmp_path):
    run = CliRunner()
    words = ["store", str(tmp_path / "nowhere"), "--site", "ALPHA", "--project", "covid19"]
    assert "no folder" in str(run.invoke(commands.intake, words).exception)
    words = ["store", str(folder), "--site", "ALPHA", "--project", "another"]
    assert run.invoke(commands.intake, words).exception.code == "sites.no-valid-agreement"
    assert not BatchPart.objects.exists()
