"""The verb by which the journey keeps readers from studies that curation has taken back."""

from django.db import transaction

from radcommons.server.annotation.models import Case
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Actor

JOURNEY = Actor.system("journey")


def suspend_study(study_instance_uid: str, *, is_suspended: bool) -> int:
    """Hide a study's cases from their readers, or show them again; reads that were made stay. Safe to run again.

    Returns how many cases changed.
    """
    with transaction.atomic():
        rows = Case.objects.filter(study__study_instance_uid=study_instance_uid).exclude(is_suspended=is_suspended)
        changed = rows.update(is_suspended=is_suspended)
        if changed:
            facts = {"is_suspended": is_suspended, "cases": changed}
            audit.record(
                JOURNEY, "annotation.suspended", object_kind="study", object_id=study_instance_uid, facts=facts
            )
    return changed
