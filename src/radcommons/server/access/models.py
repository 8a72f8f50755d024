"""Tables of the access room: how much was downloaded, and who asked to read what is restricted."""

from django.db import models

from radcommons.server.platform.models import User
from radcommons.server.releases.models import Release, ReleaseReader


class DownloadDay(models.Model):
    """Downloads of a version on one day by one account, or by everybody without one; nothing else of a person."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="download_days")
    day = models.DateField()
    # The account's number, not a key: an account may go, the count stays. 0 means not signed in.
    user_id = models.BigIntegerField(default=0)
    files = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["release", "day", "user_id"], name="access_day_once")]


class RequestState(models.TextChoices):
    """What has become of a request."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"


class AccessRequest(models.Model):
    """Somebody asks to read a restricted version, and agrees to its terms.

    The terms are those of the version, which never change; the digest says that the person saw just these.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="access_requests")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="access_requests")
    full_name = models.CharField(max_length=200)
    institution = models.CharField(max_length=200)
    purpose = models.TextField()
    terms_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=200, blank=True, default="")
    refusal_reason = models.TextField(blank=True, default="")
    grant = models.OneToOneField(ReleaseReader, null=True, on_delete=models.PROTECT, related_name="request")

    class Meta:
        """Table options."""

        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "release"], condition=models.Q(state="waiting"), name="access_one_waiting_request"
            ),
            models.CheckConstraint(
                condition=models.Q(state="waiting") | models.Q(decided_at__isnull=False), name="access_decided_when"
            ),
            models.CheckConstraint(
                condition=models.Q(state="approved", grant__isnull=False)
                | (~models.Q(state="approved") & models.Q(grant__isnull=True)),
                name="access_approved_has_grant",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="refused") | ~models.Q(refusal_reason=""), name="access_refused_has_reason"
            ),
        ]
