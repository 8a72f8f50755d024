"""Where the cases of a project come from: higher rooms know cohorts and releases, annotation only the archive.

A room above, or the applications, answer for a kind of source; so annotation knows none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from django.db.models import QuerySet

from radcommons.server.annotation.queries.published import without_published
from radcommons.server.archive.models import Instance
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.policy import Actor


@dataclass(frozen=True, slots=True)
class CaseSource:
    """Instances to be read, and how they are called: ``{"kind": "cohort", "name": …}`` with its digest where it has one."""

    instances: QuerySet[Instance]
    facts: Mapping[str, str]


class SourceResolver(Protocol):
    """Finds the instances of one source."""

    def __call__(self, name: str, actor: Actor) -> CaseSource:
        """The source of that name.

        Raises
        ------
        NotFoundError
            When there is none, or the actor may not know of it.
        """
        ...


_resolvers: dict[str, SourceResolver] = {}


def register_source(kind: str, resolver: SourceResolver) -> None:
    """Let a higher room answer for a kind of source; called once by the wiring."""
    _resolvers[kind] = resolver


def source_kinds() -> tuple[str, ...]:
    """The kinds of sources there are."""
    return tuple(_resolvers)


def resolve_source(kind: str, name: str, actor: Actor) -> CaseSource:
    """The instances of a source, without what is itself made of reads: that would tell readers what others have said.

    Raises
    ------
    InvalidError
        When nobody knows that kind.
    NotFoundError
        When there is no source of that name.
    """
    resolver = _resolvers.get(kind)
    if resolver is None:
        raise InvalidError("annotation.source-unknown", f"Cases come from one of: {', '.join(_resolvers)}.")
    source = resolver(name, actor)
    return replace(source, instances=without_published(source.instances))
