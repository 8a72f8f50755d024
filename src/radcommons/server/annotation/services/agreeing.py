"""The verb of agreement: compute it and keep the report."""

from django.db import transaction
from django.utils import timezone

from radcommons.server.annotation.models import AgreementReport, ReadingProject
from radcommons.server.annotation.queries.agreement import ReportState, computed_report, latest_report


def compute_agreement(project_id: int) -> ReportState:
    """Compute the agreement of a project unless the report at hand is of the reads as they are."""
    project = ReadingProject.objects.select_related("schema").get(pk=project_id)
    known = latest_report(project)
    if known is not None and known.is_current:
        return known
    body = computed_report(project)
    with transaction.atomic():
        AgreementReport.objects.update_or_create(
            project=project, defaults={"version": body["version"], "body": body, "made_at": timezone.now()}
        )
    return ReportState(body, is_current=True)
