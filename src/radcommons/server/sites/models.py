"""Tables of the sites room: surveys, sites, agreement texts, agreements, contributor keys."""

from django.db import models


class Site(models.Model):
    """A hospital, or a group of them, that contributes under one code."""

    code = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        ordering = ["code"]


class Survey(models.Model):
    """What an institution told about itself before it became a site."""

    organisation = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    contact_name = models.CharField(max_length=200)
    contact_role = models.CharField(max_length=200, blank=True, default="")
    contact_email = models.EmailField()
    modalities = models.JSONField(default=list)
    studies_available = models.CharField(max_length=20)
    positive_studies = models.CharField(max_length=20)
    period = models.CharField(max_length=200, blank=True, default="")
    clinical_data = models.JSONField(default=list)
    annotations = models.CharField(max_length=40)
    legal_basis = models.CharField(max_length=40)
    legal_notes = models.TextField(blank=True, default="")
    comments = models.TextField(blank=True, default="")
    submitted_at = models.DateTimeField(auto_now_add=True)
    site = models.ForeignKey(Site, null=True, on_delete=models.SET_NULL, related_name="surveys")

    class Meta:
        """Table options."""

        ordering = ["-submitted_at", "-id"]


class AgreementText(models.Model):
    """One version of the text that sites sign; never changed, only followed by another."""

    version = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    is_template = models.BooleanField(default=False)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        ordering = ["-published_at", "-id"]


class Agreement(models.Model):
    """A signed data sharing agreement: who, when, for which project, under which licence, until when."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="agreements")
    text = models.ForeignKey(AgreementText, on_delete=models.PROTECT, related_name="agreements")
    project = models.CharField(max_length=64)
    licence = models.CharField(max_length=40)
    signatory_name = models.CharField(max_length=200)
    signatory_title = models.CharField(max_length=200)
    signed_on = models.DateField()
    ends_on = models.DateField(null=True)
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.CharField(max_length=200)
    revoked_at = models.DateTimeField(null=True)
    revocation_reason = models.TextField(blank=True, default="")

    class Meta:
        """Table options."""

        ordering = ["-signed_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on=None) | models.Q(ends_on__gte=models.F("signed_on")),
                name="sites_agreement_ends_after_it_starts",
            ),
        ]


class ContributorKey(models.Model):
    """A hospital's key for sending; the secret is shown once and only its digest kept."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="contributor_keys")
    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        ordering = ["-created_at", "-id"]
