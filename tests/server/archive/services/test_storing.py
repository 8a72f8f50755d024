import threading

import pytest
from django.db import connection, transaction
from tests.server.archive.conftest import ACTOR, STUDY, dicom_file

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.models import Instance, Series, Study, Subject
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.services import Offer, storing
from radcommons.server.platform.errors import UnavailableError
from radcommons.server.platform.models import AuditEvent, OutboxFact
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.settings import settings
from radcommons.server.sites.models import Site


def offer(path):
    description, _ = describe_file(path)
    return Offer(description, path)


def test_a_stored_instance_has_its_levels_its_bytes_and_one_audit_row(store, tmp_path):
    path = dicom_file(tmp_path)
    stored = store(path)
    assert stored.outcome is StoreOutcome.STORED
    instance = Instance.objects.select_related("series__study__subject__site").get(pk=stored.instance_id)
    study = instance.series.study
    assert (instance.state, instance.number_of_frames, instance.rows, instance.columns) == ("stored", 1, 12, 16)
    assert (study.study_date.isoformat(), study.patient_age_years, study.patient_sex) == ("2020-03-15", 45.0, "F")
    assert (instance.series.modality, instance.series.slice_thickness_mm) == ("CT", 1.25)
    assert (study.subject.subject_id, study.subject.site.code) == ("SUBJECT-1", "ALPHA")
    assert object_store().read(instance_key(instance.sha256)) == path.read_bytes()
    event = AuditEvent.objects.get(action="archive.store")
    assert (event.object_id, event.facts["count"]) == (STUDY, 1)


def test_the_frame_table_leads_to_the_pixels_in_the_file(store, tmp_path):
    path = dicom_file(tmp_path, frames=3)
    instance = Instance.objects.get(pk=store(path).instance_id)
    table = instance.frames
    assert table["count"] == 3
    start = table["offset"] + 2 * table["length"]
    whole = path.read_bytes()
    assert whole[start : start + table["length"]] == whole[-table["length"] :]


def test_the_same_bytes_again_are_a_duplicate_and_change_nothing(store, tmp_path):
    path = dicom_file(tmp_path)
    first, again = store(path), store(path)
    assert again.outcome is StoreOutcome.DUPLICATE
    assert again.instance_id == first.instance_id
    assert AuditEvent.objects.filter(action="archive.store").count() == 1


def test_other_bytes_under_the_same_identifier_are_a_conflict_and_kept_out(store, tmp_path):
    store(dicom_file(tmp_path))
    other = store(dicom_file(tmp_path, StudyDescription="changed"))
    assert other.outcome is StoreOutcome.CONFLICT
    assert other.instance_id is None
    assert [finding.code for finding in other.findings] == ["archive.instance-conflict"]
    assert Instance.objects.count() == 1


def test_a_study_belongs_to_one_site_and_one_subject(store, tmp_path):
    store(dicom_file(tmp_path))
    beta = Site.objects.create(code="BETA", name="Beta", country="FR")
    from_another_site = store(dicom_file(tmp_path, 2), at=beta)
    of_another_subject = store(dicom_file(tmp_path, 3, PatientID="SUBJECT-2"))
    in_another_study = store(dicom_file(tmp_path, 4, StudyInstanceUID="2.25.11"))
    without_subject = store(
        dicom_file(tmp_path, 5, PatientID="", StudyInstanceUID="2.25.12", SeriesInstanceUID="2.25.22")
    )
    codes = [
        result.findings[0].code for result in (from_another_site, of_another_subject, in_another_study, without_subject)
    ]
    assert codes == [
        "archive.study-of-another-site",
        "archive.study-of-another-subject",
        "archive.series-of-another-study",
        "archive.subject-missing",
    ]
    assert (Subject.objects.count(), Study.objects.count(), Series.objects.count()) == (1, 1, 1)


def test_many_instances_are_stored_at_once_with_one_result_each_in_order(site, tmp_store, tmp_path):
    paths = [dicom_file(tmp_path, number) for number in (3, 1, 2)]
    twice = [*paths, paths[0]]
    results = services.store_instances([offer(path) for path in twice], site=site, project="covid19", actor=ACTOR)
    assert [result.outcome.value for result in results] == ["stored", "stored", "stored", "duplicate"]
    assert [Instance.objects.get(pk=result.instance_id).instance_number for result in results] == [3, 1, 2, 3]
    assert AuditEvent.objects.get(action="archive.store").facts["count"] == 3


def test_a_store_that_takes_no_bytes_leaves_nothing_visible_and_the_next_attempt_finishes(store, tmp_path):
    path = dicom_file(tmp_path)
    in_the_way = settings().data_dir / "objects" / "instances"
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_bytes(b"a file where a folder should be")
    with pytest.raises((OSError, UnavailableError)):
        store(path)
    assert Instance.objects.get().state == "storing"
    in_the_way.unlink()
    assert store(path).outcome is StoreOutcome.STORED
    assert Instance.objects.get().state == "stored"


def test_what_was_never_finished_is_cleaned_up_after_a_while(store, tmp_path):
    store(dicom_file(tmp_path, 1))
    store(dicom_file(tmp_path, 2))
    Instance.objects.filter(instance_number=2).update(state="storing", created_at="2020-01-01T00:00:00Z")
    assert services.clean_up_unfinished(older_than_hours=1) == 1
    assert [instance.instance_number for instance in Instance.objects.all()] == [1]
    assert AuditEvent.objects.filter(action="archive.clean-up").count() == 1


def test_what_was_purged_while_its_bytes_were_placed_is_not_called_stored(site, tmp_store, tmp_path):
    offers = [offer(dicom_file(tmp_path, number)) for number in (1, 2)]
    begun = storing.begin_storing(offers, site=site, project="covid19")
    storing.place_bytes(offers, begun, actor=ACTOR)
    Instance.objects.filter(pk=begun[0].instance_id).delete()
    with pytest.raises(UnavailableError) as refused, transaction.atomic():
        storing.finish_storing(begun, actor=ACTOR)
    assert refused.value.code == "archive.taken-away"
    assert Instance.objects.get().state == "storing"
    again = services.store_instances(offers, site=site, project="covid19", actor=ACTOR)
    assert [result.outcome for result in again] == [StoreOutcome.STORED] * 2


def test_a_sending_is_announced_once_a_study(db):
    services.announce_stored(["2.25.2", "2.25.1", "2.25.2"])
    assert list(OutboxFact.objects.values_list("kind", "study_instance_uid")) == [
        ("InstancesStored", "2.25.1"),
        ("InstancesStored", "2.25.2"),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_senders_of_the_same_study_at_once_store_each_instance_once(tmp_store, tmp_path):
    site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
    offers = [offer(dicom_file(tmp_path, number)) for number in range(1, 13)]
    outcomes, errors = [], []
    start = threading.Barrier(2)

    def send(mine):
        try:
            start.wait()
            for position in range(0, 12, 3):
                chunk = mine[position : position + 3]
                outcomes.extend(services.store_instances(chunk, site=site, project="covid19", actor=ACTOR))
        except Exception as error:  # noqa: BLE001 - a thread must report whatever happened
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(mine,)) for mine in (offers, offers[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(result.outcome.value for result in outcomes) == ["duplicate"] * 12 + ["stored"] * 12
    assert Instance.objects.filter(state="stored").count() == 12
