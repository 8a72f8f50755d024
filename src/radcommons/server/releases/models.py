"""Tables of the releases room: versions, what is in them, their files, and who is never released."""

from django.db import models

from radcommons.server.archive.models import Instance, Subject
from radcommons.server.catalog.models import Cohort


class ReleaseState(models.TextChoices):
    """How far a version has come. Nothing of its content changes once it is published."""

    DRAFT = "draft"
    CHECKED = "checked"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Release(models.Model):
    """One version of a data set."""

    slug = models.CharField(max_length=63)
    version = models.CharField(max_length=20)
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    patch = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    changes = models.TextField(blank=True, default="")
    licence = models.CharField(max_length=40)
    creators = models.JSONField(default=list)
    publisher = models.CharField(max_length=200)
    doi = models.CharField(max_length=200, blank=True, default="")
    cohort = models.ForeignKey(Cohort, null=True, on_delete=models.PROTECT, related_name="releases")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    state = models.CharField(max_length=10, choices=ReleaseState.choices, default=ReleaseState.DRAFT)
    subjects = models.PositiveBigIntegerField(default=0)
    studies = models.PositiveBigIntegerField(default=0)
    series = models.PositiveBigIntegerField(default=0)
    instances = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    findings = models.JSONField(default=list)
    checked_at = models.DateTimeField(null=True)
    root_hash = models.CharField(max_length=64, blank=True, default="")
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    published_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=200, blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.TextField(blank=True, default="")

    class Meta:
        """Table options."""

        ordering = ["slug", "-major", "-minor", "-patch"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="releases_version_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in ReleaseState]), name="releases_state"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["published", "withdrawn"])
                | (models.Q(published_at__isnull=False) & ~models.Q(root_hash="")),
                name="releases_published_has_root",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="withdrawn") | ~models.Q(withdrawal_reason=""),
                name="releases_withdrawn_has_reason",
            ),
        ]


class ReleaseInstance(models.Model):
    """An instance in a version, with the salt of its leaf in the hash tree."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="members")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="release_members")
    leaf_salt = models.BinaryField(max_length=32)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["release", "instance"], name="releases_instance_once"),
        ]


class ReleaseFile(models.Model):
    """A file of the signed core of a version, in the object store."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=100)
    object_key = models.CharField(max_length=400)

    class Meta:
        """Table options."""

        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["release", "path"], name="releases_file_once")]


class SequesteredSubject(models.Model):
    """A person held back for good, for example for the testing of models. An assignment is never changed."""

    subject = models.OneToOneField(Subject, on_delete=models.PROTECT, related_name="sequestration")
    reason = models.TextField()
    assigned_by = models.CharField(max_length=200)
    assigned_at = models.DateTimeField(auto_now_add=True)
