"""Scopes: a read goes through one, never through "the archive" (DESIGN, invariant 3).

The archive serves whatever set of instances a scope names and knows nothing of releases, queues or batches. Rooms above
it write the bodies of :class:`ScopeResolver`; the applications join them.
"""

from dataclasses import dataclass
from typing import Protocol

from django.db.models import QuerySet

from radcommons.server.archive.models import Instance
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class Scope:
    """What one DICOMweb root shows.

    Parameters
    ----------
    name
        The path of the root, ``releases/<slug>/<version>`` for one.
    instances
        The instances in it, each once and not sliced; everything else does not exist there.
    is_immutable
        Whether the set can never change, so that answers may be kept by clients.
    shelf_id
        The shelf on which exactly these instances were made ready to be served; None when there is none.
    """

    name: str
    instances: QuerySet[Instance]
    is_immutable: bool = False
    shelf_id: int | None = None


class ScopeResolver(Protocol):
    """Finds the scope of a path, for one actor."""

    def __call__(self, path: str, actor: Actor) -> Scope:
        """The scope at a path.

        Raises
        ------
        NotFoundError
            When there is no such scope, or the actor may not know of it.
        ForbiddenError
            When the actor may not read it; shown to the client as not found.
        """
        ...
