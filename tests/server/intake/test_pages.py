"""Pages of batches and quarantine, and a site's home and a study's timeline with them."""

import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image
from tests.support.batches import DX, make_batch, make_site, uid, write_instance

from radcommons.server.intake import commands, queries, rules, services, staging
from radcommons.server.intake.models import Batch, BatchPart, Door, QuarantinedInstance
from radcommons.server.platform.models import OutboxFact
from radcommons.server.platform.policy import Actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def batch(transactional_db, tmp_store, run_worker, tmp_path) -> Batch:
    """A verified batch of site ALPHA: two slices stored, a radiograph held back."""
    make_site("ALPHA")
    make_site("BETA")
    paths = [write_instance(tmp_path / f"{number}.dcm", number=number) for number in (1, 2)]
    paths.append(write_instance(tmp_path / "x.dcm", study=2, SOPClassUID=DX, Modality="DX"))
    made = make_batch(paths)
    actor = Actor.contributor("ALPHA")
    services.open_batch(made.manifest.canonical_bytes, actor=actor)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    services.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=actor)
    run_worker()
    return Batch.objects.get()


def test_the_site_sees_its_batch_and_nobody_elses(batch, client_of):
    ours, theirs = client_of("site_coordinator", "ALPHA"), client_of("site_coordinator", "BETA")
    page = ours.get(f"/batches/{batch.batch_id}/").content.decode()
    assert "intake.pixel-text-not-checked" in page
    assert uid("study", 1) in page
    assert "Decide about what is held back" not in page
    assert batch.batch_id[:12] in ours.get("/batches/").content.decode()
    assert theirs.get(f"/batches/{batch.batch_id}/").status_code == 404
    assert batch.batch_id[:12] not in theirs.get("/batches/").content.decode()
    assert client_of("anonymous").get("/batches/").status_code == 302
    assert client_of("researcher").get("/batches/").status_code == 403


def test_the_sites_home_tells_what_became_of_each_study(batch, client_of):
    page = client_of("site_coordinator", "ALPHA").get("/sites/ALPHA/").content.decode()
    assert "in curation" in page
    assert "quarantined" in page
    assert f"/studies/{uid('study', 1)}/timeline/" in page
    assert "made at the centre" not in page


def test_what_the_centre_made_of_a_sites_images_does_not_count_as_sent(batch, client_of):
    assert [(each.sent, each.accepted) for each in queries.studies_of_site("ALPHA")] == [(1, 0), (2, 2)]
    Batch.objects.update(door=Door.DERIVED)
    assert queries.studies_of_site("ALPHA") == []
    site = client_of("site_coordinator", "ALPHA")
    for address in ("/sites/ALPHA/", "/batches/", f"/batches/{batch.batch_id}/"):
        assert "made at the centre" in site.get(address).content.decode(), address


def test_the_timeline_is_for_its_site_and_the_curators(batch, client_of):
    path = f"/studies/{uid('study', 1)}/timeline/"
    page = client_of("site_coordinator", "ALPHA").get(path).content.decode()
    assert "Images were verified and stored." in page
    assert "A curator looks at the study next." in page
    part = client_of("curator").get(f"{path}?fragment=1").content.decode()
    assert "rc-timeline" in part
    assert "<html" not in part
    assert client_of("site_coordinator", "BETA").get(path).status_code == 404
    assert client_of("curator").get(f"/studies/{uid('nothing')}/timeline/").status_code == 404
    assert client_of("researcher").get(path).status_code == 403


def test_a_curator_looks_at_what_is_held_back_and_releases_it(batch, client_of, run_worker):
    curator = client_of("curator")
    row = QuarantinedInstance.objects.get()
    assert f"/quarantine/{row.pk}/" in curator.get("/quarantine/").content.decode()
    assert "I have looked" in curator.get(f"/quarantine/{row.pk}/").content.decode()
    picture = curator.get(f"/quarantine/{row.pk}/pictures/1/")
    assert Image.open(io.BytesIO(picture.content)).size == (16, 16)
    assert curator.get(f"/quarantine/{row.pk}/pictures/2/").status_code == 404
    assert curator.post(f"/quarantine/{row.pk}/release/", {"reason": ""}, follow=True).status_code == 200
    assert QuarantinedInstance.objects.get().decision == "waiting"
    curator.post(f"/quarantine/{row.pk}/release/", {"reason": "nothing to read", "vouched": rules.PIXEL_TEXT})
    run_worker()
    assert queries.line(batch).counts.stored == 3
    assert "Nothing is held back" in curator.get("/quarantine/").content.decode()


def test_after_a_decision_comes_the_next_file_that_waits(batch, client_of):
    curator, row = client_of("curator"), QuarantinedInstance.objects.get()
    other = QuarantinedInstance.objects.get()
    other.pk, other.part = None, BatchPart.objects.exclude(pk=row.part.pk).first()
    other.save()
    page = curator.get(f"/quarantine/{row.pk}/").content.decode()
    assert ("2 files wait for a decision" in page, f'href="/quarantine/{other.pk}/" rel="next"' in page) == (True, True)
    answer = curator.post(f"/quarantine/{row.pk}/discard/", {"reason": "a name is in the picture"})
    assert answer.headers["Location"] == f"/quarantine/{other.pk}/"
    assert f'href="/quarantine/{other.pk}/"' in curator.get(f"/quarantine/{row.pk}/").content.decode()
    assert "1 file waits for a decision" in curator.get(f"/quarantine/{other.pk}/").content.decode()


def test_a_curator_discards_what_must_not_stay(batch, client_of):
    row = QuarantinedInstance.objects.get()
    client_of("curator").post(f"/quarantine/{row.pk}/discard/", {"reason": "a name is in the picture"})
    assert queries.line(batch).counts.discarded == 1


@pytest.mark.parametrize("role", ["administrator", "researcher", "release_manager"])
def test_the_quarantine_is_for_curators(batch, client_of, role):
    browser, row = client_of(role), QuarantinedInstance.objects.get()
    for page in ("", f"{row.pk}/", f"{row.pk}/pictures/1/"):
        assert browser.get(f"/quarantine/{page}").status_code == 403
    assert browser.post(f"/quarantine/{row.pk}/release/", {"reason": "x"}).status_code == 403


def test_the_same_from_the_command_line(batch, run_worker):
    def run(*words: str) -> str:
        return CliRunner().invoke(commands.intake, list(words), catch_exceptions=False).output

    assert json.loads(run("list", "--json"))[0]["counts"]["stored"] == 2
    assert json.loads(run("show", batch.batch_id[:10], "--json"))["state"] == "verified"
    assert "intake.pixel-text-not-checked" in run("show", batch.batch_id[:10])
    (held,) = json.loads(run("quarantine", "list", "--json"))
    assert held["codes"] == ["intake.pixel-text-not-checked"]
    assert "verified again" in run("retry", batch.batch_id)
    run_worker()
    (held,) = json.loads(run("quarantine", "list", "--json"))
    run("quarantine", "release", str(held["id"]), "--reason", "looked at the texts", "--texts")
    run_worker()
    (held,) = json.loads(run("quarantine", "list", "--json"))
    run("quarantine", "release", str(held["id"]), "--reason", "looked at it", "--picture")
    run_worker()
    assert json.loads(run("quarantine", "list", "--json")) == []
    assert len(json.loads(run("quarantine", "list", "--all", "--json"))) == 3


def test_failed_facts_are_shown_to_administrators(batch, client_of):
    OutboxFact.objects.create(kind="StudyReleased", study_instance_uid=uid("study", 1))
    OutboxFact.objects.update(failed_at="2026-01-01T00:00:00Z", error_code="journey.impossible")
    assert "journey.impossible" in client_of("administrator").get("/journey/failed/").content.decode()
    assert client_of("curator").get("/journey/failed/").status_code == 403
