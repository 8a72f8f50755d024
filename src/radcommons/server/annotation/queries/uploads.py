"""Uploads as managers see them."""

from radcommons.server.annotation.models import ReadingProject, Upload
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.rules.uploads import UploadState
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise


def seen_upload(key: str, actor: Actor) -> Upload:
    """An upload, for those who manage projects; of results, for those who may see the project.

    Raises
    ------
    NotFoundError
        When there is none, or none any more.
    ReadsHereError
        When the actor reads in the project.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    found = Upload.objects.select_related("project__schema", "sent_by").filter(key=key).first()
    if found is None:
        raise NotFoundError("There is no such upload, or it was forgotten.")
    if found.project is not None:
        seen_project(found.project.slug, actor, action=Action.ANNOTATION_MANAGE)
    return found


def unfinished_uploads(project: ReadingProject | None) -> list[Upload]:
    """What was sent and not taken in yet."""
    rows = Upload.objects.exclude(state=UploadState.IMPORTED).filter(project=project)
    return list(rows.select_related("sent_by"))
