"""Bytes that go for good: a plan, the plan applied, a tombstone."""

import base64
import json

import pytest
from click.testing import CliRunner
from tests.server.archive.conftest import ACTOR, STUDY, dicom_file
from tests.support.releases import clear_study, frozen_cohort, signed_site, store_study, wish

from radcommons.server.archive import commands, services
from radcommons.server.archive.models import Instance, InstanceState, Purge, Study
from radcommons.server.archive.services import Cause, Selection
from radcommons.server.platform import keys
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.releases import services as releases
from radcommons.transfer.release.attestation import open_envelope

WHY = {"cause": Cause.CONSENT, "reason": "The subject withdrew consent."}


def apply(selection, **why):
    plan = services.plan_purge(selection, **(why or WHY))
    return services.apply_purge(selection, **(why or WHY), plan_sha256=plan.sha256, actor=ACTOR)


def everything_in_the_store():
    return [found.key for prefix in ("instances/", "series/", "damaged/") for found in object_store().list(prefix)]


def test_a_plan_changes_nothing_and_is_applied_by_its_digest(store, tmp_path):
    for number in (1, 2):
        store(dicom_file(tmp_path, number))
    services.place(Instance.objects.all())
    digests = set(Instance.objects.values_list("sha256", flat=True))
    plan = services.plan_purge(Selection(STUDY), **WHY)
    assert {item.sha256 for item in plan.purged} == digests
    assert Instance.objects.count() == 2
    with pytest.raises(ConflictError):
        services.apply_purge(Selection(STUDY), **WHY, plan_sha256="0" * 64, actor=ACTOR)
    done = services.apply_purge(Selection(STUDY), **WHY, plan_sha256=plan.sha256, actor=ACTOR)
    assert (done.instances, Instance.objects.count(), everything_in_the_store()) == (2, 0, [])
    assert Study.objects.get().study_description == ""
    payload = json.loads(open_envelope(bytes(done.tombstone), keys.signing_key().public_key()))
    assert {subject["digest"]["sha256"] for subject in payload["subject"]} == digests
    assert payload["predicate"]["reason"] == WHY["reason"]
    assert AuditEvent.objects.get(action="archive.purge").facts["plan"] == plan.sha256


def test_an_interrupted_purge_is_finished_by_applying_it_again(store, tmp_path, monkeypatch):
    store(dicom_file(tmp_path))
    plan = services.plan_purge(Selection(STUDY), **WHY)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("radcommons.server.archive.services.purging.delete_bytes", killed)
        with pytest.raises(KeyboardInterrupt):
            services.apply_purge(Selection(STUDY), **WHY, plan_sha256=plan.sha256, actor=ACTOR)
    assert Instance.objects.count() == 0
    assert everything_in_the_store() != []
    services.apply_purge(Selection(STUDY), **WHY, plan_sha256=plan.sha256, actor=ACTOR)
    assert everything_in_the_store() == []
    assert Purge.objects.count() == 1


def test_purged_bytes_are_not_taken_again_until_that_is_lifted(store, tmp_path):
    path = dicom_file(tmp_path)
    store(path)
    done = apply(Selection(site_code="ALPHA", project="covid19", subject_id="SUBJECT-1"))
    assert [finding.code for finding in store(path).findings] == ["archive.purged"]
    assert everything_in_the_store() == []
    assert services.lift_purge(done.plan_sha256, actor=ACTOR) == 1
    assert store(path).instance_id is not None


def test_an_archive_that_changed_since_the_plan_is_planned_again(store, tmp_path):
    store(dicom_file(tmp_path, 1))
    plan = services.plan_purge(Selection(STUDY), **WHY)
    store(dicom_file(tmp_path, 2))
    with pytest.raises(ConflictError, match="no longer"):
        services.apply_purge(Selection(STUDY), **WHY, plan_sha256=plan.sha256, actor=ACTOR)
    assert Instance.objects.count() == 2


def test_what_a_version_or_a_curator_needs_stays_and_the_reason_is_said(tmp_path, tmp_store, db):
    site = signed_site()
    published = store_study(tmp_path, site, "one")
    clear_study(published)
    release = releases.publish(releases.draft(wish(), frozen_cohort("all"), actor=ACTOR).pk, actor=ACTOR)
    assert set(services.plan_purge(Selection(published), **WHY).kept) == {"a published version holds it"}
    with pytest.raises(ConflictError, match="needed"):
        apply(Selection(published))
    waiting = store_study(tmp_path, site, "two")
    assert set(services.plan_purge(Selection(waiting), **WHY).kept) <= {"its study waits for a curator", ""}
    releases.withdraw(release.pk, reason="A subject withdrew consent.", actor=ACTOR)
    done = apply(Selection(published))
    assert done.instances == Instance.objects.filter(state=InstanceState.PURGED).count() > 0
    assert not [key for key in everything_in_the_store() for one in done.removed.all() if one.sha256 in key]
    assert services.verify_objects(actor=ACTOR).findings == ()


def test_the_promise_of_an_agreement_stands_against_tidying_up_only(tmp_path, tmp_store, db):
    study = store_study(tmp_path, signed_site(), "one")
    clear_study(study)
    tidying = services.plan_purge(Selection(study), cause=Cause.HOUSEKEEPING, reason="Space is short.")
    assert set(tidying.kept) == {"an agreement in force covers it"}
    assert services.plan_purge(Selection(study), **WHY).purged


def test_a_purge_needs_a_reason_and_something_to_remove(store, tmp_path):
    store(dicom_file(tmp_path))
    with pytest.raises(InvalidError):
        services.plan_purge(Selection(STUDY), cause=Cause.CONSENT, reason=" ")
    with pytest.raises(NotFoundError):
        services.plan_purge(Selection("2.25.999"), **WHY)


def test_the_commands_plan_apply_and_lift(store, tmp_path):
    store(dicom_file(tmp_path))
    run = CliRunner().invoke
    options = ["--study", STUDY, "--cause", "consent-withdrawn", "--reason", "Consent was withdrawn."]
    plan = json.loads(run(commands.archive, ["purge", "plan", *options, "--json"]).stdout)
    assert plan["instances"] == 1
    assert plan["plan"] in run(commands.archive, ["purge", "plan", *options]).output
    done = run(commands.archive, ["purge", "apply", "--plan", plan["plan"], *options, "--json"])
    tombstone = json.loads(done.stdout)["tombstone"]
    assert plan["sha256"][0] in base64.b64decode(tombstone["payload"]).decode()
    assert not object_store().exists(instance_key(plan["sha256"][0]))
    assert json.loads(run(commands.archive, ["purge", "lift", plan["plan"], "--json"]).stdout) == {"lifted": 1}
    assert run(commands.archive, ["purge", "plan", *options, "--subject", "A/b/c"]).exit_code == 2
