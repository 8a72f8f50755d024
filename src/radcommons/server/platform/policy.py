"""Who may do what: one table. Denied unless it stands here.

A *role* is granted to an account, for the whole repository or for one site. An *action* is ``<room>.<verb>``. Doors ask
:func:`admit`; verbs and queries that concern one site ask :func:`authorise` and :func:`sites_for` with the site's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from radcommons.server.platform.errors import ForbiddenError, UnauthenticatedError


class Role(StrEnum):
    """What an account is trusted with."""

    ADMINISTRATOR = "administrator"
    SITE_COORDINATOR = "site_coordinator"
    CURATOR = "curator"
    RELEASE_MANAGER = "release_manager"
    READER = "reader"
    RESEARCHER = "researcher"
    PROJECT_MANAGER = "project_manager"
    ADJUDICATOR = "adjudicator"


class ActorKind(StrEnum):
    """Where an actor comes from."""

    ANONYMOUS = "anonymous"
    USER = "user"
    SITE = "site"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, everywhere or at one site."""

    role: Role
    site_code: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, as the audit log will name them."""

    kind: ActorKind
    name: str
    grants: frozenset[Grant] = frozenset()
    user_id: int | None = None
    site_code: str | None = None

    @classmethod
    def anonymous(cls) -> "Actor":
        """A visitor who has not signed in."""
        return cls(ActorKind.ANONYMOUS, "anonymous")

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The house itself: the worker, the operator at the command line."""
        return cls(ActorKind.SYSTEM, f"system:{name}")

    @classmethod
    def contributor(cls, site_code: str) -> "Actor":
        """A hospital's sending program, known by its contributor key."""
        return cls(ActorKind.SITE, f"site:{site_code}", site_code=site_code)

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is signed in."""
        return self.kind is not ActorKind.ANONYMOUS

    def has_role(self, role: Role) -> bool:
        """Whether the role is granted at all, wherever."""
        return any(grant.role is role for grant in self.grants)


class Action(StrEnum):
    """Everything that can be asked of the house, by room."""

    PORTAL_VIEW = "portal.view"
    PORTAL_DASHBOARD = "portal.dashboard"
    PLATFORM_MANAGE_PEOPLE = "platform.manage-people"
    PLATFORM_READ_AUDIT = "platform.read-audit"
    PLATFORM_TEND_JOBS = "platform.tend-jobs"
    PLATFORM_OWN_ACCOUNT = "platform.own-account"
    SITES_SUBMIT_SURVEY = "sites.submit-survey"
    SITES_READ_SURVEYS = "sites.read-surveys"
    SITES_READ = "sites.read"
    SITES_MANAGE = "sites.manage"
    SITES_MANAGE_KEYS = "sites.manage-keys"
    INTAKE_SEND = "intake.send"
    INTAKE_STORE = "intake.store"
    INTAKE_READ_BATCH = "intake.read-batch"
    INTAKE_DECIDE_QUARANTINE = "intake.decide-quarantine"
    JOURNEY_READ_TIMELINE = "journey.read-timeline"
    JOURNEY_RETRY = "journey.retry"
    CURATION_READ = "curation.read"
    CURATION_DECIDE = "curation.decide"
    ANNOTATION_READ = "annotation.read"
    ANNOTATION_ADJUDICATE = "annotation.adjudicate"
    ANNOTATION_SEE = "annotation.see"
    ANNOTATION_EXAMPLE = "annotation.example"
    ANNOTATION_MANAGE = "annotation.manage"
    ANNOTATION_PUBLISH = "annotation.publish"
    CATALOG_READ = "catalog.read"
    CATALOG_FREEZE = "catalog.freeze"
    RELEASES_READ = "releases.read"
    RELEASES_READ_DRAFTS = "releases.read-drafts"
    RELEASES_MANAGE = "releases.manage"
    VIEWING_OPEN = "viewing.open"
    ARCHIVE_READ_STORAGE = "archive.read-storage"
    DICOMWEB_READ = "dicomweb.read"
    ACCESS_DOWNLOAD = "access.download"
    ACCESS_ASK = "access.ask"
    ACCESS_DECIDE = "access.decide"


class Everyone(StrEnum):
    """Pseudo-roles of the table: any visitor, anybody signed in, a contributor key."""

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    CONTRIBUTOR = "contributor"


_A, _S, _C, _M, _R, _X, _P, _J = Role
_PUBLIC = frozenset({Everyone.PUBLIC})

POLICY: Mapping[Action, frozenset[Role | Everyone]] = MappingProxyType(
    {
        Action.PORTAL_VIEW: _PUBLIC,
        Action.PORTAL_DASHBOARD: frozenset({Everyone.SIGNED_IN}),
        Action.PLATFORM_MANAGE_PEOPLE: frozenset({_A}),
        Action.PLATFORM_READ_AUDIT: frozenset({_A}),
        Action.PLATFORM_TEND_JOBS: frozenset({_A}),
        Action.PLATFORM_OWN_ACCOUNT: frozenset({Everyone.SIGNED_IN}),
        Action.ARCHIVE_READ_STORAGE: frozenset({_A}),
        Action.SITES_SUBMIT_SURVEY: _PUBLIC,
        Action.SITES_READ_SURVEYS: frozenset({_A}),
        Action.SITES_READ: frozenset({_A, _C, _S}),
        Action.SITES_MANAGE: frozenset({_A}),
        Action.SITES_MANAGE_KEYS: frozenset({_A, _S}),
        Action.INTAKE_SEND: frozenset({Everyone.CONTRIBUTOR}),
        Action.INTAKE_STORE: frozenset({_S, Everyone.CONTRIBUTOR}),
        Action.INTAKE_READ_BATCH: frozenset({_A, _C, _S, Everyone.CONTRIBUTOR}),
        Action.INTAKE_DECIDE_QUARANTINE: frozenset({_C}),
        Action.JOURNEY_READ_TIMELINE: frozenset({_A, _C, _S}),
        Action.JOURNEY_RETRY: frozenset({_A}),
        Action.CURATION_READ: frozenset({_C, _A}),
        Action.CURATION_DECIDE: frozenset({_C}),
        # What a reader or an adjudicator may see is narrowed by membership in the project.
        Action.ANNOTATION_READ: frozenset({_R}),
        Action.ANNOTATION_ADJUDICATE: frozenset({_J}),
        Action.ANNOTATION_SEE: frozenset({_P, _A}),
        # Whoever is asked by a schema, or writes one, sees its example pictures.
        Action.ANNOTATION_EXAMPLE: frozenset({_R, _J, _P, _A}),
        Action.ANNOTATION_MANAGE: frozenset({_P}),
        Action.ANNOTATION_PUBLISH: frozenset({_P}),
        Action.CATALOG_READ: frozenset({_C, _M, _A}),
        Action.CATALOG_FREEZE: frozenset({_M, _A}),
        Action.RELEASES_READ: _PUBLIC,
        Action.RELEASES_READ_DRAFTS: frozenset({_M, _A}),
        Action.RELEASES_MANAGE: frozenset({_M}),
        # The scope of the address decides what may be seen; these open the corridor, not a room.
        Action.VIEWING_OPEN: _PUBLIC,
        Action.DICOMWEB_READ: _PUBLIC,
        Action.ACCESS_DOWNLOAD: _PUBLIC,
        # What may be read of it is decided version by version (releases.reading).
        Action.ACCESS_ASK: frozenset({Everyone.SIGNED_IN}),
        Action.ACCESS_DECIDE: frozenset({_M}),
    }
)


def may(actor: Actor, action: Action, *, site_code: str | None = None) -> bool:
    """Whether an actor may do something, at a site when one is named.

    A role granted for one site counts only where that site is named; the house itself may do everything, since only
    somebody with the machine in hand can be it.
    """
    if actor.kind is ActorKind.SYSTEM:
        return True
    allowed = POLICY[action]
    if Everyone.PUBLIC in allowed or (Everyone.SIGNED_IN in allowed and actor.kind is ActorKind.USER):
        return True
    if actor.kind is ActorKind.SITE:
        return Everyone.CONTRIBUTOR in allowed and site_code in (None, actor.site_code)
    return any(
        grant.role in allowed and (grant.site_code is None or grant.site_code == site_code) for grant in actor.grants
    )


def holds(actor: Actor, action: Action) -> bool:
    """Whether an actor may do something at least somewhere; what a door asks before the object is known."""
    return may(actor, action) or any(
        may(actor, action, site_code=grant.site_code) for grant in actor.grants if grant.site_code
    )


def admit(actor: Actor, action: Action) -> None:
    """Let an actor through a door.

    Raises
    ------
    UnauthenticatedError
        When signing in might help.
    ForbiddenError
        When it would not.
    """
    if holds(actor, action):
        return
    raise UnauthenticatedError if not actor.is_authenticated else ForbiddenError


def authorise(actor: Actor, action: Action, *, site_code: str | None = None) -> None:
    """Demand that an actor may do something at a site.

    Raises
    ------
    ForbiddenError
        When not.
    """
    if not may(actor, action, site_code=site_code):
        raise ForbiddenError


def sites_for(actor: Actor, action: Action) -> frozenset[str] | None:
    """The codes of the sites whose things an actor may see under an action; None means all of them."""
    if may(actor, action) and actor.kind is not ActorKind.SITE:
        return None
    if actor.kind is ActorKind.SITE:
        return frozenset({actor.site_code} if actor.site_code and may(actor, action) else ())
    return frozenset(
        grant.site_code for grant in actor.grants if grant.site_code and may(actor, action, site_code=grant.site_code)
    )
