"""The journey against the real rooms: curation, catalog, clinical and intake answer; the outbox remembers."""

import itertools

import pytest
from click.testing import CliRunner
from django.db import OperationalError, transaction
from tests.support.batches import make_site, uid, write_instance

from radcommons.dicom.instance import describe_file
from radcommons.server.archive.services import announce_stored, store_instance
from radcommons.server.catalog.models import CatalogSeries
from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.curation import services as curation
from radcommons.server.curation.models import Case
from radcommons.server.intake.models import StudyProgress
from radcommons.server.journey import commands, queries, services
from radcommons.server.journey.models import StudyJourney
from radcommons.server.journey.table import State, Verb
from radcommons.server.platform import outbox
from radcommons.server.platform.models import AuditEvent, OutboxFact
from radcommons.server.platform.policy import Actor

pytestmark = pytest.mark.django_db(transaction=True)
STUDY = uid("study", 1)
SYSTEM = Actor.system("tests")


@pytest.fixture(autouse=True)
def _stored(transactional_db, tmp_store, tmp_path):
    """One study in the archive, of which nobody has heard yet."""
    site = make_site()
    description, _ = describe_file(write_instance(tmp_path / "a.dcm"))
    store_instance(description, tmp_path / "a.dcm", site=site, project="covid19", actor=SYSTEM)


def _announce(*kinds: str, study: str = STUDY, **facts: object) -> None:
    with transaction.atomic():
        for kind in kinds:
            outbox.announce(kind, study_instance_uid=study, facts=facts)


def _world() -> tuple[object, ...]:
    return (
        StudyJourney.objects.get().state,
        CatalogSeries.objects.count(),
        Case.objects.count(),
        list(SubjectRecord.objects.values_list("covid19_status", flat=True)),
        StudyProgress.objects.get().state,
        list(OutboxFact.objects.exclude(failed_at=None).values_list("kind", flat=True)),
    )


def test_a_study_travels_from_arrival_to_the_catalog(actor_of):
    announce_stored([STUDY])
    assert services.deliver_pending() == 1
    assert (Case.objects.get().state, CatalogSeries.objects.count()) == ("open", 0)
    curation.clear(STUDY, actor=actor_of("curator"), reason="looks right")
    services.deliver_pending()
    assert CatalogSeries.objects.count() == 1
    assert queries.states([STUDY]) == {STUDY: State.CLEARED}
    assert StudyProgress.objects.get().state == "cleared"
    assert services.deliver_pending() == 0


def test_the_site_reads_why_a_study_was_returned(actor_of):
    announce_stored([STUDY])
    services.deliver_pending()
    curation.return_to_site(STUDY, actor=actor_of("curator"), reason="Thickness is missing.")
    services.deliver_pending()
    assert (StudyProgress.objects.get().state, StudyProgress.objects.get().reason) == (
        "returned",
        "Thickness is missing.",
    )
    entries = queries.timeline(STUDY).entries
    assert [entry.kind for entry in entries] == ["InstancesStored", "StudyReturned"]
    assert entries[-1].reason == "Thickness is missing."


def test_an_impossible_fact_is_recorded_as_failed_and_the_others_go_on():
    _announce("InstancesStored")
    _announce("StudyReleased", study=uid("study", "elsewhere"))
    services.deliver_pending()
    (failed,) = queries.failed()
    assert (failed.kind, failed.error_code) == ("StudyReleased", "journey.impossible")
    assert queries.states([STUDY]) == {STUDY: State.IN_CURATION}


def test_a_fact_that_was_too_early_is_acted_upon_when_its_time_has_come():
    _announce("InstancesStored", "StudyCleared")
    first = OutboxFact.objects.get(kind="InstancesStored")
    OutboxFact.objects.filter(pk=first.pk).delete()
    services.deliver_pending()
    assert [fact.kind for fact in queries.failed()] == ["StudyCleared"]
    first.save(force_insert=True)
    services.deliver_pending()
    assert queries.failed() == []
    assert (queries.states([STUDY])[STUDY], Case.objects.count()) == (State.CLEARED, 1)


KINDS = ("InstancesStored", "SubjectsDescribed", "StudyCleared", "StudyHeld")


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(KINDS))))[::3])
def test_delivery_in_any_order_ends_the_same(order):
    _announce(*KINDS, covid19_status="positive")
    rows = list(OutboxFact.objects.order_by("id"))
    OutboxFact.objects.all().delete()
    for index in order:
        rows[index].save(force_insert=True)
        services.deliver_pending()
        services.deliver_study(STUDY)
    assert _world() == ("held", 0, 1, ["positive"], "held", [])


def test_a_verb_that_fails_for_good_waits_for_an_operator_and_changes_nothing():
    def broken(fact: OutboxFact) -> None:
        raise ValueError("a room is broken")

    announce_stored([STUDY])
    assert services.deliver_pending(verbs={**services.VERBS, Verb.OPEN_CASE: broken}) == 0
    assert not StudyJourney.objects.exclude(state="unknown").exists()
    assert [fact.error_code for fact in queries.failed()] == ["journey.verb-failed.curation.open_case"]
    result = CliRunner().invoke(commands.journey, ["retry", "--json"])
    assert '"failed":0' in result.output
    assert queries.states([STUDY]) == {STUDY: State.IN_CURATION}


def test_a_verb_that_fails_for_a_passing_reason_is_asked_again():
    tries: list[int] = []

    def passing(fact: OutboxFact) -> None:
        tries.append(fact.pk)
        if len(tries) < 3:
            raise OperationalError("the database restarts")

    announce_stored([STUDY])
    verbs = {**services.VERBS, Verb.OPEN_CASE: passing}
    assert [services.deliver_pending(verbs=verbs) for _ in range(4)] == [0, 0, 1, 0]
    assert queries.failed() == []


def test_a_crash_in_the_middle_of_a_delivery_leaves_no_trace(actor_of):
    class KilledError(BaseException):
        pass

    def killed(fact: OutboxFact) -> None:
        services.VERBS[Verb.CATALOG_STUDY](fact)
        raise KilledError

    announce_stored([STUDY])
    services.deliver_pending()
    curation.clear(STUDY, actor=actor_of("curator"))
    events = AuditEvent.objects.count()
    with pytest.raises(KilledError):
        services.deliver_pending(verbs={**services.VERBS, Verb.CATALOG_STUDY: killed})
    assert (CatalogSeries.objects.count(), AuditEvent.objects.count()) == (0, events)
    assert queries.states([STUDY]) == {STUDY: State.IN_CURATION}
    services.deliver_pending()
    assert (CatalogSeries.objects.count(), queries.states([STUDY])) == (1, {STUDY: State.CLEARED})


def test_each_move_of_a_study_is_one_audit_event():
    _announce("InstancesStored")
    services.deliver_pending()
    _announce("InstancesStored")
    services.deliver_pending()
    moves = AuditEvent.objects.filter(action="journey.move").values_list("facts", flat=True)
    assert [(move["from"], move["to"]) for move in moves] == [("unknown", "in_curation")]


def test_a_withdrawn_study_leaves_the_catalog_for_good():
    _announce("InstancesStored", "StudyCleared", "StudyReleased", "StudyWithdrawn")
    services.deliver_pending()
    assert (queries.states([STUDY])[STUDY], CatalogSeries.objects.count()) == (State.WITHDRAWN, 0)
    _announce("StudyCleared")
    services.deliver_pending()
    assert CatalogSeries.objects.count() == 0
    assert [fact.kind for fact in queries.failed()] == ["StudyCleared"]


def test_the_command_shows_the_timeline():
    _announce("InstancesStored")
    services.deliver_pending()
    text = CliRunner().invoke(commands.journey, ["timeline", STUDY]).output
    assert "Images were verified and stored." in text
    assert "Now: in_curation." in text
    assert CliRunner().invoke(commands.journey, ["failed"]).exit_code == 0
