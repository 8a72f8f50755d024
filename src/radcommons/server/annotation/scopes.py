"""The scopes of annotation: one case as it was frozen, and nothing that tells more.

``tasks/<key>`` is what one reader may look at over DICOMweb, ``adjudications/<key>`` what an adjudicator may, ``cases/<key>``
what somebody may who sees the project.
"""

from radcommons.server.annotation.models import Case
from radcommons.server.annotation.queries.adjudication import adjudicated_case, visible_to_adjudicator
from radcommons.server.annotation.queries.aliases import aliases_of_case, aliases_of_task
from radcommons.server.annotation.queries.own import own_task
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.queries.worklist import blinding_of, visible_instances
from radcommons.server.annotation.rules.blinding import veil_of
from radcommons.server.annotation.rules.wishes import Blinding
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit

PATH_PARTS = 2


def task_scope(path: str, actor: Actor) -> Scope:
    """The images of a task, for its reader while it is open to them.

    Raises
    ------
    NotFoundError
        When the path is no task, or one that is not the actor's to open.
    UnauthenticatedError, ForbiddenError
        When the actor does not read.
    """
    key = _key(path, "tasks")
    admit(actor, Action.ANNOTATION_READ)
    task = own_task(key, actor)
    veil = veil_of(blinding_of(task.project), aliases_of_task(task))
    # Leafing asks for a slice every few milliseconds; a trigger of the tables tells of what closes a task.
    return Scope(f"tasks/{task.key}", visible_instances(task), veil=veil, is_watched=True)


def adjudication_scope(path: str, actor: Actor) -> Scope:
    """The images of a case that its adjudicator may see.

    Raises
    ------
    NotFoundError
        When the path is no case, or not one that the actor adjudicates.
    UnauthenticatedError, ForbiddenError
        When the actor does not adjudicate.
    """
    key = _key(path, "adjudications")
    admit(actor, Action.ANNOTATION_ADJUDICATE)
    case, _ = adjudicated_case(key, actor)
    veil = veil_of(blinding_of(case.project), aliases_of_case(case))
    return Scope(f"adjudications/{case.key}", visible_to_adjudicator(case), veil=veil)


def case_scope(path: str, actor: Actor) -> Scope:
    """The images of a case as who sees the project may see them: what displaying needs, under their own identifiers.

    Raises
    ------
    NotFoundError
        When the path is no case, or one that curation has taken back.
    UnauthenticatedError, ForbiddenError
        When the actor does not see projects, or reads in this one.
    """
    key = _key(path, "cases")
    admit(actor, Action.ANNOTATION_SEE)
    case = Case.objects.select_related("project").filter(key=key, is_suspended=False).first()
    if case is None:
        raise NotFoundError
    seen_project(case.project.slug, actor)
    return Scope(f"cases/{case.key}", visible_to_adjudicator(case), veil=veil_of(Blinding(), None))


def _key(path: str, kind: str) -> str:
    """The name of the thing whose scope is at a path of one kind."""
    parts = path.strip("/").split("/")
    if len(parts) != PATH_PARTS or parts[0] != kind:
        raise NotFoundError
    return parts[1]
