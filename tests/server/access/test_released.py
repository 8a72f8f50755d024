"""What is published, series by series: names of versions, what stands for a series, when it came and changed."""

import pytest
from django.db.models import Q
from tests.support.published import DRAFT, RECALLED, SLUG, series_uid

from radcommons.server.access.released import (
    collections_named,
    current_collections,
    every_collection,
    instances_in,
    one_series,
    released_series,
    series_of,
    shelved,
)
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.releases.errors import WithdrawnReleaseError

pytestmark = pytest.mark.usefixtures("published", "db")
STRANGER = Actor.anonymous()


def test_the_newest_version_goes_by_the_short_name():
    assert [each.name for each in every_collection(STRANGER)] == [SLUG, f"{SLUG}@1.1.0", f"{SLUG}@1.0.0"]
    assert [each.release.version for each in current_collections(STRANGER)] == ["1.2.0"]


def test_a_version_is_named_behind_an_at_sign():
    assert [each.release.version for each in collections_named(f" {SLUG.upper()}@1.0.0 ", STRANGER)] == ["1.0.0"]
    assert [each.name for each in collections_named(f"{SLUG}@latest", STRANGER)] == [SLUG]
    assert (
        collections_named(DRAFT, STRANGER)
        == collections_named(f"{SLUG}@7.0.0", STRANGER)
        == collections_named("", STRANGER)
        == []
    )
    with pytest.raises(WithdrawnReleaseError):
        collections_named(RECALLED, STRANGER)


def test_a_series_stands_in_the_current_collection_first():
    found = series_of([series_uid("one"), series_uid("two", "seg"), series_uid("secret"), "1.2.3"], STRANGER)
    assert {each.collection.name for each in found.values()} == {SLUG}
    assert len(found) == 2


def test_history_is_counted_in_published_versions(published):
    one, two = one_series(series_uid("one"), STRANGER), one_series(series_uid("two"), STRANGER)
    assert ((one.first, one.revised), (two.first, two.revised)) == ((1, 1), (2, 2))
    assert one.released_at == published.releases["1.0.0"].published_at
    assert two.released_at == published.releases["1.1.0"].published_at


def test_a_series_is_withdrawn_or_unknown():
    with pytest.raises(WithdrawnReleaseError):
        one_series(series_uid("gone"), STRANGER)
    for uid in (series_uid("secret"), "1.2.3"):
        with pytest.raises(NotFoundError):
            one_series(uid, STRANGER)


def test_counts_and_sizes_are_those_of_the_version(published):
    one = one_series(series_uid("one"), STRANGER)
    sizes = [(published.folder / f"one-a-{number}.dcm").stat().st_size for number in range(3)]
    assert (one.instances, one.size_bytes) == (3, sum(sizes))
    assert instances_in(one).count() == 3
    assert one.header["00080060"]["Value"] == ["CT"]
    # A series that is too large to be packed is counted from the tables.
    row = shelved([one.collection], Q(series_id=one.series_id)).get()
    packed, row.packed = row.packed, None
    row.save()
    again = one_series(series_uid("one"), STRANGER)
    assert (again.instances, again.size_bytes) == (3, sum(sizes))
    row.packed = packed
    row.save()


def test_series_come_by_subject_and_study():
    found = [(each.subject_id, each.series_instance_uid) for each in released_series(current_collections(STRANGER))]
    assert found == sorted(found)
    assert len(found) == 4


def test_the_statements_of_a_list_do_not_grow_with_it(django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        assert len(list(released_series(current_collections(STRANGER)))) == 4
