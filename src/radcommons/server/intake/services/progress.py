"""Telling the site how far a study has come."""

from django.db import transaction
from django.utils import timezone

from radcommons.server.intake.models import StudyProgress
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Actor


def record_progress(study_instance_uid: str, *, state: str, reason: str, actor: Actor) -> None:
    """Note the state of a study for its site; noting the same again changes nothing.

    Parameters
    ----------
    state
        The journey's word, ``returned`` for one.
    reason
        The curator's reason, shown to the site; empty when there is none.
    """
    with transaction.atomic():
        row, is_new = StudyProgress.objects.select_for_update(no_key=True).get_or_create(
            study_instance_uid=study_instance_uid,
            defaults={"state": state, "reason": reason, "since": timezone.now()},
        )
        if not is_new and (row.state, row.reason) == (state, reason):
            return
        row.state, row.reason, row.since = state, reason, timezone.now()
        row.save(update_fields=["state", "reason", "since"])
        facts = {"state": state}
        audit.record(actor, "intake.record-progress", object_kind="study", object_id=study_instance_uid, facts=facts)
