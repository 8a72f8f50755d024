"""Tables of files that a manager has sent and not yet taken in."""

from django.db import models

from radcommons.server.annotation.models.projects import ReadingProject, new_key
from radcommons.server.annotation.rules.uploads import UploadState
from radcommons.server.platform.models import User


class Upload(models.Model):
    """A document with reads of the past, or results of an algorithm for a project, between sending and taking in.

    ``wish`` is what was asked for in the form, ``account`` what the files hold as it would come in, ``message`` why they do
    not. Files are kept until they are taken in or discarded, at most for some days.
    """

    key = models.CharField(max_length=24, unique=True, default=new_key)
    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, null=True, related_name="uploads")
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in UploadState])
    wish = models.JSONField(default=dict)
    account = models.JSONField(default=dict)
    message = models.TextField(blank=True, default="")
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="annotation_uploads")
    sent_at = models.DateTimeField()

    class Meta:
        """Table options."""

        ordering = ["-sent_at"]

    @property
    def name(self) -> str:
        """What people call it: the title of a document, the program of results."""
        return str(self.wish.get("title") or self.wish.get("software", ""))


class UploadedFile(models.Model):
    """One file of an upload, as it came."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    body = models.BinaryField()

    class Meta:
        """Table options."""

        ordering = ["pk"]
