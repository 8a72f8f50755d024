"""Files are looked into while others of their batch arrive; forgotten, interrupted or overtaken, nothing but time is lost."""

from dataclasses import replace

import pytest
from tests.support.batches import make_batch, make_site, write_instance

from radcommons.server.intake import foreseen as memory
from radcommons.server.intake import inspectors, services, staging
from radcommons.server.intake.foreseen import Foreseen, foreseen
from radcommons.server.intake.models import Batch, BatchPart
from radcommons.server.intake.rules import Inspection
from radcommons.server.intake.services import verify
from radcommons.server.platform.policy import Actor

ALPHA = Actor.contributor("ALPHA")


@pytest.fixture
def site(transactional_db, tmp_store, monkeypatch):
    monkeypatch.setattr(verify, "_PAUSE_S", 0.2)
    foreseen._found.clear()
    inspectors.close_idle(idle_s=0)
    return make_site()


def _open(folder, count=6):
    made = make_batch([write_instance(folder / f"{number}.dcm", number=number) for number in range(1, count + 1)])
    return made, services.open_batch(made.manifest.canonical_bytes, actor=ALPHA).batch


def _send(made, batch, digests):
    for sha256 in digests:
        sink = staging.PartSink(batch.batch_id, sha256, size_bytes=made.paths[sha256].stat().st_size)
        sink.write(made.paths[sha256].read_bytes())
        sink.commit()
    services.note_staged(batch.pk, digests)


def _seal(made):
    services.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=ALPHA)


def _looks():
    return sum(child.served for _, _, pool in inspectors._idle for child in pool._children)


def _states():
    return sorted(BatchPart.objects.values_list("state", flat=True))


def test_what_was_seen_while_others_arrived_is_not_looked_into_again(site, run_worker, tmp_path):
    made, batch = _open(tmp_path)
    first, others = list(made.paths)[:4], list(made.paths)[4:]
    _send(made, batch, first)
    services.look_ahead(batch.pk)
    assert _looks() == len(foreseen._found) == 4
    assert _states() == ["missing"] * 2 + ["staged"] * 4
    _send(made, batch, others)
    _seal(made)
    run_worker()
    assert _looks() == 6
    assert not foreseen._found
    assert _states() == ["stored"] * 6
    assert Batch.objects.get().state == "verified"


def test_what_a_process_took_with_it_is_looked_into_again(site, run_worker, tmp_path):
    made, batch = _open(tmp_path, 3)
    _send(made, batch, list(made.paths))
    services.look_ahead(batch.pk)
    foreseen._found.clear()
    _seal(made)
    run_worker()
    assert _looks() == 6
    assert _states() == ["stored"] * 3


def test_what_is_wrong_is_held_back_though_it_was_seen_before_the_batch_was_whole(site, run_worker, tmp_path):
    bad = write_instance(tmp_path / "bad.dcm", number=2, PatientName="Doe^Jane")
    made = make_batch([write_instance(tmp_path / "good.dcm", number=1), bad])
    batch = services.open_batch(made.manifest.canonical_bytes, actor=ALPHA).batch
    _send(made, batch, list(made.paths))
    services.look_ahead(batch.pk)
    _seal(made)
    run_worker()
    assert _states() == ["quarantined", "stored"]
    held = BatchPart.objects.get(state="quarantined")
    assert any(finding["code"] == "deid.person-name" for finding in held.findings)


def test_a_file_that_was_lost_meanwhile_and_came_again_is_stored(site, run_worker, tmp_path):
    made, batch = _open(tmp_path, 2)
    _send(made, batch, list(made.paths))
    lost = next(iter(made.paths))
    staging.remove_parts(batch.batch_id, [lost])
    services.look_ahead(batch.pk)
    assert len(foreseen._found) == 1
    assert services.open_batch(made.manifest.canonical_bytes, actor=ALPHA).missing == (lost,)
    _send(made, batch, [lost])
    _seal(made)
    run_worker()
    assert _states() == ["stored"] * 2


def test_a_sealed_batch_and_a_sender_that_pauses_are_not_waited_for(site, tmp_path):
    made, batch = _open(tmp_path, 2)
    services.look_ahead(batch.pk)
    assert not foreseen._found
    _send(made, batch, list(made.paths))
    _seal(made)
    services.look_ahead(batch.pk)
    assert not foreseen._found


def test_each_part_is_looked_into_once_however_few_fit_in_a_round(site, tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "_SEEN_AT_ONCE", 2)
    made, batch = _open(tmp_path, 5)
    _send(made, batch, list(made.paths))
    services.look_ahead(batch.pk)
    assert _looks() == len(foreseen._found) == 5


def test_only_what_fits_is_remembered_and_each_is_given_once(site, tmp_path, monkeypatch):
    made, batch = _open(tmp_path, 3)
    _send(made, batch, list(made.paths))
    services.look_ahead(batch.pk)
    found = dict(foreseen._found)
    small = Foreseen()
    monkeypatch.setattr(memory, "MOST_PARTS", 2)
    for claim, inspection in found.items():
        small.keep(claim, inspection)
        small.keep(claim, inspection)
    first, *last = found
    assert list(small.taken(found)) == [claim.part_id for claim in last]
    assert small.taken(found) == {}
    small.keep(first, found[first])
    small.keep(replace(first, part_id=-1), Inspection(None, ()))
    assert small.taken([replace(first, are_texts_approved=True), replace(first, sha256="0" * 64)]) == {}
    assert small.taken([first]) == {first.part_id: found[first]}
    monkeypatch.setattr(memory, "_MOST_BYTES", 10)
    small.keep(first, found[first])
    assert small.taken([first]) == {}
    assert small._bytes == 0
