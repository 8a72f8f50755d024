import pytest
from django.db import transaction

from radcommons.server.platform import outbox

pytestmark = pytest.mark.django_db(transaction=True)


def _announce_and_fail(study_instance_uid: str) -> None:
    with transaction.atomic():
        outbox.announce("StudyCleared", study_instance_uid=study_instance_uid)
        _ = 1 / 0


def test_a_fact_lives_and_dies_with_its_transaction():
    with transaction.atomic():
        outbox.announce("StudyCleared", study_instance_uid="2.25.1")
    with pytest.raises(ZeroDivisionError):
        _announce_and_fail("2.25.2")
    assert outbox.pending_studies(10) == ["2.25.1"]


def test_announcing_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.announce("StudyCleared", study_instance_uid="2.25.1")


def test_failed_facts_wait_for_an_operator_and_can_be_put_back():
    with transaction.atomic():
        outbox.announce("StudyCleared", study_instance_uid="2.25.1")
    fact = outbox.facts_of("2.25.1")[0]
    outbox.mark_failed(fact.pk, "journey.unknown", is_final=True)
    assert outbox.pending_studies(10) == []
    assert [row.error_code for row in outbox.failed_facts()] == ["journey.unknown"]
    assert outbox.retry([fact.pk]) == 1
    assert outbox.pending_studies(10) == ["2.25.1"]
    outbox.mark_delivered([fact.pk])
    assert outbox.pending_studies(10) == []
