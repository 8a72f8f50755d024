"""Pages of studies: whoever goes through them sees each study once, and none is counted again."""

from datetime import date

import pytest

from radcommons.server.archive import study_pages
from radcommons.server.archive.models import Instance, InstanceState, Series, Study, Subject
from radcommons.server.archive.study_pages import STUDY_ORDER, StudyPages
from radcommons.server.sites.models import Site

# Days that several studies share, as de-identified ones do, and studies without one.
DAYS = (date(1900, 1, 1), date(2020, 3, 15), None, date(2021, 1, 1))


@pytest.fixture
def subject(db):
    site = Site.objects.create(code="PAGES", name="Pages", country="DE")
    return Subject.objects.create(site=site, project="p", subject_id="S-1")


def add(subject, uid, day, *, modality="CT"):
    study = Study.objects.create(subject=subject, study_instance_uid=uid, study_date=day, study_json=b"")
    series = Series.objects.create(study=study, series_instance_uid=f"{uid}.1", modality=modality, series_json=b"")
    for number in range(2):
        Instance.objects.create(
            series=series,
            sop_instance_uid=f"{uid}.1.{number}",
            size_bytes=1,
            dicom_json=b"",
            state=InstanceState.STORED,
        )
    return study


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
    while page := pages.page(Study.objects.all(), Instance.objects.all(), offset=len(found), limit=limit):
        found += uids(page)
    assert found == in_order()


@pytest.mark.parametrize("offset", [1, 5, 11, 17, 22, 23, 40])
def test_a_page_asked_for_at_once_is_the_same_and_the_same_again(studies, offset):
    pages = StudyPages()
    first = uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=offset, limit=4))
    assert first == in_order()[offset : offset + 4]
    assert uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=offset, limit=4)) == first


@pytest.mark.parametrize("stride", [1, 3, 10, 1000])
def test_pages_jumped_to_in_any_order_are_the_same(studies, stride):
    pages, expected = StudyPages(stride), in_order()
    for offset in (17, 4, 22, 9, 30, 0, 12, 10**18, 3, 23):
        page = pages.page(Study.objects.all(), Instance.objects.all(), offset=offset, limit=4)
        assert uids(page) == expected[offset : offset + 4]


def test_a_walk_goes_on_from_where_an_earlier_one_came_by(studies, subject):
    pages, before = StudyPages(5), in_order()
    pages.page(Study.objects.all(), Instance.objects.all(), offset=17, limit=2)
    add(subject, "2.25.1", date(2026, 1, 1))
    for offset in (12, 21, 7):
        page = pages.page(Study.objects.all(), Instance.objects.all(), offset=offset, limit=3)
        assert uids(page) == before[offset : offset + 3]


def test_what_follows_a_page_that_was_jumped_to_begins_behind_it(studies, subject):
    pages, before = StudyPages(), in_order()
    first = uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=5, limit=5))
    add(subject, "2.25.1", date(2026, 1, 1))
    assert first + uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=10, limit=5)) == before[5:15]


def test_a_study_that_arrives_meanwhile_neither_shifts_nor_repeats_what_follows(studies, subject):
    pages, before = StudyPages(), in_order()
    first = uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=0, limit=5))
    add(subject, "2.25.1", date(2026, 1, 1))
    assert first + uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=5, limit=5)) == before[:10]


def test_a_study_that_is_no_longer_shown_is_not_shown_behind_a_page(studies):
    pages, before = StudyPages(), in_order()
    pages.page(Study.objects.all(), Instance.objects.all(), offset=0, limit=5)
    Instance.objects.filter(series__study__study_instance_uid=before[5]).delete()
    assert uids(pages.page(Study.objects.all(), Instance.objects.all(), offset=5, limit=5)) == before[6:11]


def test_another_question_does_not_begin_where_this_one_ended(studies):
    pages = StudyPages()
    pages.page(Study.objects.all(), Instance.objects.all(), offset=0, limit=5)
    undated = Study.objects.filter(study_date=None)
    expected = [uid for uid in in_order() if uid in set(undated.values_list("study_instance_uid", flat=True))]
    assert uids(pages.page(undated, Instance.objects.all(), offset=5, limit=5)) == expected[5:10]
    oldest = pages.page(Study.objects.filter(study_date=DAYS[0]), Instance.objects.all(), offset=5, limit=5)
    assert uids(oldest) == [studies[20].study_instance_uid]


def test_what_no_study_can_fit_has_no_pages(studies):
    nothing, everything = Study.objects.filter(pk__in=[]), Instance.objects.all()
    assert StudyPages().page(nothing, everything, offset=5, limit=5) == []
    assert StudyPages().page(Study.objects.all(), everything.filter(pk__in=[]), offset=0, limit=5) == []


# From walking everything at once to gathering at the first look.
@pytest.mark.parametrize("sizes", [(200, 16, 3200), (2, 2, 4), (1, 2, 1000), (1, 1, 1)])
@pytest.mark.parametrize(("offset", "limit"), [(0, 1), (0, 4), (0, 50), (3, 4), (6, 2), (7, 3), (30, 3)])
@pytest.mark.parametrize("having", [None, "MR"])
def test_a_page_is_the_same_however_its_studies_are_found(studies, subject, monkeypatch, sizes, offset, limit, having):
    for name, value in zip(("_WALKED_FIRST", "_GROWTH", "_TELLING"), sizes, strict=True):
        monkeypatch.setattr(study_pages, name, value)
    for number in range(7):
        add(subject, f"2.25.{200 + number}", DAYS[number % len(DAYS)], modality="MR")
    damaged = add(subject, "2.25.300", DAYS[1], modality="MR")
    Instance.objects.filter(series__study=damaged).update(state=InstanceState.DAMAGED)
    held, pages = Instance.objects.filter(series__modality="MR", state=InstanceState.STORED), StudyPages()
    series = having and Series.objects.filter(modality=having)
    expected = [uid for uid in in_order() if uid.startswith("2.25.20")]
    for begin in range(offset, offset + 3 * limit, limit):
        page = pages.page(Study.objects.all(), held, series, offset=begin, limit=limit)
        assert uids(page) == expected[begin : begin + limit]
