"""The verbs of the clinical room."""

from django.db import transaction

from radcommons.server.archive.models import Study
from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.clinical.rules import Covid19Status
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Actor


def record_subject(study_instance_uid: str, *, covid19_status: Covid19Status, actor: Actor) -> SubjectRecord:
    """Record what a site states about the subject of a study; the same statement again changes nothing.

    Raises
    ------
    NotFoundError
        When the study is not in the archive.
    """
    with transaction.atomic():
        study = Study.objects.select_related("subject").filter(study_instance_uid=study_instance_uid).first()
        if study is None:
            raise NotFoundError("There is no such study in the archive.")
        row, is_new = SubjectRecord.objects.select_for_update(no_key=True).get_or_create(
            subject=study.subject, defaults={"covid19_status": covid19_status.value}
        )
        if not is_new and row.covid19_status == covid19_status:
            return row
        row.covid19_status = covid19_status.value
        row.save(update_fields=["covid19_status", "updated_at"])
        facts = {"covid19_status": covid19_status.value}
        audit.record(actor, "clinical.record-subject", object_kind="subject", object_id=study.subject_id, facts=facts)
    return row
