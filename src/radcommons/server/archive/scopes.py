"""Scopes: a read goes through one, never through "the archive" (DESIGN, invariant 3).

The archive serves whatever set of instances a scope names and knows nothing of releases, queues or batches. Rooms above
it write the bodies of :class:`ScopeResolver`; the applications join them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import QuerySet

from radcommons.server.archive.aliases import Aliases
from radcommons.server.archive.models import Instance
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class Veil:
    """Which attributes a root shows; all others do not exist there, and files as they are stored are not given out.

    Parameters
    ----------
    tags
        Tags that are shown, eight hexadecimal digits.
    groups
        Groups of which everything is shown, four digits.
    aliases
        The identifiers under which everything is known here; None where the real ones are shown.
    """

    tags: frozenset[str]
    groups: frozenset[str]
    aliases: Aliases | None = None

    def shows(self, tag: str) -> bool:
        """Whether an attribute is shown."""
        return tag in self.tags or tag[:4] in self.groups

    def over(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """What is left of an object of DICOM JSON (PS3.18 F.2), at every depth of its sequences."""
        return {tag: self._element(tag, value) for tag, value in attributes.items() if self.shows(tag)}

    def _element(self, tag: str, element: Mapping[str, Any]) -> Mapping[str, Any]:
        if element.get("vr") == "SQ" and "Value" in element:
            return {**element, "Value": [self.over(item) for item in element["Value"]]}
        return element if self.aliases is None else self.aliases.of_element(tag, element)


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
    veil
        What is shown of the attributes; None where everything is.
    is_watched
        Whether all that would close the scope to its visitor is told on the channel of access, and what would change its
        instances on that of contents, so that admissions and answers may be remembered (see :mod:`.platform.change_watch`).
    is_restricted
        Whether a right to read it may end, so that answers may not be kept by anybody.
    """

    name: str
    instances: QuerySet[Instance]
    is_immutable: bool = False
    shelf_id: int | None = None
    veil: Veil | None = None
    is_watched: bool = False
    is_restricted: bool = False


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
