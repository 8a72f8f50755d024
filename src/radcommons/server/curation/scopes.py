"""The scope ``curation``: what a curator may look at over DICOMweb."""

from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.scopes import Scope
from radcommons.server.curation.rules import CaseState
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit

PATH = "curation"


def curation_scope(path: str, actor: Actor) -> Scope:
    """Everything stored except rejected studies, for those who curate.

    Raises
    ------
    NotFoundError
        When the path is not this scope.
    UnauthenticatedError, ForbiddenError
        When the actor does not curate.
    """
    if path != PATH:
        raise NotFoundError
    admit(actor, Action.CURATION_READ)
    stored = Instance.objects.filter(state=InstanceState.STORED)
    return Scope(PATH, stored.exclude(series__study__curation_case__state=CaseState.REJECTED), is_watched=True)
