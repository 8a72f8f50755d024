"""Many rows in one statement: every kind of value, in order, once, and nothing cut."""

import threading
from datetime import UTC, date, datetime

import pytest
from django.db import DataError, connection, transaction
from tests.support.batches import make_site

from radcommons.server.archive.models import Series, Study, Subject
from radcommons.server.platform.models import AuditEvent
from radcommons.server.platform.rows import fetch, indexed_values, numbers, texts, write_rows

AT = datetime(2026, 3, 29, 1, 30, 0, 123456, UTC)


def _event(number, actor="tester"):
    facts = {"a": [1, None, "\u00e4"]}
    digest = bytes([number % 256, 0, 255])
    row = {"at": AT, "actor": actor, "action": "test", "object_kind": "row", "object_id": str(number)}
    return row | {"facts": facts, "digest": digest}


@pytest.mark.django_db(transaction=True)
def test_every_row_is_written_in_the_order_given_with_the_values_it_had():
    with transaction.atomic():
        told = write_rows(AuditEvent, [_event(number) for number in range(2001)], returning=("object_id", "id"))

    rows = list(AuditEvent.objects.filter(action="test").order_by("pk"))
    assert told == [(row.object_id, row.pk) for row in rows]
    assert [row.object_id for row in rows] == [str(number) for number in range(2001)]
    assert (rows[7].at, rows[7].facts, bytes(rows[7].digest)) == (AT, {"a": [1, None, "\u00e4"]}, b"\x07\0\xff")
    assert write_rows(AuditEvent, [], returning=("id",)) == []


@pytest.mark.django_db
def test_a_text_that_is_too_long_is_refused_and_not_cut():
    with pytest.raises(DataError), transaction.atomic():
        write_rows(AuditEvent, [_event(1, actor="x" * 201)], returning=("id",))

    assert not AuditEvent.objects.filter(action="test").exists()


@pytest.mark.django_db(transaction=True)
def test_rows_that_another_writer_writes_meanwhile_are_left_out_once_it_is_done():
    site = make_site()
    rows = [{"site_id": site.pk, "project": "covid19", "subject_id": f"ALPHA-{number:06d}"} for number in range(3)]
    told = []

    def also():
        told.append(write_rows(Subject, rows, returning=("subject_id",)))
        connection.close()

    other = threading.Thread(target=also)
    with transaction.atomic():
        first = write_rows(Subject, rows[1:], returning=("subject_id",))
        other.start()
    other.join(timeout=60)

    assert first == [("ALPHA-000001",), ("ALPHA-000002",)]
    assert told == [[("ALPHA-000000",)]]
    assert Subject.objects.count() == 3


@pytest.mark.django_db
def test_values_that_are_missing_stay_missing():
    subject = Subject.objects.create(site=make_site(), project="covid19", subject_id="ALPHA-000001")
    study = Study.objects.create(subject=subject, study_instance_uid="1.2", study_json=b"x")
    given = {"study_id": study.pk, "series_instance_uid": "1.2.3", "series_json": b"\0", "slice_thickness_mm": None}
    write_rows(Series, [given], returning=("id",))

    row = Series.objects.get()
    assert row.created_at is not None
    assert (row.series_number, row.slice_thickness_mm, row.performed_date) == (None, None, None)
    assert (bytes(row.series_json), row.modality) == (b"\0", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["", "NULL", '"', "\\", 'a,{b}\\"c\\n', " a ", "a\nb\tc\r", "\u4e2d\U0001f600", "''; --"]
)
def test_texts_arrive_as_they_are(text):
    write_rows(AuditEvent, [_event(1, actor=text) | {"facts": {"text": [text]}}], returning=("id",))

    assert AuditEvent.objects.values_list("actor", "facts").get(action="test") == (text, {"text": [text]})
    assert fetch(b"SELECT unnest(%s::text[])", [texts([text, None, text])]) == [(text,), (None,), (text,)]


@pytest.mark.django_db
def test_a_text_that_the_database_cannot_hold_is_refused():
    with pytest.raises((DataError, ValueError)), transaction.atomic():
        write_rows(AuditEvent, [_event(1, actor="a\0b")], returning=("id",))


@pytest.mark.django_db
def test_numbers_dates_and_truth_values_arrive_as_they_are():
    study = {"subject_id": Subject.objects.create(site=make_site(), project="p", subject_id="S-1").pk}
    study |= {"study_json": b"", "patient_age_years": 0.1 + 0.2, "study_date": date(1899, 12, 31)}
    told = write_rows(
        Study,
        [study | {"study_instance_uid": "1.2"}, study | {"study_instance_uid": "1.3", "study_date": None}],
        returning=("patient_age_years", "study_date"),
    )

    assert told == [(0.1 + 0.2, date(1899, 12, 31)), (0.1 + 0.2, None)]
    assert fetch(b"SELECT unnest(%s::boolean[])", [numbers([True, False, None])]) == [(True,), (False,), (None,)]


@pytest.mark.django_db
def test_the_values_of_an_indexed_attribute_are_told_once_and_sorted():
    assert indexed_values(Subject, "site") == []
    first, second = make_site("ONE"), make_site("TWO")
    for site, number in ((second, 1), (first, 1), (second, 2)):
        Subject.objects.create(site=site, project="p", subject_id=f"S-{number}")
    assert indexed_values(Subject, "site") == sorted([first.pk, second.pk])
    study = Study.objects.create(subject=Subject.objects.first(), study_instance_uid="1.2", study_json=b"")
    for number, modality in enumerate(("MR", "", "CT", "MR")):
        Series.objects.create(study=study, series_instance_uid=f"1.2.{number}", modality=modality, series_json=b"")
    assert indexed_values(Series, "modality") == ["", "CT", "MR"]
