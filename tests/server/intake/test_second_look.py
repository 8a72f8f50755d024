"""The centre's own look: profiles it knows, subjects of the site, texts that somebody must have read."""

from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.apps import apps
from hypothesis import given
from hypothesis import strategies as st
from tests.support.batches import DX, MadeBatch, make_batch, make_site, profile_stamp, write_instance

from radcommons import __version__
from radcommons.deid.profile import EARLIER_DIGESTS, OLDEST_ENGINE, READY_PROFILES, load_profile
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.intake import commands, queries, rules, services, staging
from radcommons.server.intake.models import AcceptedProfile, Batch, BatchPart, QuarantinedInstance
from radcommons.server.intake.profiles import profile_source
from radcommons.server.platform.policy import Actor
from radcommons.transfer.manifest import ProfileStamp
from radcommons.transfer.summary import sign_summary, summarise

ALPHA = Actor.contributor("ALPHA")
DATABASE = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(transactional_db, tmp_store):
    return make_site()


def _seal(made: MadeBatch) -> Batch:
    services.open_batch(made.manifest.canonical_bytes, actor=ALPHA)
    for sha256, path in made.paths.items():
        sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
        sink.write(path.read_bytes())
        sink.commit()
    return services.seal_batch(made.manifest.batch_id, envelope=made.envelope, actor=ALPHA)


def _with_profile(made: MadeBatch, stamp: ProfileStamp) -> MadeBatch:
    values = {name: getattr(made.manifest, name) for name in made.manifest.__dataclass_fields__}
    return MadeBatch(type(made.manifest)(**(values | {"profile": stamp})), made.paths)


def _own_profile(folder: Path) -> Path:
    """The packaged ricord under another name, as a site would write its own."""
    text = (files("radcommons.deid") / "profiles" / "ricord.toml").read_text("utf-8")
    path = folder / "own.toml"
    path.write_text(text.replace('name = "ricord"', 'name = "own-ricord"', 1), "utf-8")
    return path


@pytest.mark.parametrize("name", READY_PROFILES)
@DATABASE
def test_every_profile_of_the_software_is_accepted(name, site):
    stamp = profile_stamp(name)
    assert profile_source("covid19", name=name, version=stamp.version, sha256=stamp.digest) == name


@pytest.mark.parametrize(
    "changes", [{"digest": "a" * 64}, {"version": "999"}, {"name": "unheard-of"}, {"name": "../ricord"}]
)
@DATABASE
def test_a_profile_nobody_accepted_brings_nothing_in(site, tmp_path, changes):
    stamp = profile_stamp()
    values = {"name": stamp.name, "version": stamp.version, "digest": stamp.digest} | changes
    made = _with_profile(make_batch([write_instance(tmp_path / "a.dcm")]), ProfileStamp(**values))

    with pytest.raises(RadCommonsError) as refusal:
        services.open_batch(made.manifest.canonical_bytes, actor=ALPHA)

    assert refusal.value.code == "intake.unknown-profile"
    assert "ricord 3" in refusal.value.message
    assert __version__ in refusal.value.message
    assert not Batch.objects.exists()


@pytest.mark.parametrize(("sha256", "stamp"), EARLIER_DIGESTS.items())
@DATABASE
def test_batches_of_the_engine_before_are_still_taken(site, sha256, stamp):
    name, version = stamp
    assert profile_source("covid19", name=name, version=version, sha256=sha256) == name
    with pytest.raises(RadCommonsError):
        profile_source("covid19", name=name, version="999", sha256=sha256)


@DATABASE
def test_what_an_engine_made_that_is_too_old_is_refused_with_the_version_to_update_to(site, tmp_path):
    made = make_batch([write_instance(tmp_path / "a.dcm")])
    summary = summarise(made.manifest, engine=str(OLDEST_ENGINE - 1), actions={}, attributes={})
    services.open_batch(made.manifest.canonical_bytes, actor=ALPHA)
    [(sha256, path)] = made.paths.items()
    sink = staging.PartSink(made.manifest.batch_id, sha256, size_bytes=path.stat().st_size)
    sink.write(path.read_bytes())
    sink.commit()

    envelope = sign_summary(summary, Ed25519PrivateKey.generate())
    with pytest.raises(RadCommonsError) as refusal:
        services.seal_batch(made.manifest.batch_id, envelope=envelope, actor=ALPHA)

    assert refusal.value.code == "intake.earlier-engine"
    assert __version__ in refusal.value.message
    assert Batch.objects.get().state == "receiving"


@DATABASE
def test_a_profile_accepted_before_the_digests_changed_keeps_both_its_names(site, tmp_path):
    own = load_profile(_own_profile(tmp_path))
    text = (tmp_path / "own.toml").read_text("utf-8")
    facts = {"name": own.name, "version": own.version, "content": text, "accepted_by": "somebody"}
    for sha256 in ("a" * 64, "b" * 64):
        AcceptedProfile.objects.create(project="covid19", sha256=sha256, **facts)

    import_module("radcommons.server.intake.migrations.0006_profile_digests").by_content(apps, None)

    kept = AcceptedProfile.objects.get()
    assert (kept.sha256, kept.earlier_sha256) == (own.digest, "b" * 64)
    for sha256 in (own.digest, "b" * 64):
        assert profile_source("covid19", name=own.name, version=own.version, sha256=sha256).endswith(".toml")


@DATABASE
def test_a_profile_accepted_for_a_project_is_the_one_its_instances_are_held_against(
    site, tmp_path, run_worker, tmp_store
):
    path = _own_profile(tmp_path)
    own = load_profile(path)
    made = _with_profile(
        make_batch([write_instance(tmp_path / "a.dcm")]), ProfileStamp(own.name, own.version, own.digest)
    )
    run = CliRunner()
    accepted = run.invoke(commands.intake, ["profiles", "accept", str(path), "--project", "covid19"])
    assert "own-ricord" in accepted.output, accepted.output
    assert "own-ricord" in run.invoke(commands.intake, ["profiles", "list"]).output

    _seal(made)
    run_worker()

    assert Batch.objects.get().state == "verified"
    number = AcceptedProfile.objects.get().pk
    with pytest.raises(RadCommonsError):
        profile_source("another-project", name=own.name, version=own.version, sha256=own.digest)
    assert run.invoke(commands.intake, ["profiles", "forget", str(number)]).exit_code == 0
    assert run.invoke(commands.intake, ["profiles", "list", "--json"]).output.strip() == "[]"


@DATABASE
def test_a_profile_forgotten_while_its_batch_waits_holds_everything_back(site, tmp_path, run_worker):
    path = _own_profile(tmp_path)
    own = load_profile(path)
    row = services.accept_profile(path.read_text("utf-8"), project="covid19", actor=Actor.system("tests"))
    stamp = ProfileStamp(own.name, own.version, own.digest)
    _seal(_with_profile(make_batch([write_instance(tmp_path / "a.dcm")]), stamp))

    services.forget_profile(row.pk, actor=Actor.system("tests"))
    run_worker()

    assert Batch.objects.get().state == "refused"
    assert [each["code"] for each in QuarantinedInstance.objects.get().findings] == ["intake.unknown-profile"]


@DATABASE
def test_a_profile_of_the_software_needs_no_acceptance(site):
    text = (files("radcommons.deid") / "profiles" / "ricord.toml").read_text("utf-8")
    with pytest.raises(RadCommonsError) as refusal:
        services.accept_profile(text, project="covid19", actor=Actor.system("tests"))
    assert refusal.value.code == "intake.profile-packaged"
    assert not AcceptedProfile.objects.exists()


@DATABASE
def test_a_suspicious_text_waits_for_a_curator_who_reads_it(site, tmp_path, run_worker, client_of):
    _seal(make_batch([write_instance(tmp_path / "a.dcm", SeriesDescription="seen by Dr. Zaphod on 12.03.2020")]))
    run_worker()
    row = QuarantinedInstance.objects.get()
    assert "deid.suspicious-text" in {each["code"] for each in row.findings if each["severity"] == "error"}
    assert "Zaphod" not in str(row.findings)

    curator = client_of("curator")
    page = curator.get(f"/quarantine/{row.pk}/").content.decode()
    assert "seen by Dr. Zaphod on 12.03.2020" in page
    assert "I have read the text" in page
    assert "I have looked" not in page
    curator.post(f"/quarantine/{row.pk}/release/", {"reason": "a made-up person", "vouched": "deid.suspicious-text"})
    run_worker()

    part = BatchPart.objects.get()
    assert (part.state, bool(part.texts_approved_by), part.pixel_text_approved_by) == ("stored", True, "")
    assert "Zaphod" not in curator.get(f"/quarantine/{row.pk}/").content.decode()


SUSPECT = "seen by Dr. Zaphod on 12.03.2020"
RADIOGRAPH = {"SOPClassUID": DX, "Modality": "DX"}


@DATABASE
@pytest.mark.parametrize(
    "vouched",
    [
        [rules.PIXEL_TEXT],
        [rules.SUSPICIOUS_TEXT],
        [],
        [rules.PIXEL_TEXT, rules.SUSPICIOUS_TEXT, "deid.identifier"],
    ],
)
def test_each_question_is_answered_by_itself(site, tmp_path, run_worker, client_of, vouched):
    asked = {rules.PIXEL_TEXT, rules.SUSPICIOUS_TEXT}
    _seal(make_batch([write_instance(tmp_path / "a.dcm", SeriesDescription=SUSPECT, **RADIOGRAPH)]))
    run_worker()
    row, curator = queries.quarantined().get(), client_of("curator")
    page = curator.get(f"/quarantine/{row.pk}/").content.decode()
    assert ("I have looked at the whole picture" in page, "I have read the text" in page) == (True, True)

    curator.post(f"/quarantine/{row.pk}/release/", {"reason": "looked", "vouched": vouched})
    run_worker()

    part = BatchPart.objects.get()
    assert bool(part.pixel_text_approved_by) == (rules.PIXEL_TEXT in vouched)
    assert bool(part.texts_approved_by) == (rules.SUSPICIOUS_TEXT in vouched)
    held = queries.quarantined().first()
    errors = {each["code"] for each in (held.findings if held else ()) if each["severity"] == "error"}
    assert errors == asked - set(vouched)


@DATABASE
def test_nobody_is_asked_to_vouch_for_texts_that_cannot_be_shown(site, tmp_path, run_worker, client_of):
    made = make_batch([write_instance(tmp_path / "a.dcm", SeriesDescription=SUSPECT)])
    _seal(made)
    run_worker()
    row = queries.quarantined().get()
    staging.path_of(made.manifest.batch_id, row.part.sha256).unlink()

    page = client_of("curator").get(f"/quarantine/{row.pk}/").content.decode()

    assert "could not be read from the file" in page
    assert "I have read" not in page


@pytest.mark.parametrize(
    "value",
    [
        "ALPHA-OKONKWO",
        "ALPHA-12345",
        "ALPHA-1234567X",
        "BETA-123456",
        "alpha-123456",
        "123456",
        "ALPHA-",
        "",
        "ALPHA 123456",
    ],
)
def test_what_is_no_pseudonym_of_the_site_is_told_apart(value):
    assert not rules.is_subject_id(value, site="ALPHA")


@given(st.integers(0, 10**24 - 1), st.integers(6, 24))
def test_every_number_a_hospital_draws_is_a_pseudonym(number, digits):
    assert rules.is_subject_id(f"ALPHA-{number % 10**digits:0{digits}d}", site="ALPHA")
    assert not rules.is_subject_id(f"ALPHA-{number % 10**digits:0{digits}d}", site="ALPHA-1")
