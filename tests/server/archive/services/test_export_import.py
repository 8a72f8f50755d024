"""An archive as plain folders, and back."""

import hashlib
import json
import subprocess

import pytest
from click.testing import CliRunner
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.server.archive import commands, companions, services
from radcommons.server.archive.export_format import ExportedInstance, place_of
from radcommons.server.archive.models import Instance
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import Site
from radcommons.transfer.release.errors import ReleaseFormatError, SignatureError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "export"


@pytest.fixture
def filled(store, tmp_path):
    for number in range(1, 6):
        store(dicom_file(tmp_path, number))
    return sorted(Instance.objects.values_list("sha256", flat=True))


def empty_archive():
    """As if this were another centre."""
    for sha256 in Instance.objects.values_list("sha256", flat=True):
        object_store().delete(instance_key(sha256))
    Instance.objects.all().delete()


def files(folder):
    return sorted(folder.glob("instances/**/*.dcm"))


def test_an_export_is_read_without_any_program_of_ours(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)) == filled
    assert files(folder)[0].parent.parent.parent.relative_to(folder).as_posix() == "instances/ALPHA/covid19/SUBJECT-1"
    check = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=False)
    assert check.returncode == 0
    assert not list(folder.rglob("*.part"))
    said = json.loads((folder / "archive.json").read_bytes())
    assert said["manifests"][0]["instances"] == 5
    assert AuditEvent.objects.get(action="archive.export").facts["instances"] == 5


def test_an_export_that_stopped_goes_on(filled, folder):
    def stop(count, _):
        if count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.export_archive(folder, actor=ACTOR, progress=stop)
    assert not (folder / "archive.json").exists()
    done = services.export_archive(folder, actor=ACTOR)
    assert done.instances == 5
    assert done.already_there >= 3


def test_a_damaged_object_is_left_out_and_named(filled, folder):
    object_store().put_bytes(instance_key(filled[0]), b"damaged")
    done = CliRunner().invoke(commands.archive, ["export", str(folder), "--json"])
    assert done.exit_code == 1
    assert [finding["code"] for finding in json.loads(done.stdout)["findings"]] == ["archive.object-damaged"]
    assert len(files(folder)) == 4


def test_files_of_other_rooms_are_exported_too(filled, folder):
    object_store().put_bytes("releases/x", b"signed")
    sha256 = hashlib.sha256(b"signed").hexdigest()
    each = companions.Companion("releases/x/1.0.0/release.json", "releases/x", sha256, 6)
    companions.register("tests", files=lambda: [each])
    try:
        services.export_archive(folder, actor=ACTOR)
    finally:
        companions.register("tests", files=tuple)
    assert (folder / "releases/x/1.0.0/release.json").read_bytes() == b"signed"
    assert f"{sha256}  releases/x/1.0.0/release.json" in (folder / "SHA256SUMS").read_text()


def test_another_centre_takes_an_export_in_once(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    empty_archive()
    done = CliRunner().invoke(commands.archive, ["import", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["stored"] == 5
    assert sorted(Instance.objects.values_list("sha256", flat=True)) == filled
    assert services.verify_objects(actor=ACTOR).findings == ()
    again = services.import_archive(folder, actor=ACTOR)
    assert (again.stored, again.already_there) == (0, 5)


def test_what_was_imported_is_our_own_whatever_becomes_of_the_folder(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    empty_archive()
    linked, *others = files(folder)
    linked.rename(folder / "elsewhere.dcm")
    linked.symlink_to(folder / "elsewhere.dcm")
    assert services.import_archive(folder, actor=ACTOR).stored == 5
    for path in (folder / "elsewhere.dcm", *others):
        with path.open("r+b") as file:
            file.write(b"written over")
    assert services.verify_objects(actor=ACTOR).findings == ()
    assert not list((settings().staging_dir / "direct").iterdir())


def test_a_missing_site_is_made(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    said = (folder / "archive.json").read_text()
    assert '"code":"ALPHA"' in said
    empty_archive()
    Site.objects.update(code="OTHER")
    (folder / "archive.json").write_text(said.replace("ALPHA", "GAMMA"))
    with pytest.raises(SignatureError):
        services.import_archive(folder, actor=ACTOR)
    (folder / "archive.json").write_text(said)
    done = services.import_archive(folder, actor=ACTOR)
    assert done.sites_made == ["ALPHA"]
    assert {finding.code for finding in done.findings} == {"archive.study-of-another-site"}


def test_bad_files_are_named_and_the_others_come_in(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    empty_archive()
    first, second, third, *_ = files(folder)
    first.write_bytes(first.read_bytes()[:-2] + b"xx")
    second.write_bytes(b"not DICOM at all")
    third.unlink()
    done = services.import_archive(folder, actor=ACTOR)
    assert done.stored == 2
    codes = [finding.code for finding in done.findings]
    assert "archive.import-damaged" in codes
    assert "archive.import-missing" in codes
    assert len(codes) == 3


def test_a_changed_manifest_or_a_strange_key_is_refused(filled, folder):
    services.export_archive(folder, actor=ACTOR)
    empty_archive()
    manifest = next((folder / "manifests").rglob("*.jsonl"))
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    result = CliRunner().invoke(commands.archive, ["import", str(folder)])
    assert result.exception.code == "archive.manifest-changed"
    (folder / "archive.dsse.json").unlink()
    with pytest.raises(NotFoundError):
        services.import_archive(folder, actor=ACTOR)


@pytest.mark.parametrize("path", ["../up.dcm", "/etc/x.dcm", "a/../../b.dcm"])
def test_a_line_that_leaves_the_folder_is_refused(path):
    line = ExportedInstance(path, "ab" * 32, 1).line()
    with pytest.raises(ReleaseFormatError):
        ExportedInstance.read(line)


def test_a_subject_that_is_no_file_name_is_filed_under_its_digest():
    names = ("site_code", "project", "subject_id", "study_instance_uid", "series_instance_uid", "sop_instance_uid")
    place = place_of(dict(zip(names, ("A", "p", "../x y", "2.1", "2.2", "2.3"), strict=True)))
    assert place.startswith("instances/A/p/x-")
    assert ".." not in place
