import json

from click.testing import CliRunner
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.server.archive import commands, services
from radcommons.server.archive.models import Instance
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import instance_key, object_store


def keys():
    return [
        instance_key(sha256) for sha256 in Instance.objects.order_by("instance_number").values_list("sha256", flat=True)
    ]


def test_intact_objects_verify_and_the_verification_is_on_record(store, tmp_path):
    for number in (1, 2):
        store(dicom_file(tmp_path, number))
    seen = []
    result = services.verify_objects(actor=ACTOR, progress=seen.append)
    assert (result.checked, result.findings, seen) == (2, (), [1, 2])
    assert AuditEvent.objects.get(action="archive.verify").facts == {"checked": 2, "findings": 0}


def test_a_flipped_bit_a_cut_and_a_missing_object_are_found(store, tmp_path):
    for number in (1, 2, 3, 4):
        store(dicom_file(tmp_path, number))
    flipped, cut, gone, _ = keys()
    objects = object_store()
    data = bytearray(objects.read(flipped))
    data[-1] ^= 1
    objects.put_bytes(flipped, bytes(data))
    objects.put_bytes(cut, objects.read(cut)[:-2])
    objects.delete(gone)
    found = {finding.where: finding.code for finding in services.verify_objects(actor=ACTOR).findings}
    assert found == {
        flipped: "archive.object-damaged",
        cut: "archive.object-damaged",
        gone: "archive.object-missing",
    }


def test_the_command_fails_when_an_object_is_damaged(store, tmp_path):
    store(dicom_file(tmp_path))
    runner = CliRunner()
    clean = runner.invoke(commands.archive, ["verify", "--json"])
    assert clean.exit_code == 0
    assert json.loads(clean.output)["checked"] == 1
    object_store().delete(keys()[0])
    damaged = runner.invoke(commands.archive, ["verify"])
    assert damaged.exit_code == 1
    assert "archive.object-missing" in damaged.output


def test_the_command_cleans_up_what_was_never_finished(store, tmp_path):
    store(dicom_file(tmp_path))
    Instance.objects.update(state="storing", created_at="2020-01-01T00:00:00Z")
    result = CliRunner().invoke(commands.archive, ["clean-up", "--hours", "1", "--json"])
    assert json.loads(result.output) == {"removed": 1}
