import json
import time
from functools import partial

import obstore
import pytest
from click.testing import CliRunner
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.server.archive import commands, services
from radcommons.server.archive.models import DamagedObject, Instance, VerificationRun
from radcommons.server.archive.queries import stored_instances
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import CloudObjects, damaged_key, instance_key, object_store


def keys():
    return [
        instance_key(sha256) for sha256 in Instance.objects.order_by("instance_number").values_list("sha256", flat=True)
    ]


def test_intact_objects_verify_and_the_verification_is_on_record(store, tmp_path):
    for number in (1, 2):
        store(dicom_file(tmp_path, number))
    seen = []
    result = services.verify_objects(actor=ACTOR, progress=lambda count, _: seen.append(count))
    assert (result.checked, result.findings, seen) == (2, (), [1, 2])
    assert AuditEvent.objects.get(action="archive.verify").facts == {"checked": 2, "findings": 0, "fraction": 1.0}


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


def test_a_damaged_object_is_served_no_more_and_heals_when_it_is_received_again(store, tmp_path):
    paths = [dicom_file(tmp_path, number) for number in (1, 2)]
    for path in paths:
        store(path)
    services.place(Instance.objects.all())
    (damaged, whole), objects = keys(), object_store()
    good = objects.read(damaged)
    objects.put_bytes(damaged, b"x" * len(good))
    sha256 = damaged.rpartition("/")[2].removesuffix(".dcm")
    services.verify_objects(actor=ACTOR)
    assert not objects.exists(damaged)
    assert objects.read(damaged_key(sha256)) == b"x" * len(good)
    assert [instance.sha256 for instance in stored_instances()] == [whole.rpartition("/")[2].removesuffix(".dcm")]
    assert [found.key for found in objects.list("series/") if sha256 in found.key] == []
    again = services.verify_objects(actor=ACTOR)
    assert [(found.code, found.where) for found in again.findings] == [("archive.object-still-damaged", damaged)]
    store(paths[0])
    assert objects.read(damaged) == good
    assert not objects.exists(damaged_key(sha256))
    assert len([found for found in objects.list("series/") if sha256 in found.key]) == 1
    assert stored_instances().count() == 2
    assert DamagedObject.objects.get().mended_at is not None
    assert AuditEvent.objects.filter(action="archive.damage-mended").count() == 1


@pytest.mark.parametrize("is_published_name", [False, True])
@pytest.mark.parametrize("place", ["tmp_store", "s3_objects"])
def test_a_damaged_object_that_is_put_back_into_the_store_is_served_again(
    request, store, tmp_path, place, is_published_name
):
    objects = request.getfixturevalue(place)
    # What a person does who restores a backup; the house itself asks an object where it was placed.
    put = partial(obstore.put, objects.store) if place == "s3_objects" else objects.put_bytes
    store(dicom_file(tmp_path))
    services.place(Instance.objects.all())
    sha256 = Instance.objects.get().sha256
    names = [instance_key(sha256), next(found.key for found in objects.list("series/"))]
    good = objects.read(names[0])
    for name in names:
        objects.delete(name)
    services.verify_objects(actor=ACTOR)
    put(names[is_published_name], good[:-1] + b"?")
    still = services.verify_objects(actor=ACTOR)
    assert [found.code for found in still.findings] == ["archive.object-still-damaged"]
    assert (still.mended, stored_instances().count()) == (0, 0)
    put(names[is_published_name], good)
    healed = services.verify_objects(actor=ACTOR)
    assert (healed.findings, healed.mended, stored_instances().count()) == ((), 1, 1)
    assert [objects.read(name) for name in names] == [good, good]
    assert DamagedObject.objects.get().mended_at is not None
    assert AuditEvent.objects.filter(action="archive.damage-mended").count() == 1
    assert services.verify_objects(actor=ACTOR).mended == 0


def test_a_verification_that_was_interrupted_goes_on_where_it_was(store, tmp_path):
    for number in range(1, 8):
        store(dicom_file(tmp_path, number))
    objects, last = object_store(), max(keys())
    objects.delete(last)

    def interrupt(count, _):
        if count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        services.verify_objects(actor=ACTOR, progress=interrupt)
    read = []
    result = services.verify_objects(actor=ACTOR, progress=lambda count, _: read.append(count))
    assert read == [4, 5, 6, 7]
    assert result.is_resumed
    assert result.checked == 7
    assert [finding.where for finding in result.findings] == [last]
    assert not services.verify_objects(actor=ACTOR).is_resumed


def test_a_store_that_goes_away_in_between_is_no_damage(s3_objects, store, tmp_path, monkeypatch):
    for number in (1, 2, 3):
        store(dicom_file(tmp_path, number))
    second = sorted(keys())[1]
    stream = CloudObjects.stream

    def away(self, key, **options):
        if key == second:
            raise UnavailableError("platform.store-unavailable", "The object store does not answer.")
        return stream(self, key, **options)

    with monkeypatch.context() as patch:
        patch.setattr(CloudObjects, "stream", away)
        with pytest.raises(UnavailableError):
            services.verify_objects(actor=ACTOR)
    assert stored_instances().count() == 3
    assert services.verify_objects(actor=ACTOR).checked == 3


def test_samples_are_other_parts_of_the_archive_each_time(store, tmp_path):
    for number in range(1, 31):
        store(dicom_file(tmp_path, number))
    counts = [services.verify_objects(actor=ACTOR, pace=services.Pace(fraction=0.3)).checked for _ in range(6)]
    assert 0 < sum(counts) < 6 * 20
    assert VerificationRun.objects.values("first").distinct().count() == 6


def test_the_pace_is_kept(store, tmp_path):
    store(dicom_file(tmp_path))
    size = Instance.objects.get().size_bytes
    began = time.monotonic()
    services.verify_objects(actor=ACTOR, pace=services.Pace(bytes_per_s=size * 4))
    assert time.monotonic() - began >= 0.2


def test_the_command_fails_when_an_object_is_damaged(store, tmp_path):
    store(dicom_file(tmp_path))
    runner = CliRunner()
    clean = runner.invoke(commands.archive, ["verify", "--json"])
    assert clean.exit_code == 0
    assert json.loads(clean.stdout)["checked"] == 1
    object_store().delete(keys()[0])
    damaged = runner.invoke(commands.archive, ["verify"])
    assert damaged.exit_code == 1
    assert "archive.object-missing" in damaged.output


def test_the_command_cleans_up_what_was_never_finished(store, tmp_path):
    store(dicom_file(tmp_path))
    Instance.objects.update(state="storing", created_at="2020-01-01T00:00:00Z")
    result = CliRunner().invoke(commands.archive, ["clean-up", "--hours", "1", "--json"])
    assert json.loads(result.stdout) == {"removed": 1, "pieces": 0}
