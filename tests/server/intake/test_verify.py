"""Verification of sealed batches: what is stored, what is held back, and that any interruption loses nothing."""

import threading
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.support.batches import DX, MadeBatch, make_batch, make_site, uid, write_instance

from radcommons.deid.pixel_text import PixelText
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.instance import describe_file
from radcommons.server.archive.models import Instance
from radcommons.server.archive.services import store_instance
from radcommons.server.intake import queries, rules, services, staging
from radcommons.server.intake.models import Batch, BatchPart, QuarantinedInstance
from radcommons.server.intake.services import verify
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.models import OutboxFact
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Actor
from radcommons.transfer.manifest import BatchFile

pytestmark = pytest.mark.django_db(transaction=True)
ALPHA = Actor.contributor("ALPHA")
SYSTEM = Actor.system("tests")
CT, SAID = "1.2.840.10008.5.1.4.1.1.2", PixelText.NOT_APPLICABLE


@pytest.fixture(autouse=True)
def _site(transactional_db, tmp_store):
    make_site()


def _seal(made: MadeBatch) -> Batch:
    services.open_batch(made.manifest.canonical_bytes, actor=ALPHA)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    return services.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=ALPHA)


def _counts(made: MadeBatch) -> dict[str, int]:
    counts = queries.line(Batch.objects.get(batch_id=made.manifest.batch_id)).counts.to_json()
    return {name: number for name, number in counts.items() if number and name != "sent"}


def _codes() -> set[str]:
    return {f["code"] for row in QuarantinedInstance.objects.all() for f in row.findings if f["severity"] == "error"}


def _slices(folder: Path, count: int) -> list[Path]:
    return [write_instance(folder / f"{number}.dcm", number=number) for number in range(1, count + 1)]


def test_one_bad_file_does_not_stop_the_others(run_worker, tmp_path):
    bad = tmp_path / "bad.dcm"
    bad.write_bytes(b"this is not DICOM at all")
    made = make_batch([*_slices(tmp_path, 2), bad])
    _seal(made)
    run_worker()
    assert _counts(made) == {"stored": 2, "quarantined": 1}
    batch = Batch.objects.get()
    assert batch.state == "verified"
    assert [(finding.severity, finding.count) for finding in queries.findings_of(batch)] == [("error", 1)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PatientName": "Doe^Jane"}, "deid."),
        ({"PatientIdentityRemoved": None}, "deid."),
        ({"PatientID": "doe jane 1970"}, "intake.subject-id"),
        ({"SOPClassUID": DX, "Modality": "DX"}, "intake.pixel-text-not-checked"),
        ({"BurnedInAnnotation": "YES"}, "intake.pixel-text-not-checked"),
    ],
)
def test_what_is_doubtful_is_held_back_with_its_reason(run_worker, tmp_path, changes, code):
    made = make_batch([write_instance(tmp_path / "a.dcm", **changes)])
    _seal(made)
    run_worker()
    assert _counts(made) == {"quarantined": 1}
    assert any(found.startswith(code) for found in _codes()), _codes()
    assert Batch.objects.get().state == "refused"
    assert not Instance.objects.exists()


def test_a_header_that_disagrees_with_its_manifest_is_held_back(run_worker, tmp_path):
    made = make_batch([write_instance(tmp_path / "a.dcm")], study_instance_uid=uid("another"))
    _seal(made)
    run_worker()
    assert _codes() == {"intake.manifest-mismatch"}


@pytest.mark.parametrize("verdict", [PixelText.APPROVED, PixelText.REDACTED, PixelText.CLEAN])
def test_pixels_that_the_site_looked_at_pass_and_keep_their_verdict(run_worker, tmp_path, verdict):
    path = write_instance(tmp_path / "a.dcm", SOPClassUID=DX, Modality="DX")
    made = make_batch([path], pixel_text=verdict)
    _seal(made)
    run_worker()
    assert _counts(made) == {"stored": 1}
    assert Instance.objects.get().pixel_text == verdict.value


def test_findings_hold_no_value_of_the_file(run_worker, tmp_path):
    _seal(make_batch([write_instance(tmp_path / "a.dcm", PatientName="Zaphod^Planted", PatientID="Zaphod 42")]))
    run_worker()
    assert "Zaphod" not in str(list(QuarantinedInstance.objects.values())) + str(list(BatchPart.objects.values()))


def test_a_batch_interrupted_anywhere_ends_the_same(run_worker, tmp_path):
    """The worker was killed between the archive's rows, its bytes and our own rows: each gap is made by hand."""
    made = make_batch(_slices(tmp_path, 5))
    batch = _seal(made)
    paths = [made.paths[sha256] for sha256 in sorted(made.paths)]
    for path in paths[:3]:
        description, _ = describe_file(path)
        store_instance(description, path, site=batch.site, project=batch.project, actor=SYSTEM)
    Instance.objects.filter(sha256=sorted(made.paths)[1]).update(state="storing")
    first = BatchPart.objects.get(sha256=sorted(made.paths)[2])
    BatchPart.objects.filter(pk=first.pk).update(state="stored")
    for _ in range(2):
        services.verify_parts(batch.pk, first_part=first.pk, last_part=first.pk)
        assert Batch.objects.get().state == "sealed"
    for _ in range(2):
        services.verify_parts(batch.pk, first_part=0, last_part=2**31)
    run_worker()
    assert _counts(made) == {"stored": 5}
    assert Instance.objects.filter(state="stored").count() == 5
    assert OutboxFact.objects.filter(kind="InstancesStored").count() == 1


def test_a_store_that_stops_answering_ends_the_look_ahead_and_the_next_try_goes_on(tmp_path, tmp_store, monkeypatch):
    monkeypatch.setattr(verify, "SETTLED_AT_ONCE", 2)
    made = make_batch(_slices(tmp_path, 5))
    batch = _seal(made)
    in_the_way = (object_store().root / instance_key("00")).parents[1]
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_bytes(b"no folder")
    with pytest.raises(UnavailableError):
        services.verify_parts(batch.pk, first_part=0, last_part=2**31)
    assert _counts(made) == {"waiting": 5}
    assert not [each for each in threading.enumerate() if each.name.startswith("ahead")]
    in_the_way.unlink()
    services.verify_parts(batch.pk, first_part=0, last_part=2**31)
    assert _counts(made) == {"stored": 5}


def test_a_sealed_batch_whose_jobs_were_lost_is_put_back_into_the_queue(run_worker, tmp_path):
    made = make_batch(_slices(tmp_path, 2))
    _seal(made)
    assert services.resume_batches() == 0
    ProcrastinateJob.objects.all()._raw_delete("default")
    Batch.objects.update(deferred_at=None)
    assert services.resume_batches() == 1
    run_worker()
    assert _counts(made) == {"stored": 2}


def test_a_file_that_comes_in_two_batches_is_stored_once(run_worker, tmp_path):
    first, second = _slices(tmp_path, 2)
    _seal(make_batch([first]))
    run_worker()
    both = make_batch([first, second])
    _seal(both)
    run_worker()
    assert _counts(both) == {"stored": 1, "duplicate": 1}
    assert OutboxFact.objects.filter(kind="InstancesStored").count() == 2


def test_other_bytes_under_a_known_identifier_are_held_back(run_worker, tmp_path):
    _seal(make_batch([write_instance(tmp_path / "a.dcm")]))
    run_worker()
    _seal(make_batch([write_instance(tmp_path / "b.dcm", SeriesNumber=9)]))
    run_worker()
    assert _codes() == {"archive.instance-conflict"}


def test_staged_bytes_that_vanished_are_said(run_worker, tmp_path):
    made = make_batch(_slices(tmp_path, 2))
    _seal(made)
    staging.remove_parts(made.manifest.batch_id, [min(made.paths)])
    run_worker()
    assert _counts(made) == {"stored": 1, "quarantined": 1}
    assert _codes() == {"intake.staged-file-lost"}


def test_bytes_that_changed_while_they_waited_are_held_back(run_worker, tmp_path):
    made = make_batch(_slices(tmp_path, 1))
    batch = _seal(made)
    Batch.objects.update(opened_at=batch.opened_at - timedelta(hours=2))
    lying = staging.path_of(batch.batch_id, made.manifest.files[0].sha256)
    # The last byte is one of the pixels: the header stays what the manifest says.
    lying.write_bytes(lying.read_bytes()[:-1] + b"\xa5")
    run_worker()
    assert _counts(made) == {"quarantined": 1}
    assert _codes() == {"intake.digest-mismatch"}


def test_a_large_batch_is_opened_and_asked_for_again_without_holding_its_files(tmp_path):
    count = 3000
    files = tuple(
        BatchFile(
            f"{number:064x}", 1, uid("study", number % 7), uid("series", number % 30), uid("sop", number), CT, SAID
        )
        for number in range(count)
    )
    made = make_batch(_slices(tmp_path, 1))
    path = tmp_path / "manifest.json"
    path.write_bytes(replace(made.manifest, files=files).canonical_bytes)
    tracemalloc.start()
    try:
        opened = [services.open_batch(path, actor=ALPHA) for _ in range(2)]
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(each.is_new, len(each.missing)) for each in opened] == [(True, count), (False, count)]
    # Two digests a file are in the answers; a file as a value is ten times that.
    assert peak_bytes < 1000 * count
    parts = BatchPart.objects.filter(batch=opened[0].batch).order_by("pk").values_list("study_instance_uid", flat=True)
    assert list(parts) == sorted(parts)


def test_what_the_site_states_about_subjects_becomes_facts(run_worker, tmp_path):
    path = write_instance(tmp_path / "a.dcm", PatientID="ALPHA-000007")
    _seal(make_batch([path], subjects={"ALPHA-000007": "positive", "ALPHA-000008": "negative"}))
    run_worker()
    fact = OutboxFact.objects.get(kind="SubjectsDescribed")
    assert (fact.facts, fact.study_instance_uid) == ({"covid19_status": "positive"}, uid("study", 1))


def test_a_curator_releases_what_the_picture_allows_and_the_rules_still_hold(run_worker, tmp_path, actor_of):
    curator = actor_of("curator")
    good = write_instance(tmp_path / "a.dcm", number=1, SOPClassUID=DX, Modality="DX")
    bad = write_instance(tmp_path / "b.dcm", number=2, SOPClassUID=DX, Modality="DX", PatientName="Doe^J")
    made = make_batch([good, bad])
    _seal(made)
    run_worker()
    assert _counts(made) == {"quarantined": 2}
    for row in queries.quarantined():
        services.release_quarantined(row.pk, reason="nothing to read", vouched=[rules.PIXEL_TEXT], actor=curator)
    run_worker()
    assert _counts(made) == {"stored": 1, "quarantined": 1}
    assert Batch.objects.get().state == "verified"
    again = queries.quarantined().get()
    assert not any(finding["code"] == "intake.pixel-text-not-checked" for finding in again.findings)
    assert BatchPart.objects.get(state="stored").pixel_text_approved_by == "user:curator-all"


def test_discarding_deletes_the_bytes_and_keeps_the_findings(run_worker, tmp_path, actor_of):
    made = make_batch([write_instance(tmp_path / "a.dcm", BurnedInAnnotation="YES")])
    _seal(made)
    run_worker()
    row = queries.quarantined().get()
    services.discard_quarantined(row.pk, reason="a name is in the picture", actor=actor_of("curator"))
    assert not staging.folder_of(made.manifest.batch_id).exists()
    assert _counts(made) == {"discarded": 1}
    assert _codes() == {"intake.pixel-text-not-checked"}
    with pytest.raises(RadCommonsError, match="discarded before"):
        services.discard_quarantined(row.pk, reason="again", actor=actor_of("curator"))


def test_a_decision_needs_a_reason_and_the_role(run_worker, tmp_path, actor_of):
    _seal(make_batch([write_instance(tmp_path / "a.dcm", BurnedInAnnotation="YES")]))
    run_worker()
    row = queries.quarantined().get()
    with pytest.raises(RadCommonsError, match="why"):
        services.release_quarantined(row.pk, reason="  ", actor=actor_of("curator"))
    for actor in (actor_of("site_coordinator", "ALPHA"), actor_of("administrator"), ALPHA):
        with pytest.raises(RadCommonsError):
            services.release_quarantined(row.pk, reason="mine", actor=actor)


def test_retrying_verifies_again_what_was_held_back_without_vouching_for_it(run_worker, tmp_path, actor_of):
    made = make_batch([write_instance(tmp_path / "a.dcm", BurnedInAnnotation="YES")])
    batch = _seal(made)
    run_worker()
    assert services.retry_batch(batch, actor=actor_of("curator")) == 1
    run_worker()
    assert _counts(made) == {"quarantined": 1}
    assert BatchPart.objects.get().pixel_text == "not_applicable"


def test_a_batch_scope_shows_the_accepted_instances_to_its_own_site(run_worker, tmp_path, actor_of):
    from radcommons.server.intake.scopes import batch_scope

    made = make_batch([*_slices(tmp_path, 2), write_instance(tmp_path / "q.dcm", number=9, BurnedInAnnotation="YES")])
    _seal(made)
    run_worker()
    path = f"batches/{made.manifest.batch_id}"
    for actor in (actor_of("site_coordinator", "ALPHA"), actor_of("curator"), ALPHA):
        assert batch_scope(path, actor).instances.count() == 2
    for actor in (
        actor_of("site_coordinator", "BETA"),
        actor_of("researcher"),
        Actor.anonymous(),
        Actor.contributor("BETA"),
    ):
        with pytest.raises(RadCommonsError):
            batch_scope(path, actor)
