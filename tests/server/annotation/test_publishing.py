"""Finished reads and the consensus enter the archive through the intake: once, exactly, with an account of the rest."""

import pytest
from pydicom import Dataset
from tests.support.publishing import STUDIES, finished_project, instances_of_kind, publish
from tests.support.reading import task_of
from tests.support.studies import OPERATOR, store_study

from radcommons.server.annotation.errors import MoveNotPossibleError, NothingToPublishError
from radcommons.server.annotation.models import Case, Publication, PublishedObject, PublishedReading
from radcommons.server.annotation.queries.published import replaced_objects
from radcommons.server.annotation.queries.publishing import account_of
from radcommons.server.annotation.queries.worklist import visible_instances
from radcommons.server.annotation.rules.publishing import Reason
from radcommons.server.annotation.services.publishing import begin_publication, publish_case, waiting_cases
from radcommons.server.annotation.sources import resolve_source
from radcommons.server.archive import metadata
from radcommons.server.archive.models import Instance
from radcommons.server.catalog.models import CatalogSeries
from radcommons.server.catalog.services import catalog_study
from radcommons.server.curation.models import Case as CurationCase
from radcommons.server.curation.services import hold
from radcommons.server.intake.models import BatchPart
from radcommons.server.journey.services import deliver_pending
from radcommons.server.platform.models import AuditEvent
from radcommons.server.sites.models import Agreement

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db, tmp_store, tmp_path):
    """Two cases, three readers, closed."""
    return finished_project(tmp_path)


def test_nothing_is_published_before_the_project_is_closed(tmp_path):
    project = finished_project(tmp_path, closes=False)

    with pytest.raises(MoveNotPossibleError):
        begin_publication(project, actor=OPERATOR)
    assert not Publication.objects.exists()


def test_publishing_again_publishes_nothing_twice(project):
    publish(project)
    before = set(Instance.objects.values_list("sop_instance_uid", "sha256"))

    with pytest.raises(NothingToPublishError):
        begin_publication(project, actor=OPERATOR)
    assert set(Instance.objects.values_list("sop_instance_uid", "sha256")) == before


def test_interrupted_anywhere_it_goes_on_without_a_duplicate(project):
    """A crash after the intake's transaction loses our note that a reading is settled, never what was stored."""
    publication = begin_publication(project, actor=OPERATOR)
    first, *_ = waiting_cases(publication)
    publish_case(publication.pk, first, actor=OPERATOR)
    stored = dict(Instance.objects.values_list("sop_instance_uid", "sha256"))
    publication.readings.filter(case_id=first).update(state="waiting")
    assert begin_publication(project, actor=OPERATOR) == publication
    for case_id in waiting_cases(publication):
        publish_case(publication.pk, case_id, actor=OPERATOR)
    after = dict(Instance.objects.values_list("sop_instance_uid", "sha256"))

    assert stored.items() <= after.items()
    assert account_of(publication).by_state == {"stored": 7}
    assert len(instances_of_kind("SEG")) == 7
    assert not BatchPart.objects.exclude(state="stored").exists()


def header_of(made):
    """A published object as the archive has it."""
    instance = Instance.objects.get(sop_instance_uid=made.sop_instance_uid)
    return Dataset.from_json(metadata.attributes_of(bytes(instance.dicom_json)))


def delivered():
    """Let the rooms act on all facts, those that follow from others as well."""
    while deliver_pending():
        pass


def catalogued(study):
    """The modalities of a study that the catalog has."""
    rows = CatalogSeries.objects.filter(study__study_instance_uid=study)
    return sorted(rows.values_list("modality", flat=True))


def test_coded_objects_leave_a_cleared_study_in_the_catalog_and_readers_of_others_see_nothing_of_it(project):
    publish(project)
    delivered()
    case = Case.objects.get(study_instance_uid=STUDIES[0])

    assert (case.study.curation_case.state, case.is_suspended) == ("cleared", False)
    assert catalogued(STUDIES[0]) == ["CT", *["RTSTRUCT"] * 4, *["SEG"] * 4, *["SR"] * 4]
    source = resolve_source("named", STUDIES[0], OPERATOR)
    assert set(source.instances.values_list("series__modality", flat=True)) == {"CT"}
    assert set(visible_instances(task_of("anna", STUDIES[0])).values_list("series__modality", flat=True)) == {"CT"}
    told = AuditEvent.objects.filter(action="curation.derived-accepted", object_id=STUDIES[0])
    assert [event.facts["objects"] for event in told] == [12]


def test_words_of_a_reader_bring_their_study_before_the_curators_and_no_other(tmp_path):
    publish(finished_project(tmp_path, note="Seen on one side only."))
    delivered()
    cases = {case.study_instance_uid: case for case in Case.objects.select_related("study__curation_case")}

    assert [cases[study].study.curation_case.state for study in STUDIES] == ["cleared", "open"]
    assert [cases[study].is_suspended for study in STUDIES] == [False, True]
    assert catalogued(STUDIES[1]) == []


def test_coded_objects_do_not_hide_images_that_came_meanwhile(project, tmp_path):
    publish(project)
    (tmp_path / "more").mkdir()
    store_study(tmp_path / "more", "case-0", slices=4, PatientID="ALPHA-00000000")
    delivered()

    assert CurationCase.objects.get(study__study_instance_uid=STUDIES[0]).state == "open"
    assert catalogued(STUDIES[0]) == []


def test_what_is_decided_anew_replaces_its_older_objects_in_the_catalog(project):
    first = publish(project)
    delivered()
    PublishedReading.objects.filter(is_consensus=True).update(reading_sha256="0" * 64)
    publish(project)
    catalog_study(STUDIES[0])
    old = PublishedObject.objects.filter(reading__publication=first, reading__is_consensus=True)

    new = PublishedObject.objects.get(
        reading__is_consensus=True,
        reading__case__study_instance_uid=STUDIES[0],
        kind="sr",
        reading__publication__number=2,
    )
    report = header_of(new)
    [study] = report.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    [before] = series.ReferencedSOPSequence
    assert old.filter(
        kind="sr", series_instance_uid=series.SeriesInstanceUID, sop_instance_uid=before.ReferencedSOPInstanceUID
    ).exists()
    assert study.StudyInstanceUID == report.StudyInstanceUID
    assert before.ReferencedSOPClassUID == report.SOPClassUID
    assert "PredecessorDocumentsSequence" not in header_of(old.get(kind="sr"))
    assert set(replaced_objects()) == set(old)
    assert account_of(first).replaced == len(old) == 3
    assert catalogued(STUDIES[0]).count("SEG") == 3


def test_what_is_with_the_curators_is_left_out_and_published_later(project):
    Case.objects.filter(study_instance_uid=STUDIES[0]).update(is_suspended=True)
    account = account_of(publish(project))
    assert account.by_state == {"stored": 3}
    assert (Reason.IN_CURATION, 1) in [(reason, number) for reason, number, _ in account.left_out]

    Case.objects.filter(study_instance_uid=STUDIES[0]).update(is_suspended=False)
    second = account_of(publish(project))
    assert (second.publication.number, second.by_state) == (2, {"stored": 4})


def test_a_study_held_after_the_beginning_is_left_out(project):
    publication = begin_publication(project, actor=OPERATOR)
    hold(STUDIES[1], actor=OPERATOR, reason="Looks like another person.")
    deliver_pending()
    for case_id in waiting_cases(publication):
        publish_case(publication.pk, case_id, actor=OPERATOR)
    publication.refresh_from_db()

    assert account_of(publication).by_state == {"stored": 4, "left_out": 3}
    assert (Reason.IN_CURATION, 3) in [(reason, number) for reason, number, _ in account_of(publication).left_out]


def test_without_an_agreement_nothing_is_taken_in(project):
    Agreement.objects.update(revoked_at="2026-01-01T00:00:00Z")
    account = account_of(publish(project))

    assert account.by_state == {"left_out": 7}
    assert (Reason.NOT_TAKEN, 7) in [(reason, number) for reason, number, _ in account.left_out]
    assert instances_of_kind("SEG") == []


def test_a_note_that_names_somebody_waits_for_a_curator(tmp_path):
    project = finished_project(tmp_path, note="Pat. Mustermann, born 03.04.1961, tel. 0171 5551234")
    account = account_of(publish(project))

    assert account.by_state == {"stored": 6, "held": 1}
    assert [code for code, _ in account.held] == ["deid.suspicious-text"]
    assert len(instances_of_kind("SR")) == 6
    assert len(instances_of_kind("SEG")) == 7


def test_a_manager_publishes_on_the_page_and_reads_the_account(project, client_of, run_worker):
    page = client_of("project_manager")
    assert "Publish" in page.get("/annotation/projects/chest-reads/").content.decode()
    answer = page.post("/annotation/projects/chest-reads/publications/publish/", follow=True)
    assert "2 cases are being written." in answer.content.decode()
    assert "0 of 7 readings" in answer.content.decode()
    run_worker()
    text = page.get("/annotation/projects/chest-reads/publications/").content.decode()

    assert "Its readers disagree and nobody has decided" in text
    assert "7 stored" in text
