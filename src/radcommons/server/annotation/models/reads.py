"""Tables of reads: tasks, their revisions, what was drawn, the answers as numbers are made of them."""

from django.db import models
from django.db.models import Q

from radcommons.server.annotation.models.projects import Case, Reader, ReadingProject, new_key
from radcommons.server.annotation.models.schemas import LabelSchema
from radcommons.server.annotation.rules.states import Phase, TaskState


class Task(models.Model):
    """One read that somebody owes: a case, a reader, and the how-manieth time.

    ``occasion`` 2 is the hidden repeat of the first read, open from ``available_at``. The lease says which window may
    write; it lies here and not in a page, so that two windows, or two machines, never write over each other.
    """

    key = models.CharField(max_length=24, unique=True, default=new_key)
    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="tasks")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tasks")
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="tasks")
    occasion = models.PositiveSmallIntegerField(default=1)
    phase = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Phase])
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in TaskState])
    assigned_at = models.DateTimeField()
    available_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(null=True)
    active_seconds = models.FloatField(default=0.0)
    lease_window = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    revision_count = models.PositiveIntegerField(default=0)
    submission = models.ForeignKey("Revision", on_delete=models.PROTECT, null=True, related_name="+")
    return_reason = models.TextField(blank=True, default="")
    proposals = models.JSONField(default=list)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "reader", "occasion"],
                condition=~Q(state=TaskState.REVOKED.value),
                name="annotation_task_once",
            ),
            models.CheckConstraint(
                condition=Q(submission=None) | ~Q(state__in=[TaskState.ASSIGNED.value, TaskState.OPENED.value]),
                name="annotation_task_submission",
            ),
        ]
        indexes = [
            models.Index(fields=["reader", "position"], name="annotation_task_list"),
            models.Index(fields=["project", "state"], name="annotation_task_progress"),
        ]

    @property
    def active_minutes(self) -> float:
        """Time with focus and input, in minutes."""
        return self.active_seconds / 60


class Revision(models.Model):
    """What a reader had written at one moment; never changed.

    ``body`` is the read with its shapes named by digest, ``sha256`` the digest of the whole canonical read. A window
    numbers what it sends, so that sending again after a lost answer writes nothing twice.
    """

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    window = models.CharField(max_length=64)
    client_revision = models.PositiveIntegerField()
    is_submission = models.BooleanField(default=False)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    body = models.JSONField()
    sha256 = models.CharField(max_length=64)
    active_seconds = models.FloatField(default=0.0)
    software = models.CharField(max_length=200, blank=True, default="")
    saved_at = models.DateTimeField()

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="annotation_revision_once"),
            models.UniqueConstraint(fields=["task", "window", "client_revision"], name="annotation_revision_sent_once"),
        ]


class Shape(models.Model):
    """Something drawn in a task, once, however many revisions show it; never changed."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="shapes")
    sha256 = models.CharField(max_length=64)
    body = models.TextField()

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["task", "sha256"], name="annotation_shape_once")]


class Answer(models.Model):
    """One answer of a submission to one question, as agreement is computed from it; made again at every submission."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="answers")
    question = models.CharField(max_length=200)
    value = models.CharField(max_length=200)
    number = models.FloatField(null=True)

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["task", "question"], name="annotation_answer_once")]


class ImportedDocument(models.Model):
    """A document of reads of the past as it came, so that it can be given back byte by byte."""

    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="documents")
    format = models.CharField(max_length=16)
    sha256 = models.CharField(max_length=64)
    body = models.BinaryField()
    findings = models.JSONField(default=list)
    imported_by = models.CharField(max_length=200)
    imported_at = models.DateTimeField()
