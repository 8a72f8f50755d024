"""Tables of the clinical room."""

from django.db import models

from radcommons.server.archive.models import Subject
from radcommons.server.clinical.rules import Covid19Status


class SubjectRecord(models.Model):
    """What is known about a subject: so far only what its site states about COVID-19."""

    subject = models.OneToOneField(Subject, on_delete=models.PROTECT, related_name="clinical_record")
    covid19_status = models.CharField(max_length=10, default=Covid19Status.UNKNOWN.value)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Table options."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(covid19_status__in=[status.value for status in Covid19Status]),
                name="clinical_covid19_status",
            ),
        ]
