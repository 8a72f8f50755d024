"""What a site states about a subject."""

import pytest
from tests.support.batches import make_site, uid, write_instance

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.instance import describe_file
from radcommons.server.archive.models import Subject
from radcommons.server.archive.services import store_instance
from radcommons.server.clinical import queries, services
from radcommons.server.clinical.rules import Covid19Status, as_status
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.policy import Actor

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")


def test_a_statement_is_recorded_once_and_can_be_corrected(tmp_store, tmp_path):
    description, _ = describe_file(write_instance(tmp_path / "a.dcm"))
    store_instance(description, tmp_path / "a.dcm", site=make_site(), project="covid19", actor=SYSTEM)
    subject = Subject.objects.get()
    assert queries.covid19_statuses([subject.pk]) == {}
    for status in (Covid19Status.POSITIVE, Covid19Status.POSITIVE, Covid19Status.NEGATIVE):
        services.record_subject(uid("study", 1), covid19_status=status, actor=SYSTEM)
    assert queries.covid19_statuses([subject.pk]) == {subject.pk: Covid19Status.NEGATIVE}
    assert AuditEvent.objects.filter(action="clinical.record-subject").count() == 2


def test_a_study_that_is_not_there_is_said():
    with pytest.raises(RadCommonsError, match="no such study"):
        services.record_subject(uid("nothing"), covid19_status=Covid19Status.POSITIVE, actor=SYSTEM)


@pytest.mark.parametrize(
    ("word", "status"),
    [("positive", Covid19Status.POSITIVE), ("maybe", Covid19Status.UNKNOWN), (None, Covid19Status.UNKNOWN)],
)
def test_any_other_word_is_unknown(word, status):
    assert as_status(word) is status
