"""Tables of what follows from the reads: outcomes by label, people's decisions, consensus, agreement."""

from django.db import models

from radcommons.server.annotation.models.projects import Case, Reader, ReadingProject
from radcommons.server.annotation.rules.states import OutcomeState, Verdict


class Outcome(models.Model):
    """What the reads of a case say about one label under the project's policy; made again when a read changes.

    ``inputs`` are the digests of the submissions it was made from, ``value`` what they agree on,
    ``detail`` the overlap of every two readers where something was drawn.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="outcomes")
    label = models.CharField(max_length=200)
    policy = models.CharField(max_length=16)
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in OutcomeState])
    value = models.JSONField(null=True)
    measure = models.FloatField(null=True)
    reason = models.CharField(max_length=200, blank=True, default="")
    detail = models.JSONField(default=dict)
    inputs = models.JSONField(default=list)
    code_version = models.CharField(max_length=32)

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["case", "label"], name="annotation_outcome_once")]


class Decision(models.Model):
    """What an adjudicator decided about one label of a case, and why; never changed, only followed by another.

    ``picked`` are the digests of the submissions that were picked or merged.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    label = models.CharField(max_length=200)
    verdict = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Verdict])
    picked = models.JSONField(default=list)
    value = models.JSONField(null=True)
    rationale = models.TextField()
    inputs = models.JSONField(default=list)
    adjudicator = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="decisions")
    override_reason = models.TextField(blank=True, default="")
    decided_at = models.DateTimeField()


class Consensus(models.Model):
    """A reference standard derived from reads and decisions; the same inputs, method and code give the same result.

    What is drawn has one row a case; answers of a whole project, which are weighed against each other, have one row without.
    """

    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="consensuses")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="consensuses")
    method = models.CharField(max_length=32)
    label = models.CharField(max_length=200)
    code_version = models.CharField(max_length=32)
    inputs = models.JSONField()
    inputs_sha256 = models.CharField(max_length=64)
    result = models.JSONField()
    result_sha256 = models.CharField(max_length=64)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(
                fields=["project", "case", "method", "label", "code_version", "inputs_sha256"],
                name="annotation_consensus_once",
                nulls_distinct=False,
            )
        ]


class AgreementReport(models.Model):
    """The latest agreement of a project; ``version`` names the state of the reads it was computed from."""

    project = models.OneToOneField(ReadingProject, on_delete=models.CASCADE, related_name="agreement_report")
    version = models.CharField(max_length=64)
    body = models.JSONField()
    made_at = models.DateTimeField()
