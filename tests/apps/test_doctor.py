import json

import pytest
from click.testing import CliRunner
from django.db import connection
from django.utils import timezone
from tests.server.archive.conftest import ACTOR, dicom_file

from radcommons.apps import doctor as subject
from radcommons.dicom.instance import describe_file
from radcommons.server.archive.models import DamagedObject, Instance, VerificationRun
from radcommons.server.archive.services import store_instance
from radcommons.server.platform import keys
from radcommons.server.platform.settings import Settings, settings
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db(transaction=True)


def _report(data: str) -> list[dict[str, str]]:
    done = CliRunner().invoke(subject.doctor, ["--data", data, "--json"])
    return json.loads(done.output)


def test_a_sound_centre_has_no_failure():
    rows = _report(str(settings().data_dir))
    assert {row["where"] for row in rows} >= {"settings", "disk", "database", "clock", "store", "keys", "viewer"}
    assert not [row for row in rows if row["severity"] == "error"]


def test_a_key_that_others_can_read_is_a_failure(tmp_path):
    current = Settings(data_dir=tmp_path)
    keys.seed(current.secrets_dir / "salt.key", bytes(32))
    (current.secrets_dir / "salt.key").chmod(0o644)
    assert [finding.code for finding in subject._check_keys(current)] == ["doctor.key-mode"]


def test_too_little_disk_is_a_failure_that_says_what_happens(tmp_path):
    findings = list(subject._check_disk(Settings(data_dir=tmp_path, staging_free_bytes=10**18)))
    assert findings[0].code == "doctor.disk-full"
    assert "uploads are refused" in findings[0].message


def test_an_unreachable_database_is_named_not_thrown(tmp_path):
    current = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1:1/none")
    settings_before = subject.settings
    subject.settings = lambda: current
    try:
        findings = list(subject._safely(subject._check_database))
    finally:
        subject.settings = settings_before
    assert [finding.code for finding in findings] == ["doctor.unexpected"]


def test_open_http_beyond_this_machine_is_pointed_out(tmp_path):
    findings = list(subject._check_settings(Settings(data_dir=tmp_path, public_url="http://lung.example")))
    assert [finding.code for finding in findings] == ["doctor.settings-ok", "doctor.no-tls"]


def test_a_store_that_is_away_is_a_failure_with_its_reason(monkeypatch, s3_credentials):
    monkeypatch.setenv("RADCOMMONS_OBJECTS_URL", "s3://archive/?endpoint=http%3A%2F%2F127.0.0.1%3A9")
    settings.cache_clear()
    try:
        findings = list(subject._check_store(settings()))
    finally:
        monkeypatch.delenv("RADCOMMONS_OBJECTS_URL")
        settings.cache_clear()
    assert [finding.code for finding in findings] == ["platform.store-unavailable"]


def test_damaged_objects_and_bytes_that_nobody_read_again_are_pointed_out():
    connection.ensure_connection()
    assert list(subject._look_at_bytes(connection.connection)) == []
    DamagedObject.objects.create(sha256="ab" * 32, is_missing=True)
    VerificationRun.objects.create(first="", fraction=1.0, finished_at=timezone.now())
    codes = [finding.code for finding in subject._look_at_bytes(connection.connection)]
    assert codes == ["doctor.objects-damaged", "doctor.archive-ok"]


def test_a_young_archive_is_not_told_that_nobody_read_it_for_a_month(tmp_path):
    site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
    path = dicom_file(tmp_path)
    description, _ = describe_file(path)
    store_instance(description, path, site=site, project="covid19", actor=ACTOR)
    assert list(subject._look_at_bytes(connection.connection)) == []
    Instance.objects.update(created_at=timezone.now() - subject.VERIFIED_WITHIN)
    assert [finding.code for finding in subject._look_at_bytes(connection.connection)] == ["doctor.not-verified"]
