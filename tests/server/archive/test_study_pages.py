"""Pages of studies: whoever goes through them sees each study once, and none is counted again."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from radcommons.server.archive.models import Study, Subject
from radcommons.server.archive.study_pages import STUDY_ORDER, StudyPages
from radcommons.server.sites.models import Site

# Days that several studies share, as de-identified ones do, and studies without one.
DAYS = (date(1900, 1, 1), date(2020, 3, 15), None, date(2021, 1, 1))


@pytest.fixture
def subject(db):
    site = Site.objects.create(code="PAGES", name="Pages", country="DE")
    return Subject.objects.create(site=site, project="p", subject_id="S-1")


def add(subject, uid, day):
    return Study.objects.create(subject=subject, study_instance_uid=uid, study_date=day, study_json=b"")


@pytest.fixture
def studies(subject):
    return [add(subject, f"2.25.{100 + number}", DAYS[number % len(DAYS)]) for number in range(23)]


def uids(page):
    return [study.study_instance_uid for study in page]


def in_order():
    return list(Study.objects.order_by(*STUDY_ORDER).values_list("study_instance_uid", flat=True))


@pytest.mark.parametrize("limit", [1, 3, 5, 23, 50])
def test_going_through_the_pages_gives_every_study_once_and_in_order(studies, limit):
    pages, found = StudyPages(), []
    while page := pages.page(Study.objects.all(), offset=len(found), limit=limit):
        found += uids(page)
    assert found == in_order()


@pytest.mark.parametrize("offset", [1, 5, 11, 17, 22, 23, 40])
def test_a_page_asked_for_at_once_is_the_same_and_the_same_again(studies, offset):
    pages = StudyPages()
    first = uids(pages.page(Study.objects.all(), offset=offset, limit=4))
    assert first == in_order()[offset : offset + 4]
    assert uids(pages.page(Study.objects.all(), offset=offset, limit=4)) == first


def test_what_follows_a_page_is_not_counted_from_the_beginning(studies):
    pages = StudyPages()
    with CaptureQueriesContext(connection) as counted:
        pages.page(Study.objects.all(), offset=5, limit=5)
    assert any("OFFSET" in each["sql"] for each in counted)
    with CaptureQueriesContext(connection) as followed:
        assert uids(pages.page(Study.objects.all(), offset=10, limit=5)) == in_order()[10:15]
    assert followed.captured_queries
    assert not any("OFFSET" in each["sql"] for each in followed)


def test_a_study_that_arrives_meanwhile_neither_shifts_nor_repeats_what_follows(studies, subject):
    pages, before = StudyPages(), in_order()
    first = uids(pages.page(Study.objects.all(), offset=0, limit=5))
    add(subject, "2.25.1", date(2026, 1, 1))
    assert first + uids(pages.page(Study.objects.all(), offset=5, limit=5)) == before[:10]


def test_a_study_that_is_no_longer_shown_is_not_shown_behind_a_page(studies):
    pages, before = StudyPages(), in_order()
    pages.page(Study.objects.all(), offset=0, limit=5)
    Study.objects.filter(study_instance_uid=before[5]).delete()
    assert uids(pages.page(Study.objects.all(), offset=5, limit=5)) == before[6:11]


def test_another_question_does_not_begin_where_this_one_ended(studies):
    pages = StudyPages()
    pages.page(Study.objects.all(), offset=0, limit=5)
    undated = Study.objects.filter(study_date=None)
    expected = [uid for uid in in_order() if uid in set(undated.values_list("study_instance_uid", flat=True))]
    assert uids(pages.page(undated, offset=5, limit=5)) == expected[5:10]
    assert uids(pages.page(Study.objects.filter(study_date=DAYS[0]), offset=5, limit=5)) == [
        studies[20].study_instance_uid
    ]


def test_what_no_study_can_fit_has_no_pages(studies):
    assert StudyPages().page(Study.objects.filter(pk__in=[]), offset=5, limit=5) == []
