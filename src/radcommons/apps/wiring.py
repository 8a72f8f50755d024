"""Where the rooms are joined: lower rooms ask, higher rooms answer, and only here do they meet."""

from collections.abc import Mapping
from types import MappingProxyType

from radcommons.apps.annotation_intake import take_in
from radcommons.apps.reading_sources import catalogued, of_cohort, of_release, of_studies
from radcommons.server.access.scopes import release_scope
from radcommons.server.annotation.object_intake import register_intake
from radcommons.server.annotation.scopes import adjudication_scope, case_scope, task_scope
from radcommons.server.annotation.sources import register_source
from radcommons.server.annotation.storage_needs import read_or_labelled
from radcommons.server.archive import companions
from radcommons.server.archive.scopes import Scope, ScopeResolver
from radcommons.server.catalog.scopes import catalog_scope
from radcommons.server.curation.scopes import curation_scope
from radcommons.server.curation.storage_needs import held
from radcommons.server.intake.scopes import batch_scope, site_scope
from radcommons.server.platform.actors import register_token_resolver
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.portal.viewer.scopes import open_scopes_with
from radcommons.server.releases import storage_needs
from radcommons.server.sites.services import KEY_PREFIX, actor_for_contributor_token

# The first word of a scope's path names the room that knows who may read it (DESIGN, invariant 3).
SCOPES: Mapping[str, ScopeResolver] = MappingProxyType(
    {
        "releases": release_scope,
        "catalog": catalog_scope,
        "curation": curation_scope,
        "batches": batch_scope,
        "intake": site_scope,
        "tasks": task_scope,
        "adjudications": adjudication_scope,
        "cases": case_scope,
    }
)


def resolve_scope(path: str, actor: Actor) -> Scope:
    """The scope at a path, for an actor who may read it.

    Raises
    ------
    NotFoundError
        When there is none, or the actor may not know of it.
    """
    resolver = SCOPES.get(path.split("/", 1)[0])
    if resolver is None:
        raise NotFoundError
    return resolver(path, actor)


def wire() -> None:
    """Join the rooms; done once in each process that answers requests."""
    register_token_resolver(KEY_PREFIX, actor_for_contributor_token)
    open_scopes_with(resolve_scope)
    companions.register("releases", files=storage_needs.core_files, needs=storage_needs.released)
    companions.register("curation", needs=held)
    companions.register("annotation", needs=read_or_labelled)
    register_intake(take_in)
    register_source("cohort", of_cohort)
    register_source("release", of_release)
    register_source("catalog", catalogued)
    register_source("studies", of_studies)


wire()
