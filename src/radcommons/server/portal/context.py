"""What the layout needs on every page: the repository's name, who is asking, and where they may go."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from radcommons.server.platform.policy import Action, Actor, Role, holds
from radcommons.server.platform.settings import settings


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the main navigation: where it leads, which action opens it, and which pages elsewhere belong to it."""

    label: str
    url_name: str
    action: Action
    also: str = ""


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A line of the main navigation as one request sees it."""

    label: str
    url: str
    is_current: bool


ENTRIES = (
    Entry("Releases", "releases:list", Action.RELEASES_READ),
    Entry("Batches", "intake:batches", Action.INTAKE_READ_BATCH, also="intake:quarantine"),
    Entry("Curation", "curation:queue", Action.CURATION_READ),
    Entry("Reads", "annotation:reads", Action.ANNOTATION_READ),
    Entry("Adjudication", "annotation:queue", Action.ANNOTATION_ADJUDICATE),
    Entry("Reading projects", "annotation:projects", Action.ANNOTATION_SEE),
    Entry("Catalog", "catalog:list", Action.CATALOG_READ, also="catalog:cohorts"),
    Entry("Sites", "sites:list", Action.SITES_READ),
    Entry("People", "portal:people", Action.PLATFORM_MANAGE_PEOPLE),
    Entry("Storage", "portal:storage", Action.ARCHIVE_READ_STORAGE, also="portal:jobs"),
    Entry("Audit", "portal:audit", Action.PLATFORM_READ_AUDIT),
)


def portal(request: HttpRequest) -> dict[str, object]:
    """Template context ``portal`` of every page; works before a request knows its actor, as on early error pages."""
    actor = getattr(request, "actor", None) or Actor.anonymous()
    return {
        "portal": {
            "name": settings().name,
            "navigation": navigation_items(actor, request.path),
            "person": _person(request) if actor.is_authenticated else "",
            "may_tend_jobs": holds(actor, Action.PLATFORM_TEND_JOBS),
            "roles_text": ", ".join(role_names(actor)),
            "sign_in_url": f"{_url('account_login')}?{urlencode({'next': request.get_full_path()})}",
            "sign_out_url": _url("account_logout"),
        }
    }


def navigation_items(actor: Actor, path: str) -> tuple[NavigationItem, ...]:
    """The pages an actor may open, in the order of the work; at most one is current."""
    reachable = [(entry, _url(entry.url_name)) for entry in ENTRIES if holds(actor, entry.action)]
    return tuple(NavigationItem(entry.label, url, path.startswith(_places(entry))) for entry, url in reachable if url)


def _places(entry: Entry) -> tuple[str, ...]:
    return tuple(url for name in (entry.url_name, entry.also) if name and (url := _url(name)))


def role_names(actor: Actor) -> tuple[str, ...]:
    """An actor's roles in words, a coordinator's with its site: ``site coordinator of ALPHA``."""
    grants = sorted(actor.grants, key=lambda grant: (list(Role).index(grant.role), grant.site_code or ""))
    return tuple(
        grant.role.value.replace("_", " ") + (f" of {grant.site_code}" if grant.site_code else "") for grant in grants
    )


def _person(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return str(request.actor.name)  # type: ignore[attr-defined]
    return str(user.get_full_name() or user.get_username())


def _url(name: str) -> str:
    # An error page must be drawn even when the wiring of addresses is what failed.
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
