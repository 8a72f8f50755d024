"""What a restricted version tells and hides, beyond what the test of all routes asks."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from tests.support.published import series_uid
from tests.support.reading import person
from tests.support.releases import ACTOR, frozen_cohort, wish

from radcommons.apps import reading_sources
from radcommons.server.access.drs.app import Asked, authorizations
from radcommons.server.access.drs.objects import drs_object
from radcommons.server.access.indexes.lists import kept_list
from radcommons.server.access.nbia import listing
from radcommons.server.access.nbia import requests as nbia
from radcommons.server.access.queries import addresses_of, download_at
from radcommons.server.access.released import collections_named, one_series, series_of
from radcommons.server.archive.models import Instance, SeriesVersion, Study
from radcommons.server.platform.errors import NotFoundError, UnauthenticatedError
from radcommons.server.platform.models import User
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Actor, Role
from radcommons.server.platform.settings import settings
from radcommons.server.portal.numbers import released_numbers
from radcommons.server.releases import queries, services
from radcommons.server.releases.errors import RestrictedReleaseError
from radcommons.server.releases.models import Release
from radcommons.server.releases.rules import rounded_down

STRANGER = Actor.anonymous()


def version(slug, number, cohort, **changes) -> Release:
    draft = services.draft(wish(number, slug=slug, **changes), frozen_cohort(cohort), actor=ACTOR)
    return services.publish(draft.pk, actor=ACTOR)


@pytest.fixture
def reader(sealed) -> Actor:
    """Somebody who was granted it."""
    actor = person("ada", Role.RESEARCHER)
    until = timezone.localdate() + timedelta(days=3)
    services.admit_reader(sealed, User.objects.get(username="ada"), until=until, actor=ACTOR)
    return actor


def test_an_image_that_is_open_elsewhere_comes_by_the_open_door(sealed, reader):
    uid = series_uid("one")
    with pytest.raises(NotFoundError):
        one_series(uid, STRANGER)
    sha256 = Instance.objects.first().sha256
    opened = version("open-ct", "1.0.0", "second")
    assert one_series(uid, STRANGER).collection.release == opened
    for actor in (STRANGER, reader):
        methods = drs_object(sha256, actor)["access_methods"]
        assert "/releases/open-ct/" in methods[0]["access_url"]["url"]
    with pytest.raises(UnauthenticatedError):
        download_at("sealed-ct", "1.0.0", f"instances/{sha256}.dcm", STRANGER)
    services.withdraw(opened.pk, reason="Consent.", actor=ACTOR)
    assert one_series(uid, reader).collection.release == sealed


def sources(uid):
    return {
        "cohort": partial(reading_sources.of_cohort, "first"),
        "release": partial(reading_sources.of_release, "sealed-ct@1.0.0"),
        "studies": partial(reading_sources.of_studies, uid),
    }


def test_a_project_takes_restricted_images_only_from_who_may_read_them_and_says_so(sealed, reader):
    uid = Study.objects.get().study_instance_uid
    manager = person("manager", Role.PROJECT_MANAGER)
    for take in sources(uid).values():
        with pytest.raises(RestrictedReleaseError):
            take(manager)
        for actor in (reader, person("gate", Role.RELEASE_MANAGER), ACTOR):
            source = take(actor)
            assert (source.instances.count(), source.facts["restricted"]) == (2, "sealed-ct@1.0.0")
    assert not reading_sources.catalogued("", manager).instances.exists()
    assert reading_sources.catalogued("", reader).facts["restricted"] == "sealed-ct@1.0.0"


def test_a_withdrawn_restricted_version_goes_on_hiding_its_images_from_projects(sealed, reader):
    uid = Study.objects.get().study_instance_uid
    services.withdraw(sealed.pk, reason="Consent.", actor=ACTOR)
    for actor in (reader, person("manager", Role.PROJECT_MANAGER)):
        with pytest.raises(RestrictedReleaseError):
            reading_sources.of_studies(uid, actor)


def test_a_project_takes_what_is_open_elsewhere_from_anybody(sealed):
    version("open-ct", "1.0.0", "second")
    manager = person("manager", Role.PROJECT_MANAGER)
    source = reading_sources.of_cohort("first", manager)
    assert source.instances.count() == 2
    assert "restricted" not in source.facts
    assert reading_sources.catalogued("CT", manager).instances.count() == 2


def test_a_draft_is_told_what_of_it_is_open_already(sealed):
    opened = version("open-ct", "1.0.0", "second")
    draft = services.draft(wish("2.0.0", slug="open-ct", terms="New terms."), frozen_cohort("third"), actor=ACTOR)
    codes = {finding.code for finding in services.check(draft.pk, actor=ACTOR)}
    assert codes >= {"releases.open-elsewhere", "releases.parent-is-open", "releases.licence-allows-passing-on"}
    # What was open until it was withdrawn is out.
    services.withdraw(opened.pk, reason="By mistake.", actor=ACTOR)
    assert "releases.open-elsewhere" in {finding.code for finding in services.check(draft.pk, actor=ACTOR)}


def test_the_tombstone_of_a_restricted_version_does_not_tell_what_was_in_it(sealed):
    services.withdraw(sealed.pk, reason="Consent.", actor=ACTOR)
    with pytest.raises(NotFoundError):
        one_series(series_uid("one"), STRANGER)
    with pytest.raises(NotFoundError):
        drs_object(Instance.objects.first().sha256, STRANGER)


def test_the_history_of_an_open_series_does_not_tell_that_a_restricted_version_held_it(sealed):
    version("sealed-ct", "1.1.0", "second", changes="Opened.")
    assert one_series(series_uid("one"), STRANGER).first == 1
    assert collections_named("sealed-ct@1.0.0", STRANGER) == []
    assert [each.release.version for each in collections_named("sealed-ct", STRANGER)] == ["1.1.0"]


def test_nbia_denies_a_restricted_series_as_it_denies_an_unknown_one(sealed, reader):
    parameters = nbia.Parameters({"seriesList": [f"{series_uid('one')},1.2.3"]})
    denied = {
        actor.name: [row[0] for row in listing.denied_series(nbia.Asked(parameters, "", actor)).rows]
        for actor in (STRANGER, reader)
    }
    assert denied == {"anonymous": [series_uid("one"), "1.2.3"], "user:ada": ["1.2.3"]}
    assert series_of([series_uid("one")], STRANGER) == {}


def test_nothing_restricted_has_an_address_that_outlives_the_right(sealed, reader):
    assert not SeriesVersion.objects.exists()
    with pytest.raises(NotFoundError):
        kept_list(sealed, "s5cmd.txt")
    digests = list(Instance.objects.values_list("sha256", flat=True))
    assert addresses_of(sealed, digests).by_sha256 == {}
    found = download_at("sealed-ct", "1.0.0", f"instances/{digests[0]}.dcm", reader)
    assert (found.is_restricted, found.is_immutable) == (True, False)
    assert all(file.object_key.startswith("restricted/") for file in sealed.files.all())
    assert kept_list(sealed, "series.csv").object_key.startswith("restricted/lists/")
    services.open_version(sealed.pk, reason="The embargo is over.", actor=ACTOR)
    assert SeriesVersion.objects.count() == 1
    assert download_at("sealed-ct", "1.0.0", f"instances/{digests[0]}.dcm", STRANGER).is_immutable


def test_the_records_say_restricted_and_round_what_they_count(sealed, reader, monkeypatch):
    monkeypatch.setattr(queries, "settings", lambda: replace(settings(), suppression_threshold=1))
    record = json.loads(download_at("sealed-ct", "1.0.0", "datacite.json", STRANGER).body)
    assert record["rightsList"][1]["rights"] == "restricted access"
    assert record["sizes"] == ["at least 1 subjects", "at least 1 studies"]
    monkeypatch.setattr(queries, "settings", lambda: replace(settings(), suppression_threshold=10))
    record = json.loads(download_at("sealed-ct", "1.0.0", "datacite.json", STRANGER).body)
    assert record["sizes"] == []
    status = json.loads(download_at("sealed-ct", "1.0.0", "status.json", STRANGER).body)
    assert "croissant.json" not in {entry["path"] for entry in status["records"]}
    with pytest.raises(UnauthenticatedError):
        download_at("sealed-ct", "1.0.0", "croissant.json", STRANGER)
    with pytest.raises(RestrictedReleaseError):
        download_at("sealed-ct", "1.0.0", "croissant.json", person("bob", Role.RESEARCHER))
    assert json.loads(download_at("sealed-ct", "1.0.0", "croissant.json", reader).body)["distribution"]
    assert b"Tell nobody" in download_terms(reader)


def download_terms(actor):
    """The terms as they travel with the data."""
    found = download_at("sealed-ct", "1.0.0", "DATA-USE-TERMS.txt", actor)
    return object_store().read(found.object_key)


def test_public_numbers_do_not_count_it(sealed):
    assert released_numbers().instances == 0


def test_drs_says_that_a_restricted_object_wants_a_token(sealed, reader):
    sha256 = Instance.objects.first().sha256
    asked = Asked(_Named(sha256), {}, reader)
    assert authorizations(asked)["supported_types"] == ["BearerAuth"]


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}, {"If-Match": "{etag}"}, {"Range": "bytes=99999999-"}])
def test_no_condition_and_no_range_tells_a_stranger_what_is_there(sealed, ask_sealed, headers):
    instance = Instance.objects.select_related("series__study").first()
    series = f"studies/{instance.series.study.study_instance_uid}/series/{instance.series.series_instance_uid}"
    real = (
        f"/files/releases/sealed-ct/1.0.0/instances/{instance.sha256}.dcm",
        "/files/releases/sealed-ct/1.0.0/tables/series.parquet",
        f"/dicom-web/releases/sealed-ct/1.0.0/{series}/instances/{instance.sop_instance_uid}",
        f"/dicom-web/releases/sealed-ct/latest/{series}/thumbnail",
    )
    unreal = (
        f"/files/releases/sealed-ct/1.0.0/instances/{'f' * 64}.dcm",
        "/files/releases/sealed-ct/1.0.0/tables/none.parquet",
        "/dicom-web/releases/sealed-ct/1.0.0/studies/1.2/series/1.2/instances/1.2",
        "/dicom-web/releases/sealed-ct/latest/studies/1.2/series/1.2/thumbnail",
    )
    sent = {name: value.replace("{etag}", f'"{instance.sha256}"') for name, value in headers.items()}
    for method in ("GET", "HEAD"):
        answers = [ask_sealed(method, address, headers=sent) for address in real + unreal]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert not any({"etag", "content-range", "accept-ranges"} & set(answer.headers) for answer in answers)


class _Named:
    """A request with nothing but the identifier in its address."""

    def __init__(self, object_id):
        self.path_params = {"object_id": object_id}


@pytest.mark.parametrize(
    ("number", "step", "told"), [(37, 10, 30), (9, 10, None), (10, 10, 10), (0, 1, None), (5, 0, 5)]
)
def test_counts_are_rounded_down_so_that_no_difference_tells(number, step, told):
    assert rounded_down(number, step) == told
