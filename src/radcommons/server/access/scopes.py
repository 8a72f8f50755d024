"""The scopes ``releases/<slug>/<version>``: what is read of a version over DICOMweb."""

from radcommons.server.archive.queries import shelf_id
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.releases.models import ReleaseAccess
from radcommons.server.releases.queries import instances_of, shelf_name
from radcommons.server.releases.reading import readable_release

PATH_PARTS = 3


def release_scope(path: str, actor: Actor) -> Scope:
    """The instances of a published version.

    Raises
    ------
    NotFoundError
        When the path is not of this kind, or there is no such published version; drafts do not exist here.
    WithdrawnReleaseError
        When only its tombstone is left.
    UnauthenticatedError, RestrictedReleaseError
        When it is restricted and not open to the actor.
    """
    parts = path.strip("/").split("/")
    if len(parts) != PATH_PARTS or parts[0] != "releases":
        raise NotFoundError
    authorise(actor, Action.DICOMWEB_READ)
    release = readable_release(parts[1], parts[2], actor)
    name = f"releases/{release.slug}/{release.version}"
    return Scope(
        name,
        instances_of(release),
        is_immutable=parts[2] == release.version,
        shelf_id=shelf_id(shelf_name(release)),
        is_restricted=release.access == ReleaseAccess.RESTRICTED,
    )
