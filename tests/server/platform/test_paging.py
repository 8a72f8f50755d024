"""Numbered pages of long tables are those that Django would give, and are read by keys."""

import pytest
from django.core.paginator import Paginator
from tests.support.batches import make_site

from radcommons.server.archive.models import Subject
from radcommons.server.platform.paging import KeyPaginator

pytestmark = pytest.mark.django_db


@pytest.fixture
def subjects():
    site = make_site("ONE")
    for number in range(23):
        Subject.objects.create(site=site, project="p", subject_id=f"S-{number:02}")
    return Subject.objects.select_related("site").order_by("-subject_id")


@pytest.mark.parametrize("number", [1, 2, "3", 5, 6, 99, 0, "x", None])
def test_a_page_is_the_one_that_django_gives(subjects, number):
    found, expected = KeyPaginator(subjects, 5).get_page(number), Paginator(subjects, 5).get_page(number)
    assert list(found) == list(expected)
    assert (found.number, found.start_index(), found.end_index()) == (
        expected.number,
        expected.start_index(),
        expected.end_index(),
    )


def test_rows_are_read_with_what_belongs_to_them_and_only_those_of_the_page(subjects, django_assert_num_queries):
    with django_assert_num_queries(2):
        page = KeyPaginator(subjects, 5, known_count=23).get_page(2)
        assert [(row.subject_id, row.site.code) for row in page] == [(f"S-{n:02}", "ONE") for n in (17, 16, 15, 14, 13)]


def test_an_empty_table_has_one_empty_page(subjects):
    assert list(KeyPaginator(subjects.filter(project="q"), 5).get_page(1)) == []
