"""What an administrator sees of the archive's bytes."""

import pytest
from tests.server.archive.conftest import ACTOR, dicom_file
from tests.support.disks import mounted
from tests.support.releases import signed_site

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.models import Instance
from radcommons.server.platform.objects import instance_key, object_store, trouble
from radcommons.server.platform.settings import settings


@pytest.fixture
def stored(db, tmp_store, tmp_path):
    path = dicom_file(tmp_path)
    description, _ = describe_file(path)
    services.store_instance(description, path, site=signed_site(), project="covid19", actor=ACTOR)
    return Instance.objects.get().sha256


@pytest.fixture
def page(client_of):
    def get():
        response = client_of("administrator").get("/storage/")
        assert response.status_code == 200
        return response.content.decode()

    return get


def test_a_sound_store_is_said_to_answer_and_when_it_was_read(stored, page):
    assert "Not everything has been read again" in page()
    services.verify_objects(actor=ACTOR)
    shown = page()
    assert "The object store answers" in shown
    assert "Everything was last read on" in shown


def test_damaged_objects_are_listed_until_they_are_whole(stored, page, tmp_path):
    object_store().put_bytes(instance_key(stored), b"x")
    services.verify_objects(actor=ACTOR)
    shown = page()
    assert "is damaged and no longer served" in shown.replace("are damaged", "is damaged")
    assert stored in shown


def test_a_store_that_is_away_is_said_within_seconds(db, page, monkeypatch, s3_credentials):
    monkeypatch.setenv("RADCOMMONS_OBJECTS_URL", "s3://archive/?endpoint=http%3A%2F%2F127.0.0.1%3A9")
    settings.cache_clear()
    try:
        assert "The object store cannot be used" in page()
    finally:
        monkeypatch.delenv("RADCOMMONS_OBJECTS_URL")
        settings.cache_clear()


def test_a_full_disk_is_trouble(db, page, tmp_path, monkeypatch):
    assert trouble() is None
    with mounted(tmp_path / "disk") as is_disk:
        assert is_disk, "these tests mount a small disk; run them as root"
        monkeypatch.setenv("RADCOMMONS_OBJECTS_URL", (tmp_path / "disk").as_uri())
        settings.cache_clear()
        try:
            assert trouble().code == "platform.store-full"
            shown = page()
            assert "The object store is full" in shown
            assert "What is stored is served as before" in shown
            assert "free.</p>" in shown
        finally:
            monkeypatch.delenv("RADCOMMONS_OBJECTS_URL")
            settings.cache_clear()
