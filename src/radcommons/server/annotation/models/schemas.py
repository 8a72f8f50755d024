"""The tables of label schemas and of the pictures that explain them."""

from django.db import models


class LabelSchema(models.Model):
    """One version of a label schema.

    ``definition`` is the canonical JSON of :class:`radcommons.transfer.annotation.schema.LabelSchema`, ``digest`` its
    SHA-256. Once a project uses it a trigger refuses every change; the next version says in ``mapping`` what became of
    each label of the version before (:class:`radcommons.transfer.annotation.versions.SchemaMapping`).
    """

    name = models.SlugField(max_length=64)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    definition = models.JSONField()
    digest = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    is_used = models.BooleanField(default=False)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["name", "version"], name="annotation_schema_version_once")]
        ordering = ["name", "-version"]


class ExamplePicture(models.Model):
    """A picture that shows readers what a label means; named by its own digest, so it never changes."""

    sha256 = models.CharField(max_length=64, unique=True)
    media_type = models.CharField(max_length=16)
    body = models.BinaryField()
    added_by = models.CharField(max_length=200)
    added_at = models.DateTimeField()
