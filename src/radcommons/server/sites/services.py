"""The verbs of the sites room."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from django.db import IntegrityError, transaction
from django.utils import timezone

from radcommons.server.platform import audit, tokens
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.sites import rules
from radcommons.server.sites.countries import COUNTRIES
from radcommons.server.sites.models import Agreement, AgreementText, ContributorKey, Site, Survey

TEMPLATE_VERSION = "template-1"
TEMPLATE_TITLE = "Data sharing agreement (template)"
KEY_PREFIX = "rcs"
# A key's last use is a hint for people, not an audit: writing it once a minute spares a row change per upload.
LAST_USE_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed an agreement, when, and what was granted.

    Parameters
    ----------
    project
        The project whose data the agreement covers.
    licence
        One of :data:`radcommons.server.sites.rules.LICENCES`, by SPDX identifier.
    ends_on
        The last day on which batches are accepted; None means no end.
    """

    project: str
    signatory_name: str
    signatory_title: str
    signed_on: date
    licence: str
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh contributor key; the plain text is shown once and stored nowhere."""

    key: ContributorKey
    plain: str


def submit_survey(answers: Mapping[str, object], *, actor: Actor) -> Survey:
    """Record what an institution answered; open to any visitor.

    Parameters
    ----------
    answers
        The fields of :class:`~radcommons.server.sites.models.Survey` as a validated form gives them.

    Raises
    ------
    InvalidError
        ``sites.survey-incomplete`` when organisation, country or contact is missing.
    """
    authorise(actor, Action.SITES_SUBMIT_SURVEY)
    needed = ("organisation", "country", "contact_name", "contact_email")
    if not all(answers.get(name) for name in needed):
        raise InvalidError("sites.survey-incomplete", "Organisation, country and a contact are needed.")
    with transaction.atomic():
        survey = Survey.objects.create(**answers)
        facts = {"country": survey.country}
        audit.record(actor, "sites.submit-survey", object_kind="survey", object_id=survey.pk, facts=facts)
    return survey


def add_site(code: str, *, name: str, country: str, actor: Actor, survey_id: int | None = None) -> Site:
    """Record a site under its code.

    Raises
    ------
    InvalidError
        ``sites.code`` or ``sites.country`` when they are not written as they must be.
    ConflictError
        ``sites.code-taken`` when the code names another site already.
    """
    authorise(actor, Action.SITES_MANAGE)
    if not rules.is_site_code(code):
        message = "A site's code has 1 to 32 capital letters, digits and hyphens, for example ALPHA or SITE-07."
        raise InvalidError("sites.code", message)
    if country not in COUNTRIES:
        raise InvalidError("sites.country", "The country is given by its two capital letters, for example DE or BR.")
    try:
        with transaction.atomic():
            site = Site.objects.create(code=code, name=name.strip() or code, country=country)
            if survey_id is not None:
                Survey.objects.filter(pk=survey_id, site=None).update(site=site)
            facts = {"country": country}
            audit.record(actor, "sites.add", object_kind="site", object_id=code, facts=facts)
    except IntegrityError as error:
        raise ConflictError("sites.code-taken", f"A site with the code {code} exists already.") from error
    return site


def set_active(site: Site, *, is_active: bool, actor: Actor) -> Site:
    """Let a site send, or stop it from sending; nothing already received changes."""
    authorise(actor, Action.SITES_MANAGE)
    with transaction.atomic():
        site = Site.objects.select_for_update(no_key=True).get(pk=site.pk)
        site.is_active = is_active
        site.save(update_fields=["is_active"])
        facts = {"is_active": is_active}
        audit.record(actor, "sites.set-active", object_kind="site", object_id=site.code, facts=facts)
    return site


def template_text() -> AgreementText:
    """The agreement text that comes with the software, put among the versions when it is not there yet."""
    body = files("radcommons.server.sites").joinpath("data/agreement_template_1.md").read_text(encoding="utf-8")
    values = {"title": TEMPLATE_TITLE, "body": body, "sha256": _digest(body), "is_template": True}
    return AgreementText.objects.get_or_create(version=TEMPLATE_VERSION, defaults=values)[0]


def publish_text(version: str, *, title: str, body: str, actor: Actor) -> AgreementText:
    """Add a version of the agreement's text; texts are never changed, only followed.

    Raises
    ------
    InvalidError
        ``sites.text`` when version, title or body is empty.
    ConflictError
        ``sites.text-taken`` when the version exists.
    """
    authorise(actor, Action.SITES_MANAGE)
    if not (version.strip() and title.strip() and body.strip()):
        raise InvalidError("sites.text", "An agreement text needs a version, a title and a body.")
    try:
        with transaction.atomic():
            text = AgreementText.objects.create(version=version, title=title, body=body, sha256=_digest(body))
            facts = {"sha256": text.sha256}
            audit.record(actor, "sites.publish-text", object_kind="agreement-text", object_id=version, facts=facts)
    except IntegrityError as error:
        raise ConflictError("sites.text-taken", f"Version {version} exists already; choose another name.") from error
    return text


def sign_agreement(site: Site, signature: Signature, *, actor: Actor, text: AgreementText | None = None) -> Agreement:
    """Record that a site signed.

    Parameters
    ----------
    text
        The version that was signed; the newest when not given.

    Raises
    ------
    InvalidError
        ``sites.project``, ``sites.licence``, ``sites.dates`` or ``sites.signatory``.
    """
    authorise(actor, Action.SITES_MANAGE)
    _check_signature(signature)
    with transaction.atomic():
        signed_text = text or AgreementText.objects.filter(is_template=False).first() or template_text()
        agreement = Agreement.objects.create(
            site=site,
            text=signed_text,
            project=signature.project,
            licence=signature.licence,
            signatory_name=signature.signatory_name.strip(),
            signatory_title=signature.signatory_title.strip(),
            signed_on=signature.signed_on,
            ends_on=signature.ends_on,
            recorded_by=actor.name,
        )
        facts = {
            "project": agreement.project,
            "licence": agreement.licence,
            "text": signed_text.version,
            "signed_on": agreement.signed_on.isoformat(),
            "ends_on": agreement.ends_on.isoformat() if agreement.ends_on else None,
        }
        audit.record(actor, "sites.sign-agreement", object_kind="site", object_id=site.code, facts=facts)
    return agreement


def revoke_agreement(agreement: Agreement, *, reason: str, actor: Actor) -> Agreement:
    """End an agreement now; batches are refused from this moment, what was received stays.

    Raises
    ------
    InvalidError
        ``sites.reason`` without a reason.
    ConflictError
        ``sites.already-revoked``.
    """
    authorise(actor, Action.SITES_MANAGE)
    if not reason.strip():
        raise InvalidError("sites.reason", "Say why the agreement is revoked.")
    with transaction.atomic():
        row = Agreement.objects.select_for_update(no_key=True).select_related("site").get(pk=agreement.pk)
        if row.revoked_at is not None:
            raise ConflictError("sites.already-revoked", "The agreement was revoked before.")
        row.revoked_at, row.revocation_reason = timezone.now(), reason.strip()
        row.save(update_fields=["revoked_at", "revocation_reason"])
        facts = {"project": row.project, "agreement": row.pk}
        audit.record(actor, "sites.revoke-agreement", object_kind="site", object_id=row.site.code, facts=facts)
    return row


def issue_contributor_key(site: Site, *, name: str, actor: Actor) -> IssuedKey:
    """Make a key with which the site's sending machine proves who it is; its plain text is returned this once."""
    authorise(actor, Action.SITES_MANAGE_KEYS, site_code=site.code)
    token = tokens.issue(KEY_PREFIX)
    with transaction.atomic():
        key = ContributorKey.objects.create(
            site=site, name=name.strip()[:100] or "key", sha256=token.sha256, created_by=actor.name
        )
        audit.record(actor, "sites.issue-key", object_kind="site", object_id=site.code, facts={"key": key.pk})
    return IssuedKey(key, token.plain)


def revoke_contributor_key(site: Site, key_id: int, *, actor: Actor) -> ContributorKey:
    """Make a key worthless at once.

    Raises
    ------
    NotFoundError
        When the site has no such key.
    ConflictError
        ``sites.already-revoked``.
    """
    authorise(actor, Action.SITES_MANAGE_KEYS, site_code=site.code)
    with transaction.atomic():
        key = ContributorKey.objects.select_for_update(no_key=True).filter(pk=key_id, site=site).first()
        if key is None:
            raise NotFoundError
        if key.revoked_at is not None:
            raise ConflictError("sites.already-revoked", "The key was revoked before.")
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        audit.record(actor, "sites.revoke-key", object_kind="site", object_id=site.code, facts={"key": key.pk})
    return key


def actor_for_contributor_token(plain: str) -> Actor | None:
    """Who presents a contributor key; None when it is unknown or revoked, or the site inactive."""
    row = (
        ContributorKey.objects.select_related("site")
        .filter(sha256=tokens.digest(plain), revoked_at=None, site__is_active=True)
        .first()
    )
    if row is None:
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > LAST_USE_RESOLUTION:
        ContributorKey.objects.filter(pk=row.pk).update(last_used_at=now)
    return Actor.contributor(row.site.code)


def _check_signature(signature: Signature) -> None:
    if not rules.is_project(signature.project):
        message = "A project is named by small letters, digits and hyphens, for example covid19."
        raise InvalidError("sites.project", message)
    if signature.licence not in rules.LICENCES:
        raise InvalidError("sites.licence", f"The licence is one of {', '.join(rules.LICENCES)}.")
    if signature.ends_on is not None and signature.ends_on < signature.signed_on:
        raise InvalidError("sites.dates", "The agreement ends before it was signed.")
    if not (signature.signatory_name.strip() and signature.signatory_title.strip()):
        raise InvalidError("sites.signatory", "The signatory's name and title are needed.")


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
