from unittest.mock import Mock

import duckdb
import orjson
import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from tests.support.releases import (
    ACTOR,
    clear_study,
    frozen_cohort,
    publish,
    signed_site,
    store_study,
    studies_in,
    wish,
)

from radcommons.server.archive.models import Instance, SeriesVersion, Shelf
from radcommons.server.archive.services import placing
from radcommons.server.curation import services as curation
from radcommons.server.platform import keys
from radcommons.server.platform.errors import ForbiddenError, UnavailableError
from radcommons.server.platform.models import AuditEvent, OutboxFact
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.releases import describing, services
from radcommons.server.releases.errors import (
    BusyReleaseError,
    CheckFailedError,
    ImmutableReleaseError,
    InvalidReleaseError,
    VersionExistsError,
)
from radcommons.server.releases.models import Release, ReleaseFile, ReleaseInstance, ReleaseState
from radcommons.server.releases.services import publishing
from radcommons.server.releases.services.publishing import lock_of
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Agreement
from radcommons.transfer.release.attestation import open_envelope, verify_subject
from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.manifest import ReleaseManifest

pytestmark = pytest.mark.usefixtures("db", "tmp_store")


def stored(release, path):
    return object_store().read(ReleaseFile.objects.get(release=release, path=path).object_key)


def draft_of(tmp_path, *studies, version="1.0.0", cohort="everything"):
    for study in studies or ("one",):
        clear_study(store_study(tmp_path, signed_site(), study))
    return services.draft(wish(version), frozen_cohort(cohort), actor=ACTOR)


def codes(release):
    return [finding.code for finding in services.check(release.pk, actor=ACTOR)]


def test_a_published_version_is_signed_and_adds_up(tmp_path):
    release = publish(tmp_path)
    document = stored(release, "release.json")
    verify_subject(
        open_envelope(stored(release, "release.dsse.json"), keys.signing_key().public_key()),
        "release.json",
        sha256_hex(document),
    )
    manifest = ReleaseManifest.from_bytes(document)
    assert (manifest.counts.subjects, manifest.counts.studies, manifest.counts.instances) == (2, 2, 4)
    assert manifest.root_hash == release.root_hash
    assert sha256_hex(document) == release.manifest_sha256
    for entry in manifest.files:
        assert sha256_hex(stored(release, entry.path)) == entry.sha256


def test_every_study_is_told_of_and_one_audit_event_written(tmp_path):
    release = publish(tmp_path)
    facts = OutboxFact.objects.filter(kind="StudyReleased")
    assert sorted(facts.values_list("study_instance_uid", flat=True)) == studies_in(release)
    assert AuditEvent.objects.filter(action="releases.published").count() == 1


def test_the_tables_hold_one_row_for_each_level(tmp_path):
    release = publish(tmp_path)
    numbers = {}
    for name in ("subject", "study", "series", "instance"):
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(stored(release, f"tables/{name}.parquet"))
        with duckdb.connect() as database:
            numbers[name] = database.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()[0]
    assert numbers == {"subject": 2, "study": 2, "series": 2, "instance": 4}


def test_publishing_twice_changes_nothing(tmp_path):
    release = publish(tmp_path)
    again = services.publish(release.pk, actor=ACTOR)
    assert again.published_at == Release.objects.get(pk=release.pk).published_at
    assert OutboxFact.objects.filter(kind="StudyReleased").count() == 2


def test_the_same_input_gives_the_same_bytes_in_every_file(tmp_path):
    """A draft discarded and made anew, with other row numbers and at another time, is the same release."""
    release = draft_of(tmp_path, "one", "two")
    services.check(release.pk, actor=ACTOR)
    files = []
    for _ in range(2):
        with transaction.atomic():
            published = services.publish(release.pk, actor=ACTOR)
            files.append(dict(published.files.values_list("path", "sha256")) | {"root": published.root_hash})
            transaction.set_rollback(True)
        services.discard_draft(release.pk, actor=ACTOR)
        release = services.draft(wish(), release.cohort, actor=ACTOR)
    assert files[0] == files[1]


def test_nothing_of_a_published_version_can_be_written_over(tmp_path):
    release = publish(tmp_path)
    statements = [
        "UPDATE releases_release SET root_hash = repeat('0', 64)",
        "UPDATE releases_release SET state = 'draft'",
        "DELETE FROM releases_releaseinstance",
        "UPDATE releases_releasefile SET sha256 = repeat('0', 64)",
        "DELETE FROM releases_release",
    ]
    for statement in statements:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(ImmutableReleaseError):
        services.discard_draft(release.pk, actor=ACTOR)
    with pytest.raises(ImmutableReleaseError):
        services.check(release.pk, actor=ACTOR)


def test_a_study_that_is_held_again_keeps_the_draft_in(tmp_path):
    release = draft_of(tmp_path, "one")
    curation.hold(studies_in(release)[0], actor=ACTOR, reason="second look")
    with pytest.raises(CheckFailedError, match=r"releases\.not-cleared"):
        services.publish(release.pk, actor=ACTOR)
    release.refresh_from_db()
    assert release.state == ReleaseState.DRAFT
    assert release.findings[0]["code"] == "releases.not-cleared"
    assert not ReleaseFile.objects.exists()


def test_lost_and_damaged_bytes_keep_the_draft_in(tmp_path):
    release = draft_of(tmp_path, "one")
    first, second = Instance.objects.order_by("pk")
    object_store().delete(instance_key(first.sha256))
    object_store().put_bytes(instance_key(second.sha256), b"damaged")
    assert sorted(codes(release)) == ["releases.bytes-absent", "releases.bytes-corrupt"]


def test_an_agreement_that_was_revoked_keeps_the_draft_in(tmp_path):
    release = draft_of(tmp_path, "one")
    sites.revoke_agreement(Agreement.objects.get(), reason="the ethics board", actor=ACTOR)
    assert codes(release) == ["releases.no-agreement"]


def test_a_freer_licence_than_granted_keeps_the_draft_in(tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    release = services.draft(wish(licence="CC0-1.0"), frozen_cohort(), actor=ACTOR)
    assert codes(release) == ["releases.licence-too-free"]


def test_sequestered_subjects_keep_the_draft_in_for_ever(tmp_path):
    release = draft_of(tmp_path, "one")
    subject = Instance.objects.first().series.study.subject
    first = services.sequester(subject, reason="held for evaluation", actor=ACTOR)
    assert services.sequester(subject, reason="again", actor=ACTOR) == first
    assert codes(release) == ["releases.sequestered"]
    with pytest.raises(DatabaseError), transaction.atomic():
        first.delete()


def test_one_subject_id_of_two_sites_keeps_the_draft_in(tmp_path):
    for code in ("ALPHA", "BETA"):
        clear_study(store_study(tmp_path, signed_site(code), f"of {code}", subject="S-1"))
    release = services.draft(wish(), frozen_cohort(), actor=ACTOR)
    assert codes(release) == ["releases.shared-subject-id"]


def test_versions_follow_what_changed(tmp_path):
    publish(tmp_path, "1.0.0", studies=["one"])
    same = services.draft(wish("1.0.1"), frozen_cohort("same"), actor=ACTOR)
    assert codes(same) == ["releases.unchanged"]
    clear_study(store_study(tmp_path, signed_site(), "two"))
    more = services.draft(wish("1.0.2"), frozen_cohort("more"), actor=ACTOR)
    assert codes(more) == ["releases.version-too-small"]
    more = services.draft(wish("1.1.0"), frozen_cohort("more-again"), actor=ACTOR)
    assert codes(more) == []
    newer = services.publish(more.pk, actor=ACTOR)
    assert newer.parent.version == "1.0.0"
    assert "## 1.0.0" in stored(newer, "CHANGELOG.md").decode()


def test_a_superseded_version_points_to_the_newer_one(tmp_path):
    old = publish(tmp_path, "1.0.0", studies=["one"])
    before = stored(old, "release.json")
    publish(tmp_path, "1.1.0", studies=["two"])
    status = orjson.loads(describing.status(old))
    assert (status["state"], status["replaced_by"]) == ("superseded", "1.1.0")
    assert stored(old, "release.json") == before


def test_a_withdrawn_version_stays_as_a_tombstone(tmp_path):
    release = publish(tmp_path)
    with pytest.raises(InvalidReleaseError):
        services.withdraw(release.pk, reason=" ", actor=ACTOR)
    withdrawn = services.withdraw(release.pk, reason="A name was found in an image.", actor=ACTOR)
    assert services.withdraw(release.pk, reason="again", actor=ACTOR).withdrawal_reason == withdrawn.withdrawal_reason
    status = orjson.loads(describing.status(withdrawn))
    assert status["state"] == "withdrawn"
    record, _ = describing.record(withdrawn, "datacite.json")
    assert "Withdrawn" in {date["dateType"] for date in orjson.loads(record)["dates"]}
    assert withdrawn.root_hash == release.root_hash


def keys_below(*prefixes):
    return [found.key for prefix in prefixes for found in object_store().list(prefix)]


@pytest.mark.parametrize("store", ["tmp_store", "s3_objects"])
def test_nothing_of_a_withdrawn_version_stays_where_the_public_may_read(tmp_path, request, store):
    request.getfixturevalue(store)
    release = publish(tmp_path)
    before = keys_below("series/", "releases/")
    services.withdraw(release.pk, reason="A name was found in an image.", actor=ACTOR)
    assert before
    assert keys_below("series/", "releases/") == []
    assert not any(object_store().exists(key) for key in before)
    assert not SeriesVersion.objects.exists()
    for instance in Instance.objects.all():
        assert sha256_hex(object_store().read(instance_key(instance.sha256))) == instance.sha256
    for file in release.files.all():
        assert file.object_key.startswith("withdrawn/")
        assert sha256_hex(object_store().read(file.object_key)) == file.sha256
    # The same images in a version that is right are placed again.
    again = services.draft(wish("1.1.0"), frozen_cohort("again"), actor=ACTOR)
    services.publish(again.pk, actor=ACTOR)
    assert set(keys_below("series/")) == {key for key in before if key.startswith("series/")}


@pytest.mark.parametrize("store", ["tmp_store", "s3_objects"])
def test_what_another_open_version_holds_stays_where_it_is(tmp_path, request, store):
    request.getfixturevalue(store)
    publish(tmp_path, studies=["one"])
    kept = set(keys_below("series/"))
    store_study(tmp_path, signed_site(), "one", instances=3)
    more = publish(tmp_path, "1.1.0", studies=["two"])
    services.withdraw(more.pk, reason="By mistake.", actor=ACTOR)
    assert set(keys_below("series/")) == kept
    for instance in Instance.objects.all():
        assert sha256_hex(object_store().read(instance_key(instance.sha256))) == instance.sha256


def test_withdrawing_again_finishes_what_was_interrupted(tmp_path, monkeypatch):
    release = publish(tmp_path)
    refused = UnavailableError("platform.store-unavailable", "away")
    with monkeypatch.context() as broken:
        broken.setattr(type(object_store()), "delete", Mock(side_effect=refused))
        with pytest.raises(UnavailableError):
            services.withdraw(release.pk, reason="A name was found.", actor=ACTOR)
    assert Release.objects.get().state == ReleaseState.WITHDRAWN
    assert keys_below("series/")
    services.withdraw(release.pk, reason="again", actor=ACTOR)
    assert keys_below("series/", "releases/") == []
    for instance in Instance.objects.all():
        assert sha256_hex(object_store().read(instance_key(instance.sha256))) == instance.sha256


def test_a_file_of_a_withdrawn_version_may_only_move(tmp_path):
    release = publish(tmp_path)
    with pytest.raises(DatabaseError), transaction.atomic():
        release.files.update(object_key="elsewhere")
    services.withdraw(release.pk, reason="A name was found.", actor=ACTOR)
    with pytest.raises(DatabaseError), transaction.atomic():
        release.files.update(sha256="0" * 64)


@pytest.mark.parametrize(
    "changes", [{"slug": "Drafts"}, {"slug": "drafts"}, {"version": "1"}, {"title": "  "}, {"licence": "MIT"}]
)
def test_a_draft_needs_proper_words(tmp_path, changes):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    with pytest.raises(InvalidReleaseError):
        services.draft(wish(**{"version": "1.0.0", **changes}), frozen_cohort(), actor=ACTOR)


def test_a_version_is_drafted_once(tmp_path):
    release = draft_of(tmp_path, "one")
    with pytest.raises(VersionExistsError):
        services.draft(wish(), release.cohort, actor=ACTOR)


def test_a_discarded_draft_leaves_nothing(tmp_path):
    release = draft_of(tmp_path, "one")
    services.discard_draft(release.pk, actor=ACTOR)
    assert not Release.objects.exists()
    assert not ReleaseInstance.objects.exists()


def killed_while(release, patched, name):
    """Publish, and stop for good where *name* is called."""
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(patched, name, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.publish(release.pk, actor=ACTOR)


@pytest.mark.parametrize("store", ["tmp_store", "s3_objects"])
@pytest.mark.parametrize(
    ("patched", "name"), [(placing.SeriesVersion.objects, "get_or_create"), (publishing, "_make_public")]
)
def test_a_discarded_draft_takes_what_publishing_left_in_the_store_with_it(tmp_path, request, store, patched, name):
    request.getfixturevalue(store)
    release = draft_of(tmp_path, "one", "two")
    killed_while(release, patched, name)
    assert keys_below("series/")
    assert keys_below("releases/")
    services.discard_draft(release.pk, actor=ACTOR)
    assert keys_below("series/", "releases/") == []
    assert not SeriesVersion.objects.exists()
    assert not Shelf.objects.exists()
    for instance in Instance.objects.all():
        assert sha256_hex(object_store().read(instance_key(instance.sha256))) == instance.sha256


def test_discarding_again_finishes_what_was_interrupted(tmp_path, s3_objects):
    release = draft_of(tmp_path, "one", "two")
    killed_while(release, publishing, "_make_public")
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(SeriesVersion, "delete", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.discard_draft(release.pk, actor=ACTOR)
    assert Release.objects.exists()
    services.discard_draft(release.pk, actor=ACTOR)
    assert keys_below("series/", "releases/") == []
    for instance in Instance.objects.all():
        assert sha256_hex(s3_objects.read(instance_key(instance.sha256))) == instance.sha256


def test_a_discarded_draft_leaves_what_an_open_version_holds(tmp_path, s3_objects):
    publish(tmp_path, studies=["one"])
    kept = set(keys_below("series/", "releases/"))
    clear_study(store_study(tmp_path, signed_site(), "two"))
    more = services.draft(wish("1.1.0"), frozen_cohort("more"), actor=ACTOR)
    killed_while(more, publishing, "_make_public")
    services.discard_draft(more.pk, actor=ACTOR)
    assert set(keys_below("series/", "releases/")) == kept
    for instance in Instance.objects.all():
        assert sha256_hex(s3_objects.read(instance_key(instance.sha256))) == instance.sha256


def test_only_release_managers_act(tmp_path, actor_of):
    release = draft_of(tmp_path, "one")
    for role in ("curator", "researcher", "administrator"):
        with pytest.raises(ForbiddenError):
            services.publish(release.pk, actor=actor_of(role))
    assert services.publish(release.pk, actor=actor_of("release_manager")).published_by.startswith("user:")


def test_two_publishers_do_not_meet(tmp_path):
    release = draft_of(tmp_path, "one")
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    with psycopg.connect(**parameters) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", lock_of(release.pk))
        with pytest.raises(BusyReleaseError):
            services.publish(release.pk, actor=ACTOR)
        # A closed connection's lock goes when the server notices; this one goes now.
        other.execute("SELECT pg_advisory_unlock_all()")
    assert services.publish(release.pk, actor=ACTOR).state == ReleaseState.PUBLISHED


DIE = """
CREATE FUNCTION test_die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the power went'; END $$;
CREATE TRIGGER test_die BEFORE INSERT ON releases_releasefile FOR EACH ROW EXECUTE FUNCTION test_die();
"""


def test_a_crash_in_the_last_step_leaves_a_draft_that_publishes_the_same(tmp_path):
    release = draft_of(tmp_path, "one", "two")
    before, files = built(release, tmp_path / "before")
    with connection.cursor() as cursor:
        cursor.execute(DIE)
        with pytest.raises(DatabaseError, match="power"), transaction.atomic():
            publishing._make_public(release.pk, before, files, ACTOR)
        cursor.execute("DROP TRIGGER test_die ON releases_releasefile")
    assert Release.objects.get().state == ReleaseState.CHECKED
    assert not OutboxFact.objects.filter(kind="StudyReleased").exists()
    published = services.publish(release.pk, actor=ACTOR)
    assert (published.root_hash, published.manifest_sha256) == (before.manifest.root_hash, before.manifest_sha256)


def built(release, folder):
    services.check(release.pk, actor=ACTOR)
    release.refresh_from_db()
    folder.mkdir()
    heading = publishing._heading(release)
    core = publishing.build(folder / "core", heading, publishing.release_rows(release), keys.signing_key())
    return core, publishing._store(release, core)
