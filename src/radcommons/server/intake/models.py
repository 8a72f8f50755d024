"""Tables of the intake room: batches and who signed them, their parts, what was held back and why, accepted profiles."""

from django.db import models

from radcommons.server.sites.models import Agreement, Site


class BatchState(models.TextChoices):
    """How far a batch has come."""

    RECEIVING = "receiving"
    HELD = "held"
    SEALED = "sealed"
    VERIFIED = "verified"
    REFUSED = "refused"


class Door(models.TextChoices):
    """How a batch comes.

    Sealed by the hospital's program; instance by instance over STOW-RS within one day; or made by this centre itself of
    what the site had sent, as expert annotations are.
    """

    SEALED = "sealed"
    DIRECT = "direct"
    DERIVED = "derived"


class PartState(models.TextChoices):
    """How far one file of a batch has come."""

    MISSING = "missing"
    STAGED = "staged"
    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"


class SigningKey(models.Model):
    """A key by which a site vouches for its batches; the first one is trusted, every other waits for a person."""

    class Trust(models.TextChoices):
        """Whether batches signed with it are taken."""

        WAITING = "waiting"
        TRUSTED = "trusted"
        REFUSED = "refused"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="signing_keys")
    fingerprint = models.CharField(max_length=64)
    public_key = models.TextField()
    trust = models.CharField(max_length=8, choices=Trust.choices)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        """Table options."""

        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["site", "fingerprint"], name="intake_signing_key_once")]

    @property
    def shown_fingerprint(self) -> str:
        """The fingerprint in groups of eight, as it is read out over the telephone."""
        return " ".join(self.fingerprint[start : start + 8] for start in range(0, len(self.fingerprint), 8))


class AcceptedProfile(models.Model):
    """A de-identification profile that does not come with this software and that the centre accepts all the same."""

    name = models.CharField(max_length=256)
    version = models.CharField(max_length=256)
    sha256 = models.CharField(max_length=64)
    # What manifests of engines before 7 call it, where it was accepted then.
    earlier_sha256 = models.CharField(max_length=64, blank=True, default="")
    project = models.CharField(max_length=64)
    content = models.TextField()
    accepted_by = models.CharField(max_length=200)
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        ordering = ["project", "name", "version"]
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="intake_profile_once")]


class Batch(models.Model):
    """One sending of a site, named by the digest of its manifest; what is stored directly has no manifest but a day."""

    door = models.CharField(max_length=8, choices=Door.choices, default=Door.SEALED)
    batch_id = models.CharField(max_length=64, unique=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="batches")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="batches")
    project = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.RECEIVING)
    profile_name = models.CharField(max_length=256)
    profile_version = models.CharField(max_length=256)
    profile_sha256 = models.CharField(max_length=64)
    software = models.CharField(max_length=520)
    report_sha256 = models.CharField(max_length=64)
    reviewed_by = models.CharField(max_length=256)
    # The signed statement of what de-identification did, once the batch is sealed; numbers and attribute names only.
    summary = models.JSONField(default=dict)
    summary_sha256 = models.CharField(max_length=64, blank=True, default="")
    signing_key = models.ForeignKey(SigningKey, null=True, on_delete=models.PROTECT, related_name="batches")
    size_bytes = models.BigIntegerField()
    opened_at = models.DateTimeField(auto_now_add=True)
    sealed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # When its jobs were last put into the queue: a sealed batch whose jobs were lost is found by it.
    deferred_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        verbose_name_plural = "batches"
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in BatchState]), name="intake_batch_state"
            ),
        ]


class BatchPart(models.Model):
    """One file of a batch, as its manifest announces it, and what became of it.

    ``release`` says in which role, when and why a person at the site let an object go that no program can clean.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="parts")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    study_instance_uid = models.CharField(max_length=64, db_index=True)
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64, db_index=True)
    sop_class_uid = models.CharField(max_length=64)
    pixel_text = models.CharField(max_length=16)
    pixel_text_approved_by = models.CharField(max_length=200, blank=True, default="")
    texts_approved_by = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=12, choices=PartState.choices, default=PartState.MISSING)
    release = models.JSONField(default=dict)
    is_announced = models.BooleanField(default=False)
    findings = models.JSONField(default=list)

    class Meta:
        """Table options."""

        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "sha256"], name="intake_part_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in PartState]), name="intake_part_state"
            ),
        ]
        indexes = [models.Index(fields=["batch", "state"], name="intake_part_by_state")]


class QuarantinedInstance(models.Model):
    """A file held back: never in the archive, its bytes aside until a curator decides.

    ``number_of_frames`` says how many pictures there are to look at; 0 when the file could not be described.
    """

    class Decision(models.TextChoices):
        """What a curator decided."""

        WAITING = "waiting"
        RELEASED = "released"
        RETRIED = "retried"
        DISCARDED = "discarded"

    part = models.ForeignKey(BatchPart, on_delete=models.CASCADE, related_name="quarantined")
    findings = models.JSONField(default=list)
    modality = models.CharField(max_length=16, blank=True, default="")
    number_of_frames = models.PositiveIntegerField(default=0)
    quarantined_at = models.DateTimeField(auto_now_add=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.WAITING)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        """Table options."""

        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["part"], condition=models.Q(decision="waiting"), name="intake_one_open_quarantine_a_part"
            ),
        ]


class StatedSubject(models.Model):
    """What a site states about a subject in a manifest; handed on as facts when the batch is verified."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="stated_subjects")
    subject_id = models.CharField(max_length=64)
    covid19_status = models.CharField(max_length=10)

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["batch", "subject_id"], name="intake_subject_once")]


class StudyProgress(models.Model):
    """How far a study has come at the centre, as its site is told; written by the journey's verb, room by room."""

    study_instance_uid = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=20)
    reason = models.TextField(blank=True, default="")
    since = models.DateTimeField()

    class Meta:
        """Table options."""

        verbose_name_plural = "study progress"
