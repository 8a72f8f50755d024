"""Tables of curation: one case a study, what the checks found, what people decided."""

from django.db import models

from radcommons.server.archive.models import Study
from radcommons.server.curation.rules import CaseState, Verb


class Case(models.Model):
    """A study before a curator.

    ``content_sha256`` names the set of stored instances that the checks saw; when it changes, the study is looked at
    again.
    """

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="curation_case")
    state = models.CharField(max_length=16, choices=[(state.value, state.value) for state in CaseState])
    content_sha256 = models.CharField(max_length=64)
    error_count = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in CaseState]), name="curation_case_state"
            ),
        ]
        indexes = [models.Index(fields=["state", "opened_at", "id"], name="curation_case_queue")]


class CheckResult(models.Model):
    """One finding of the latest run of the checks on a case."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="check_results")
    severity = models.CharField(max_length=8)
    code = models.CharField(max_length=100, db_index=True)
    place = models.CharField(max_length=200)
    message = models.TextField()


class Decision(models.Model):
    """What a person decided about a case, and why; never changed."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    verb = models.CharField(max_length=16, choices=[(verb.value, verb.value) for verb in Verb])
    from_state = models.CharField(max_length=16)
    to_state = models.CharField(max_length=16)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200)
    decided_at = models.DateTimeField()
