"""Tables of the releases room: versions, what is in them, their files, and who is never released."""

from django.db import models

from radcommons.server.archive.models import Instance, Subject
from radcommons.server.catalog.models import Cohort
from radcommons.server.platform.models import User


class ReleaseState(models.TextChoices):
    """How far a version has come. Nothing of its content changes once it is published."""

    DRAFT = "draft"
    CHECKED = "checked"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class ReleaseAccess(models.TextChoices):
    """Who may read what is in a version: everybody, or those who agreed to its terms and were granted access."""

    OPEN = "open"
    RESTRICTED = "restricted"


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
    access = models.CharField(max_length=10, choices=ReleaseAccess.choices, default=ReleaseAccess.OPEN)
    # Of a restricted version; both stay when it is opened.
    terms = models.TextField(blank=True, default="")
    terms_sha256 = models.CharField(max_length=64, blank=True, default="")
    opened_at = models.DateTimeField(null=True)
    opened_by = models.CharField(max_length=200, blank=True, default="")
    opening_reason = models.TextField(blank=True, default="")
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
            models.CheckConstraint(
                condition=models.Q(access__in=[access.value for access in ReleaseAccess]), name="releases_access"
            ),
            models.CheckConstraint(
                condition=models.Q(access="open") | (~models.Q(terms="") & ~models.Q(terms_sha256="")),
                name="releases_restricted_has_terms",
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


class ReleaseReader(models.Model):
    """Somebody who was granted the restricted versions of a data set that stand under the same terms.

    ``until`` is the last day of it. A grant is never deleted and never lengthened: it ends, is revoked, or another one is made.
    """

    slug = models.CharField(max_length=63)
    terms_sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="readable_data_sets")
    until = models.DateField()
    granted_at = models.DateTimeField(auto_now_add=True)
    granted_by = models.CharField(max_length=200)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=200, blank=True, default="")
    revocation_reason = models.TextField(blank=True, default="")

    class Meta:
        """Table options."""

        ordering = ["-granted_at"]
        indexes = [models.Index(fields=["user", "slug"], name="releases_reader_of_user")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True) | ~models.Q(revocation_reason=""),
                name="releases_revoked_has_reason",
            ),
        ]
