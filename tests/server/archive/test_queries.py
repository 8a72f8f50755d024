import pytest
from django.db.models import Count
from tests.server.archive.conftest import STUDY, dicom_file

from radcommons.server.archive import queries
from radcommons.server.archive.models import Instance
from radcommons.server.platform.errors import NotFoundError

COLUMNS = ("modality", "body_part_examined")


@pytest.fixture
def filled(store, tmp_path):
    for number in range(1, 6):
        store(dicom_file(tmp_path, number))
    store(dicom_file(tmp_path, 6, SeriesInstanceUID="2.25.21", Modality="CR", SeriesNumber=1, frames=2))


def test_a_study_is_summed_up(filled):
    summary = queries.study_summary(STUDY)
    assert (summary.modalities, summary.series_count, summary.instance_count) == (("CR", "CT"), 2, 6)
    assert (summary.site_code, summary.subject_id, summary.patient_age_years) == ("ALPHA", "SUBJECT-1", 45.0)
    assert summary.size_bytes == sum(Instance.objects.values_list("size_bytes", flat=True))


def test_what_a_scope_does_not_hold_is_neither_counted_nor_found(filled):
    only_cr = Instance.objects.filter(series__modality="CR")
    assert queries.study_summary(STUDY, instances=only_cr).instance_count == 1
    assert len(queries.series_list(STUDY, instances=only_cr)) == 1
    with pytest.raises(NotFoundError):
        queries.study_summary(STUDY, instances=Instance.objects.none())
    assert queries.study_summaries(["2.25.99"]) == []


def test_series_are_listed_by_number_with_the_picture_that_stands_for_them(filled):
    cr, ct = queries.series_list(STUDY)
    assert (cr.modality, cr.frame_count, cr.instance_count) == ("CR", 2, 1)
    assert (ct.first_sop_instance_uid, ct.middle_sop_instance_uid, ct.image_count) == ("2.25.301", "2.25.303", 5)


def test_the_middle_image_of_the_first_series_stands_for_a_set(filled):
    assert queries.representative(queries.stored_instances()).sop_instance_uid == "2.25.306"
    ct = queries.stored_instances().filter(series__modality="CT")
    assert queries.representative(ct).sop_instance_uid == "2.25.303"
    assert queries.representative(Instance.objects.filter(is_image=False)) is None


def test_pages_of_studies_cost_a_fixed_number_of_statements(filled, django_assert_num_queries):
    with django_assert_num_queries(2):
        queries.study_summaries([STUDY, "2.25.99"])
    with django_assert_num_queries(2):
        queries.series_list(STUDY)


def test_studies_are_counted_by_each_column_as_by_itself(filled, store, tmp_path):
    other = {"StudyInstanceUID": "2.25.11", "PatientID": "SUBJECT-2"}
    store(dicom_file(tmp_path, 7, SeriesInstanceUID="2.25.22", Modality="CT", BodyPartExamined="", **other))
    store(dicom_file(tmp_path, 8, SeriesInstanceUID="2.25.23", Modality="CT", BodyPartExamined="HEAD", **other))
    store(dicom_file(tmp_path, 9, SeriesInstanceUID="2.25.24", Modality="MR", BodyPartExamined="HEAD", **other))
    for instances in (queries.stored_instances(), Instance.objects.exclude(series__modality="CT")):
        for column, found in zip(COLUMNS, queries.studies_by(instances, *COLUMNS), strict=True):
            rows = instances.values_list(f"series__{column}").annotate(number=Count("series__study", distinct=True))
            slowly = rows.order_by("-number", f"series__{column}")
            assert found == [(value or "not stated", number) for value, number in slowly]
    assert dict(queries.studies_by(queries.stored_instances(), "modality")[0]) == {"CT": 2, "CR": 1, "MR": 1}
    assert queries.studies_by(Instance.objects.none(), *COLUMNS) == [[], []]
