"""Leave to store directly: what a site sends without a batch of its own, and what this centre derives of a site's images."""

import hashlib
from dataclasses import dataclass

import orjson
from django.utils import timezone

from radcommons.deid.pixel_text import PixelText
from radcommons.server.intake.profiles import profile_named
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.sites.models import Agreement, Site
from radcommons.server.sites.queries import require_agreement, site_by_code
from radcommons.transfer.manifest import ProfileStamp

# By whose rules the centre looks at what it made itself: descriptions and reports are cleaned, not emptied.
DERIVED_PROFILE = "ricord"


@dataclass(frozen=True, slots=True)
class Derivation:
    """What this centre made of a site's images.

    Parameters
    ----------
    name
        Of the batch: the same derivation is the same batch.
    observers
        Pseudonyms of the people who looked at the images, which may stand where objects name persons.
    words
        Texts of the centre itself that the objects hold, as the names of labels.
    is_coded
        Whether the objects hold no other text: no curator has to read them.
    """

    name: str
    observers: tuple[str, ...]
    words: tuple[str, ...] = ()
    is_coded: bool = False


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """Leave to store instances of a site for a project: under which agreement, by the rules of which profile.

    Parameters
    ----------
    profile_source
        The name or the path by which the profile is loaded.
    batch_id
        The batch that the instances belong to: that of the day on which leave was given, or that of the derivation. One name,
        or what is brought at midnight would lie in the folder of one and in the rows of the other.
    derivation
        For what the centre made itself; None for what a site sends.
    """

    site: Site
    project: str
    agreement: Agreement
    profile: ProfileStamp
    profile_source: str
    actor: Actor
    batch_id: str
    derivation: Derivation | None = None

    @property
    def pixel_text(self) -> PixelText:
        """What is known of writing in the pixels: nobody looked at what a site sends, and what we draw has none."""
        return PixelText.NOT_CHECKED if self.derivation is None else PixelText.NOT_APPLICABLE


def open_direct_upload(site_code: str, project: str, *, profile: str, actor: Actor) -> DirectUpload:
    """Leave to store directly.

    Parameters
    ----------
    profile
        The name of the de-identification profile that the instances went through.

    Raises
    ------
    ForbiddenError
        When the actor may not store for the site.
    NotFoundError, NoValidAgreementError, UnknownProfileError
        When there is no such site, no agreement in force, or the centre does not accept the profile.
    """
    authorise(actor, Action.INTAKE_STORE, site_code=site_code)
    site = site_by_code(site_code)
    today = timezone.localdate()
    agreement = require_agreement(site, project, today)
    stamp, source = profile_named(project, profile)
    batch_id = _batch_id("direct", site.code, project, stamp.digest, actor.name, today.isoformat())
    return DirectUpload(site, project, agreement, stamp, source, actor, batch_id)


def open_derivation(site_code: str, project: str, derivation: Derivation, *, actor: Actor) -> DirectUpload:
    """Leave to store what this centre made of a site's images, under the site's own agreement.

    Raises
    ------
    ForbiddenError
        When the actor may not publish annotations.
    NotFoundError, NoValidAgreementError
        When there is no such site, or no agreement in force.
    """
    authorise(actor, Action.ANNOTATION_PUBLISH)
    site = site_by_code(site_code)
    agreement = require_agreement(site, project, timezone.localdate())
    stamp, source = profile_named(project, DERIVED_PROFILE)
    batch_id = _batch_id("derived", site.code, project, derivation.name)
    return DirectUpload(site, project, agreement, stamp, source, actor, batch_id, derivation)


def _batch_id(*words: str) -> str:
    return hashlib.sha256(orjson.dumps(words)).hexdigest()
