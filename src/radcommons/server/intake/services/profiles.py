"""Accepting a de-identification profile that does not come with this software."""

import tempfile
from pathlib import Path

from django.db import transaction

from radcommons.deid.profile import READY_PROFILES, load_profile
from radcommons.server.intake.models import AcceptedProfile
from radcommons.server.intake.profile_files import profile_at
from radcommons.server.platform import audit
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise


def accept_profile(content: str, *, project: str, actor: Actor) -> AcceptedProfile:
    """Accept batches of a project that went through a profile; its rules are those its instances are verified by.

    Raises
    ------
    ProfileError
        When the content is no profile, or one that this version cannot apply.
    ConflictError
        ``intake.profile-packaged`` when it is one that comes with this software, and accepted anyway.
    """
    authorise(actor, Action.SITES_MANAGE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.toml"
        path.write_text(content, encoding="utf-8")
        profile = load_profile(path)
    if profile.name in READY_PROFILES and profile_at(profile.name).digest == profile.digest:
        raise ConflictError("intake.profile-packaged", "This profile comes with the software and is accepted anyway.")
    with transaction.atomic():
        values = {"name": profile.name, "version": profile.version, "content": content, "accepted_by": actor.name}
        row, is_new = AcceptedProfile.objects.get_or_create(project=project, sha256=profile.digest, defaults=values)
        if is_new:
            facts = {"project": project, "name": row.name, "version": row.version, "sha256": row.sha256}
            audit.record(actor, "intake.accept-profile", object_kind="profile", object_id=row.pk, facts=facts)
    return row


def forget_profile(row_id: int, *, actor: Actor) -> None:
    """Accept a profile no longer; batches that were opened before are held back when they are verified.

    Raises
    ------
    NotFoundError
        When there is none under the number.
    """
    authorise(actor, Action.SITES_MANAGE)
    with transaction.atomic():
        row = AcceptedProfile.objects.select_for_update(no_key=True).filter(pk=row_id).first()
        if row is None:
            raise NotFoundError
        facts = {"project": row.project, "name": row.name, "version": row.version, "sha256": row.sha256}
        audit.record(actor, "intake.forget-profile", object_kind="profile", object_id=row.pk, facts=facts)
        row.delete()
