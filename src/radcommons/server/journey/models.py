"""The table of the journey: one row a study, its state as the fold of its facts."""

from django.db import models

from radcommons.server.journey.table import State


class StudyJourney(models.Model):
    """Where a study stands. The facts themselves stay in the outbox: the timeline is read from them."""

    study_instance_uid = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=20, default=State.UNKNOWN.value)
    # The fact that moved the study last, and when that was.
    fact_id = models.BigIntegerField(default=0)
    since = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in State]), name="journey_state"
            ),
        ]
        indexes = [models.Index(fields=["state"], name="journey_by_state")]
