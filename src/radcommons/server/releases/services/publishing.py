"""Publishing: build, store, then one transaction that makes the version exist for the world.

A crash before that transaction leaves objects that nobody refers to; publishing again gives the same bytes, and throwing the draft
away removes them.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction
from django.utils import timezone

from radcommons.server.archive.services import place, shelve
from radcommons.server.platform import audit, keys, outbox
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.locks import held
from radcommons.server.platform.objects import object_store
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.settings import settings
from radcommons.server.releases.annotations import annotations_of
from radcommons.server.releases.documents import VersionNote
from radcommons.server.releases.errors import BusyReleaseError, CheckFailedError, ImmutableReleaseError
from radcommons.server.releases.folder import Core, Heading, build
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseFile, ReleaseState
from radcommons.server.releases.provenance import provenance_of
from radcommons.server.releases.queries import instances_of, shelf_name, studies_of, versions_out
from radcommons.server.releases.rows import release_rows
from radcommons.server.releases.services.checking import check

LOCK_SPACE = 0x52454C  # so that our advisory locks never meet those of another room


def publish(release_id: int, *, actor: Actor) -> Release:
    """Publish a draft. Publishing a version that is out already changes nothing.

    Raises
    ------
    CheckFailedError
        When the checks find an error.
    BusyReleaseError
        When somebody else is publishing it at this moment.
    ImmutableReleaseError
        When it was withdrawn.
    """
    authorise(actor, Action.RELEASES_MANAGE)
    with only_hand(release_id):
        release = Release.objects.filter(pk=release_id).first()
        if release is None:
            raise NotFoundError
        if release.state == ReleaseState.PUBLISHED:
            return release
        findings = check(release_id, actor=actor)
        if any(finding.is_error for finding in findings):
            raise CheckFailedError([finding for finding in findings if finding.is_error])
        release.refresh_from_db()
        staging = settings().staging_dir
        staging.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="release-", dir=staging) as aside:
            core = build(
                Path(aside) / "core",
                _heading(release),
                release_rows(release),
                keys.signing_key(),
                provenance=provenance_of(release),
                annotations=annotations_of(release),
            )
            files = _store(release, core)
        with objects_held_still():
            if release.access == ReleaseAccess.OPEN:
                # Restricted objects never lie below a prefix that an operator may open to the world.
                place(instances_of(release))
            shelve(shelf_name(release), instances_of(release))
            return _make_public(release_id, core, files, actor)


def only_hand(release_id: int) -> AbstractContextManager[None]:
    """Let nobody else publish a version, or throw it away, meanwhile; otherwise :class:`BusyReleaseError`."""
    return held(lock_of(release_id), refusal=BusyReleaseError())


def objects_held_still(*, is_moving: bool = False) -> AbstractContextManager[None]:
    """Let any number of versions count on where objects lie, or one move them; otherwise :class:`BusyReleaseError`."""
    return held(lock_of(0), refusal=BusyReleaseError(), is_shared=not is_moving)


def lock_of(release_id: int) -> tuple[int, int]:
    """The two numbers of a version's advisory lock."""
    return LOCK_SPACE, release_id & 0x7FFFFFFF


def _heading(release: Release) -> Heading:
    earlier = (
        VersionNote(row.version, row.changes, is_withdrawn=row.state == ReleaseState.WITHDRAWN)
        for row in versions_out(release.slug)
    )
    return Heading(
        slug=release.slug,
        version=release.version,
        title=release.title,
        description=release.description,
        licence=release.licence,
        creators=tuple(release.creators),
        publisher=release.publisher,
        parent=release.parent.version if release.parent else None,
        terms=release.terms,
        notes=(VersionNote(release.version, release.changes), *earlier),
    )


def folder_of(release: Release) -> str:
    """The prefix of the store below which a version's signed files are put."""
    area = "releases" if release.access == ReleaseAccess.OPEN else "restricted"
    return f"{area}/{release.slug}/{release.version}/"


def _store(release: Release, core: Core) -> list[ReleaseFile]:
    store, files = object_store(), []
    folder = folder_of(release)
    for entry, path in core.files:
        name = entry.path.rsplit("/", 1)[-1]
        key = f"{folder}{entry.sha256}/{name}"
        store.put_path(key, path)
        files.append(
            ReleaseFile(
                release=release,
                path=entry.path,
                sha256=entry.sha256,
                size_bytes=entry.size_bytes,
                media_type=entry.media_type,
                object_key=key,
            )
        )
    return files


def _make_public(release_id: int, core: Core, files: list[ReleaseFile], actor: Actor) -> Release:
    with transaction.atomic():
        release = Release.objects.select_for_update(no_key=True).filter(pk=release_id).first()
        if release is None:
            raise NotFoundError
        if release.state != ReleaseState.CHECKED:
            raise ImmutableReleaseError(f"{release.slug}@{release.version}")
        ReleaseFile.objects.bulk_create(files)
        counts = core.manifest.counts
        release.subjects, release.studies, release.series = counts.subjects, counts.studies, counts.series
        release.instances, release.size_bytes = counts.instances, counts.size_bytes
        release.root_hash, release.manifest_sha256 = core.manifest.root_hash, core.manifest_sha256
        release.state = ReleaseState.PUBLISHED
        release.published_at, release.published_by = timezone.now(), actor.name
        release.save()
        name = core.manifest.name
        for study_instance_uid in studies_of(release):
            outbox.announce("StudyReleased", study_instance_uid=study_instance_uid, facts={"release": name})
        facts = {"name": name, "root_hash": release.root_hash, "instances": release.instances}
        audit.record(actor, "releases.published", object_kind="release", object_id=release_id, facts=facts)
    return release
