"""The public JSON API of published versions, at ``/api/v1/releases``."""

from dataclasses import asdict
from typing import Any

from ninja import Router

from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action
from radcommons.server.releases import describing, queries
from radcommons.server.releases.models import Release, ReleaseState
from radcommons.server.releases.reading import readable_release
from radcommons.transfer.release.paths import ENVELOPE_JSON, PUBLIC_KEY_PEM, RELEASE_JSON, STATUS_JSON

router = Router(tags=["releases"])


@router.get("", summary="Data sets", operation_id="list_releases")
@door(Action.RELEASES_READ)
def list_releases(request: ActorRequest) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """Return the newest published version of every data set."""
    return {"releases": [summary(release) for release in queries.data_sets()]}


@router.get("/{slug}", summary="Versions of a data set", operation_id="list_versions")
@door(Action.RELEASES_READ)
def list_versions(request: ActorRequest, slug: str) -> dict[str, Any]:  # noqa: ARG001 - as above
    """Return every version that was ever published, the newest first; withdrawn ones as tombstones."""
    return {"slug": slug, "versions": [summary(release) for release in queries.public_versions(slug)]}


@router.get("/{slug}/{version}", summary="One version", operation_id="get_release")
@door(Action.RELEASES_READ)
def get_release(request: ActorRequest, slug: str, version: str) -> dict[str, Any]:
    """Return one version with the addresses of its manifest and files; ``latest`` means the newest.

    A withdrawn version is answered with status 410 and the reason; a restricted one with 401 or 403 to those who may not read it.
    """
    release = readable_release(slug, version, request.actor)
    base = describing.files_url(release)
    return {
        **summary(release),
        "description": release.description,
        "manifest": f"{base}{RELEASE_JSON}",
        "signature": f"{base}{ENVELOPE_JSON}",
        "signing_key": f"{base}{PUBLIC_KEY_PEM}",
        "status": f"{base}{STATUS_JSON}",
        "files": base,
        "dicomweb": describing.dicomweb_url(release),
    }


def summary(release: Release) -> dict[str, Any]:
    """A version in lists."""
    return {
        "slug": release.slug,
        "version": release.version,
        "title": release.title,
        "state": release.state,
        "licence": release.licence,
        "access": release.access,
        "published_at": release.published_at.isoformat(timespec="seconds") if release.published_at else None,
        "withdrawn_at": release.withdrawn_at.isoformat(timespec="seconds") if release.withdrawn_at else None,
        "withdrawal_reason": release.withdrawal_reason or None,
        "is_withdrawn": release.state == ReleaseState.WITHDRAWN,
        "doi": release.doi or None,
        "root_hash": release.root_hash,
        "counts": asdict(queries.told(release)),
        "landing_page": describing.landing_url(release),
    }
