"""The scope ``catalog``: what is catalogued, for those who choose what a release will hold."""

from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.scopes import Scope
from radcommons.server.catalog.models import CatalogSeries
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit

PATH = "catalog"


def catalog_scope(path: str, actor: Actor) -> Scope:
    """The stored instances of catalogued series.

    Raises
    ------
    NotFoundError
        When the path is not this scope.
    UnauthenticatedError, ForbiddenError
        When the actor may not read the catalog.
    """
    if path != PATH:
        raise NotFoundError
    admit(actor, Action.CATALOG_READ)
    series = CatalogSeries.objects.values("series")
    return Scope(PATH, Instance.objects.filter(series__in=series, state=InstanceState.STORED), is_watched=True)
