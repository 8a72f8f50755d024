"""Tables of the access room: how much was downloaded."""

from django.db import models

from radcommons.server.releases.models import Release


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
