"""Tables of reading projects: who reads which cases how."""

import secrets

from django.db import models

from radcommons.server.annotation.models.schemas import LabelSchema
from radcommons.server.annotation.rules.states import CaseState, Duty, Phase, ProjectState, ReaderKind, TaskKind
from radcommons.server.archive.models import Instance, Study
from radcommons.server.platform.models import User

KEY_BYTES = 12


def new_key() -> str:
    """A name for an address that tells nothing: neither how many there are nor which came first."""
    return secrets.token_hex(KEY_BYTES)


class ReadingProject(models.Model):
    """Some cases, read by some people under one version of a schema, blinded as its switches say.

    ``cohort_digest`` is the SHA-256 over the sorted lines ``<SOP Instance UID> <SHA-256 of the bytes>`` of all cases, as
    for a cohort of the catalog; ``seed`` gives every reader an order of their own that can be computed again.
    """

    slug = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
    instructions = models.TextField(blank=True, default="")
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="projects")
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in ProjectState])
    task_kind = models.CharField(max_length=8, choices=[(one.value, one.value) for one in TaskKind])
    source = models.JSONField(default=dict)
    cohort_digest = models.CharField(max_length=64)
    seed = models.BigIntegerField()
    readers_per_case = models.PositiveSmallIntegerField()
    overlap_share = models.FloatField(default=1.0)
    repeat_share = models.FloatField(default=0.0)
    washout_days = models.PositiveSmallIntegerField(default=0)
    return_after_days = models.PositiveSmallIntegerField(default=14)
    deadline = models.DateField(null=True)
    shows_ai = models.BooleanField(default=False)
    shows_clinical_data = models.BooleanField(default=False)
    shows_site = models.BooleanField(default=False)
    shows_priors = models.BooleanField(default=False)
    hanging = models.JSONField(default=dict)
    policies = models.JSONField(default=dict)
    stopping = models.JSONField(default=dict)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        """Table options."""

        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    overlap_share__gte=0, overlap_share__lte=1, repeat_share__gte=0, repeat_share__lte=1
                ),
                name="annotation_project_shares",
            ),
            models.CheckConstraint(condition=models.Q(readers_per_case__gte=1), name="annotation_project_has_readers"),
        ]


class Reader(models.Model):
    """Somebody who reads or adjudicates in a project: a person with an account, a model, or a reader of the past.

    ``pseudonym`` names the reader in everything that leaves the project. ``software`` is a model's name and version.
    """

    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="readers")
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="reading_memberships")
    pseudonym = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=[(one.value, one.value) for one in ReaderKind])
    duty = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Duty])
    method = models.CharField(max_length=32)
    software = models.CharField(max_length=200, blank=True, default="")
    is_active = models.BooleanField(default=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["project", "user", "duty"], name="annotation_reader_once"),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="annotation_pseudonym_once"),
        ]


class Absence(models.Model):
    """Days on which a reader gets no new work; both ends belong to it."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="absences")
    first_day = models.DateField()
    last_day = models.DateField()

    class Meta:
        """Table options."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(last_day__gte=models.F("first_day")), name="annotation_absence_forward"
            )
        ]


class Case(models.Model):
    """One study of a project.

    ``study`` is empty for reads of the past whose images are not here. ``reference`` is the answer of a training case.
    While ``is_suspended`` nobody sees its images: curation has taken the study back.
    """

    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="cases")
    key = models.CharField(max_length=24, unique=True, default=new_key)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="reading_cases")
    study_instance_uid = models.CharField(max_length=64)
    phase = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Phase])
    state = models.CharField(
        max_length=12, choices=[(one.value, one.value) for one in CaseState], default=CaseState.READING
    )
    reference = models.JSONField(null=True)
    is_suspended = models.BooleanField(default=False)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["project", "study_instance_uid"], name="annotation_case_once"),
        ]
        indexes = [models.Index(fields=["project", "state", "id"], name="annotation_case_state")]


class CaseInstance(models.Model):
    """An image that belongs to a case, as frozen when the project was made; a trigger refuses every change.

    A prior belongs to an earlier study of the same subject and is shown only where the project allows it.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="members")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="reading_members")
    is_prior = models.BooleanField(default=False)

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["case", "instance"], name="annotation_case_instance_once")]
