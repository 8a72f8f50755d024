"""Which scopes the viewing pages may open: the very resolver that DICOMweb uses, put here by the applications."""

from radcommons.server.archive.scopes import Scope, ScopeResolver
from radcommons.server.platform.errors import ForbiddenError, NotFoundError
from radcommons.server.platform.policy import Actor

_resolvers: list[ScopeResolver] = []


def open_scopes_with(resolver: ScopeResolver) -> None:
    """Let the viewing pages ask ``resolver``; called once where the server is put together."""
    _resolvers[:] = [resolver]


def readable_scope(path: str, actor: Actor) -> Scope:
    """The scope at a path, for someone who may read it.

    Raises
    ------
    NotFoundError
        When there is no such scope or the actor may not read it: the page does not tell the two apart.
    """
    for resolve in _resolvers:
        try:
            return resolve(path, actor)
        except (NotFoundError, ForbiddenError):
            break
    raise NotFoundError("There are no images at this address, or they are not open to you.")
