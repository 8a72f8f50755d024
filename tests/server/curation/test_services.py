"""Cases are opened, decided, and opened again when a study changes."""

import pytest
from django.db import DatabaseError, transaction
from tests.support.studies import store_study

from radcommons.server.curation import services
from radcommons.server.curation.errors import DecisionNotPossibleError, ReasonMissingError
from radcommons.server.curation.models import Case, CheckResult, Decision
from radcommons.server.curation.rules import CaseState
from radcommons.server.platform.errors import ForbiddenError, NotFoundError
from radcommons.server.platform.models import AuditEvent, OutboxFact
from radcommons.server.platform.policy import Role

pytestmark = pytest.mark.usefixtures("tmp_store")


@pytest.fixture
def curator(actor_of):
    return actor_of(Role.CURATOR)


def opened(folder, name, **changes):
    study_instance_uid = store_study(folder, name, **changes)
    services.open_case(study_instance_uid)
    return study_instance_uid


def state_of(study_instance_uid):
    return Case.objects.get(study__study_instance_uid=study_instance_uid).state


def test_an_arrived_study_becomes_an_open_case_with_its_findings(db, tmp_path):
    study = opened(tmp_path, "a", PatientAge="012Y")
    assert state_of(study) == CaseState.OPEN
    assert "curation.age-under-18" in CheckResult.objects.values_list("code", flat=True)


def test_opening_a_case_again_changes_nothing(db, tmp_path):
    study = opened(tmp_path, "a")
    before = (Case.objects.values().get(), AuditEvent.objects.count(), set(CheckResult.objects.values_list("id")))
    services.open_case(study)
    assert before == (
        Case.objects.values().get(),
        AuditEvent.objects.count(),
        set(CheckResult.objects.values_list("id")),
    )


def test_a_study_that_is_not_stored_has_no_case(db):
    with pytest.raises(NotFoundError):
        services.open_case("2.25.1")


def test_clearing_is_decided_audited_and_announced_together(db, tmp_path, curator):
    study = opened(tmp_path, "a")
    services.clear(study, actor=curator)
    decision = Decision.objects.get()
    assert (decision.verb, decision.from_state, decision.to_state, decision.actor) == (
        "clear",
        "open",
        "cleared",
        curator.name,
    )
    assert AuditEvent.objects.filter(action="curation.clear", object_id=study, actor=curator.name).count() == 1
    assert OutboxFact.objects.filter(kind="StudyCleared", study_instance_uid=study).count() == 1


def test_the_second_of_two_curators_learns_that_the_first_was_faster(db, tmp_path, curator):
    study = opened(tmp_path, "a")
    services.reject(study, actor=curator, reason="Not a chest.")
    with pytest.raises(DecisionNotPossibleError) as caught:
        services.clear(study, actor=curator)
    assert caught.value.facts == {"state": "rejected", "verb": "clear"}
    assert OutboxFact.objects.count() == 1


@pytest.mark.parametrize("verb", [services.hold, services.return_to_site, services.reject])
def test_a_reason_of_spaces_is_none(db, tmp_path, curator, verb):
    study = opened(tmp_path, "a")
    with pytest.raises(ReasonMissingError):
        verb(study, actor=curator, reason="  ")
    assert state_of(study) == CaseState.OPEN


def test_an_error_of_the_checks_is_overruled_only_with_a_reason(db, tmp_path, curator):
    opened(tmp_path, "a", PatientID="S-1", PatientSex="F")
    study = opened(tmp_path, "b", PatientID="S-1", PatientSex="M")
    with pytest.raises(ReasonMissingError):
        services.clear(study, actor=curator)
    services.clear(study, actor=curator, reason="The site confirmed a transcription error.")
    assert state_of(study) == CaseState.CLEARED


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.RELEASE_MANAGER, Role.READER, Role.RESEARCHER])
def test_only_curators_decide(db, tmp_path, actor_of, role):
    study = opened(tmp_path, "a")
    with pytest.raises(ForbiddenError):
        services.clear(study, actor=actor_of(role))


def test_new_images_put_a_cleared_study_before_the_curators_again(db, tmp_path, curator):
    study = opened(tmp_path, "a")
    services.clear(study, actor=curator)
    store_study(tmp_path, "a", slices=2)
    services.open_case(study)
    assert state_of(study) == CaseState.OPEN


def test_new_images_do_not_free_a_held_study(db, tmp_path, curator):
    study = opened(tmp_path, "a")
    services.hold(study, actor=curator, reason="Wait for the site.")
    store_study(tmp_path, "a", slices=2)
    assert services.open_case(study) is CaseState.HELD


def test_clearing_all_passes_over_errors_and_what_is_held(db, tmp_path, curator):
    clean = opened(tmp_path, "clean")
    held = opened(tmp_path, "held")
    services.hold(held, actor=curator, reason="Wait.")
    opened(tmp_path, "one", PatientID="S-1", PatientSex="F")
    wrong = opened(tmp_path, "two", PatientID="S-1", PatientSex="M")
    assert services.clear_all(actor=curator).decided == 2
    assert [state_of(uid) for uid in (clean, held, wrong)] == ["cleared", "held", "open"]


def test_one_study_that_cannot_be_cleared_does_not_stop_the_others(db, tmp_path, curator):
    studies = [opened(tmp_path, name) for name in "ab"]
    services.reject(studies[0], actor=curator, reason="Not a chest.")
    result = services.clear_several([*studies, "2.25.404"], actor=curator)
    assert result == services.BulkResult(1, {"curation.decision-not-possible": 1, "platform.not-found": 1})


def test_the_database_keeps_decisions_as_they_were_made(db, tmp_path, curator):
    services.clear(opened(tmp_path, "a"), actor=curator)
    for change in (lambda: Decision.objects.update(reason="other"), lambda: Decision.objects.all().delete()):
        with pytest.raises(DatabaseError, match="decisions never change"), transaction.atomic():
            change()
