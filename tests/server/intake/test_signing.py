"""Who vouches for a batch: the first key is remembered, another one waits for a person, a refused one brings nothing in."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.support.batches import MadeBatch, make_batch, make_site, signing_key, write_instance

from radcommons.deid.profile import ENGINE_VERSION
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.archive.models import Instance
from radcommons.server.intake import commands, queries, services, staging
from radcommons.server.intake.models import Batch, BatchPart, SigningKey
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Actor
from radcommons.transfer.release.attestation import key_id
from radcommons.transfer.summary import open_summary, sign_summary, summarise

pytestmark = pytest.mark.django_db(transaction=True)
ALPHA = Actor.contributor("ALPHA")


@pytest.fixture(autouse=True)
def _site(transactional_db, tmp_store):
    make_site()


def _made(folder: Path, number: int) -> MadeBatch:
    return make_batch([write_instance(folder / f"{number}.dcm", study=number)])


def _arrive(made: MadeBatch) -> None:
    services.open_batch(made.manifest.canonical_bytes, actor=ALPHA)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()


def _seal(made: MadeBatch, envelope: bytes | None = None) -> Batch:
    _arrive(made)
    return services.seal_batch(made.manifest.batch_id, envelope=envelope or made.envelope, actor=ALPHA)


def test_the_first_key_of_a_site_is_remembered_and_its_summary_kept(run_worker, tmp_path):
    made = _made(tmp_path, 1)

    batch = _seal(made)
    run_worker()

    key = SigningKey.objects.get()
    assert (key.trust, key.fingerprint) == ("trusted", key_id(signing_key("ALPHA").public_key()))
    assert (batch.state, batch.signing_key) == ("sealed", key)
    assert batch.summary["actions"] == {"keep": 4, "remove": 2}
    assert open_summary(object_store().read(f"batches/{batch.batch_id}/summary.json")).fingerprint == key.fingerprint
    assert Batch.objects.get().state == "verified"
    assert AuditEvent.objects.filter(action="intake.remember-signing-key").count() == 1


def test_the_same_key_needs_nobody_again(run_worker, tmp_path):
    _seal(_made(tmp_path, 1))
    assert _seal(_made(tmp_path, 2)).state == "sealed"
    run_worker()
    assert Batch.objects.filter(state="verified").count() == 2


def test_another_key_waits_until_a_person_trusts_it(run_worker, tmp_path, actor_of):
    _seal(_made(tmp_path, 1))
    other = _made(tmp_path, 2)
    held = _seal(other, other.signed_by("somebody"))
    run_worker()
    assert held.state == Batch.objects.get(pk=held.pk).state == "held"
    assert [(part.state, part.findings) for part in BatchPart.objects.exclude(batch=held)] == [("stored", [])]
    assert Instance.objects.count() == 1
    key = SigningKey.objects.get(trust="waiting")

    services.trust_signing_key(
        key.pk, reason="They changed the machine; read out by telephone.", actor=actor_of("administrator")
    )
    run_worker()

    assert Batch.objects.get(pk=held.pk).state == "verified"
    assert Instance.objects.count() == 2
    assert (SigningKey.objects.get(pk=key.pk).trust, AuditEvent.objects.last().action) != ("waiting", "")


def test_a_refused_key_brings_nothing_in_and_leaves_nothing_behind(run_worker, tmp_path, actor_of):
    _seal(_made(tmp_path, 1))
    other = _made(tmp_path, 2)
    held = _seal(other, other.signed_by("somebody"))
    key = SigningKey.objects.get(trust="waiting")

    services.refuse_signing_key(key.pk, reason="Nobody there knows it.", actor=actor_of("administrator"))
    run_worker()

    assert Batch.objects.get(pk=held.pk).state == "refused"
    assert not staging.folder_of(held.batch_id).exists()
    assert set(BatchPart.objects.filter(batch=held).values_list("state", flat=True)) == {"discarded"}
    third = _made(tmp_path, 3)
    with pytest.raises(RadCommonsError) as refusal:
        _seal(third, third.signed_by("somebody"))
    assert refusal.value.code == "intake.signing-key"
    assert Batch.objects.get(batch_id=third.manifest.batch_id).state == "receiving"


def test_only_an_administrator_decides_about_keys_and_says_why(tmp_path, actor_of):
    _seal(_made(tmp_path, 1))
    key = SigningKey.objects.get()
    for actor, reason, code in (
        (actor_of("curator"), "because", "platform.forbidden"),
        (actor_of("administrator"), " ", "intake.reason"),
    ):
        with pytest.raises(RadCommonsError) as refusal:
            services.refuse_signing_key(key.pk, reason=reason, actor=actor)
        assert refusal.value.code == code
    with pytest.raises(RadCommonsError) as refusal:
        services.trust_signing_key(key.pk, reason="again", actor=actor_of("administrator"))
    assert refusal.value.code == "intake.key-decided"
    assert SigningKey.objects.get().trust == "trusted"


@pytest.mark.parametrize("kind", ["missing", "garbled", "other batch", "other numbers"])
def test_a_batch_without_its_own_summary_stays_open(tmp_path, kind):
    made, other = _made(tmp_path, 1), _made(tmp_path, 2)
    right = summarise(made.manifest, engine=str(ENGINE_VERSION), actions={}, attributes={})
    wrong = sign_summary(
        summarise(other.manifest, engine=str(ENGINE_VERSION), actions={}, attributes={}), Ed25519PrivateKey.generate()
    )
    envelopes = {
        "missing": (b"", "intake.summary-missing"),
        "garbled": (made.envelope[:-20] + b'"}', "transfer.summary-invalid"),
        "other batch": (wrong, "transfer.summary-mismatch"),
        "other numbers": (sign_summary(_with_more_files(right), signing_key("ALPHA")), "transfer.summary-mismatch"),
    }
    envelope, code = envelopes[kind]
    _arrive(made)

    with pytest.raises(RadCommonsError) as refusal:
        services.seal_batch(made.manifest.batch_id, envelope=envelope, actor=ALPHA)

    assert refusal.value.code == code
    assert Batch.objects.get().state == "receiving"
    assert not SigningKey.objects.exists()


def _with_more_files(summary):
    return type(summary)(**{name: getattr(summary, name) for name in summary.__slots__} | {"files": 99})


def test_the_pages_show_key_and_counts_and_an_administrator_decides_there(run_worker, tmp_path, client_of):
    _seal(_made(tmp_path, 1))
    other = _made(tmp_path, 2)
    held = _seal(other, other.signed_by("somebody"))
    key = SigningKey.objects.get(trust="waiting")
    admin, ours = client_of("administrator"), client_of("site_coordinator", "ALPHA")

    page = ours.get(f"/batches/{held.batch_id}/").content.decode()
    site = admin.get("/sites/ALPHA/").content.decode()
    assert key.shown_fingerprint in page
    assert "compares its fingerprint" in page
    assert "PatientName" in page
    assert key.shown_fingerprint in site
    assert f"/signing-keys/{key.pk}/trust/" in site
    assert f"/signing-keys/{key.pk}/trust/" not in ours.get("/sites/ALPHA/").content.decode()

    refused = admin.post(f"/signing-keys/{key.pk}/trust/", {"reason": ""}, follow=True).content.decode()
    assert "Say why" in refused
    assert ours.post(f"/signing-keys/{key.pk}/trust/", {"reason": "ours"}).status_code == 403
    admin.post(f"/signing-keys/{key.pk}/trust/", {"reason": "compared"})
    run_worker()
    assert Batch.objects.get(pk=held.pk).state == "verified"
    assert "compared" in admin.get("/sites/ALPHA/").content.decode()


def test_keys_are_decided_about_from_the_command_line_too(tmp_path):
    _seal(_made(tmp_path, 1))
    other = _made(tmp_path, 2)
    _seal(other, other.signed_by("somebody"))
    run = CliRunner()

    listed = run.invoke(commands.intake, ["keys", "list"])
    waiting = queries.signing_keys().first()
    assert (waiting.trust, listed.output.split()[0]) == ("waiting", str(waiting.pk))
    assert "fingerprint" in run.invoke(commands.intake, ["keys", "list", "--json"]).output
    assert "trusted" in run.invoke(commands.intake, ["keys", "trust", str(waiting.pk), "--reason", "seen"]).output
    assert "refused" in run.invoke(commands.intake, ["keys", "refuse", str(waiting.pk), "--reason", "lost"]).output
