import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.db import DatabaseError, connection, transaction
from tests.support.batches import make_site

from radcommons.server.archive.models import Subject
from radcommons.server.platform import audit
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

ACTOR = Actor.system("tests")


def _record(count: int) -> None:
    for index in range(count):
        with transaction.atomic():
            audit.record(ACTOR, "study.cleared", object_kind="study", object_id=index, facts={"from": "open"})


@pytest.mark.django_db(transaction=True)
def test_chain_and_checkpoint_verify_after_normal_work():
    _record(5)
    assert audit.checkpoint().sequence == 5
    _record(2)
    assert audit.verify() == (7, ())


@pytest.mark.django_db(transaction=True)
def test_a_change_made_behind_the_triggers_is_found():
    _record(3)
    audit.checkpoint()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE platform_auditevent DISABLE TRIGGER platform_auditevent_append_only")
        cursor.execute("UPDATE platform_auditevent SET actor = 'somebody' WHERE object_id = '1'")
        cursor.execute("ALTER TABLE platform_auditevent ENABLE TRIGGER platform_auditevent_append_only")
    _, findings = audit.verify()
    assert [finding.code for finding in findings] == ["audit.event-changed", "audit.chain-broken"]


@pytest.mark.django_db(transaction=True)
def test_events_cannot_be_updated_or_deleted():
    _record(1)
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEvent.objects.all().update(actor="somebody")
    with pytest.raises(DatabaseError, match="append-only"):
        AuditEvent.objects.all()._raw_delete("default")


def test_recording_outside_a_transaction_is_refused(transactional_db):
    with pytest.raises(RuntimeError, match="transaction"):
        audit.record(ACTOR, "x", object_kind="y", object_id=1)


def test_a_transaction_that_holds_a_row_and_one_that_refers_to_it_do_not_wait_for_each_other(transactional_db):
    """Both end with the chain, the second one after it with the check of what it refers to."""
    site = make_site("ALPHA")
    is_locked, is_committing = threading.Event(), threading.Event()

    def refer() -> None:
        is_locked.wait(10)
        try:
            with transaction.atomic():
                audit.record(ACTOR, "subject.added", object_kind="subject", object_id=1)
                Subject.objects.create(subject_id="ALPHA-00000001", site=site)
                is_committing.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Site.objects.select_for_update(no_key=True).get(pk=site.pk)
            is_locked.set()
            referring = other.submit(refer)
            assert is_committing.wait(10)
            # It either ends now or waits for the row with the end of the chain in its hands.
            wait([referring], timeout=2)
            audit.record(ACTOR, "site.changed", object_kind="site", object_id=site.pk)
        referring.result()
    assert Subject.objects.count() == 1
    assert audit.verify()[1] == ()
