"""TEMPORARY wiring while rooms are being built."""

import importlib, importlib.util
from radcommons.server.platform.actors import register_token_resolver


def _try(name):
    try:
        return importlib.import_module(name) if importlib.util.find_spec(name) else None
    except ModuleNotFoundError:
        return None


def load_tasks(app):
    for room in ["platform", "intake", "archive", "releases", "catalog", "curation"]:
        _try(f"radcommons.server.{room}.tasks")


def deliver_pending(*, limit):
    m = _try("radcommons.server.journey.services")
    return m.deliver_pending(limit=limit) if m else 0


def resolve_scope(path, actor):
    from radcommons.server.platform.errors import NotFoundError

    for prefix, mod, fn in (
        ("releases/", "access", "release_scope"),
        ("curation", "curation", "curation_scope"),
        ("catalog", "catalog", "catalog_scope"),
        ("batches/", "intake", "batch_scope"),
    ):
        if path.startswith(prefix):
            m = _try(f"radcommons.server.{mod}.scopes")
            if m:
                return getattr(m, fn)(path, actor)
    raise NotFoundError


def wire():
    sites = _try("radcommons.server.sites.services")
    if sites and hasattr(sites, "actor_for_contributor_token"):
        register_token_resolver("rcs_", sites.actor_for_contributor_token)

    scopes = _try("radcommons.server.portal.viewer.scopes")
    if scopes:
        scopes.open_scopes_with(resolve_scope)


wire()
