"""Tables of publishing: what of a project was handed to the archive as DICOM objects, and of what it was made."""

from django.db import models

from radcommons.server.annotation.models.projects import Case, ReadingProject
from radcommons.server.annotation.rules.publishing import PublicationState, ReadingState


class Publication(models.Model):
    """One time that a project manager published a project.

    ``left_out`` says of every read and every case that is not in it why; ``software_version`` is the program's that wrote
    the objects, so that going on after a crash writes what was begun.
    """

    project = models.ForeignKey(ReadingProject, on_delete=models.PROTECT, related_name="publications")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in PublicationState])
    software_version = models.CharField(max_length=64)
    left_out = models.JSONField(default=list)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="annotation_publication_once"),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state=PublicationState.WORKING.value),
                name="annotation_one_publication_at_work",
            ),
        ]


class PublishedReading(models.Model):
    """One reading of one case, a reader's or the consensus, that is or is to be published.

    ``reading_sha256`` names it: the same reading is published once, whatever is asked again. ``inputs`` are the digests of
    the submissions that a consensus was made from. ``table_rows`` is the reading as release tables show it, ``midrc`` its
    record of MIDRC's dictionary.
    """

    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="readings")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="published_readings")
    reader = models.CharField(max_length=64)
    is_consensus = models.BooleanField()
    method = models.CharField(max_length=32)
    reading_sha256 = models.CharField(max_length=64)
    inputs = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=[(one.value, one.value) for one in ReadingState])
    reason = models.CharField(max_length=100, blank=True, default="")
    findings = models.JSONField(default=list)
    table_rows = models.JSONField(default=list)
    midrc = models.JSONField(null=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["case", "reading_sha256"], name="annotation_published_reading_once"),
        ]
        indexes = [models.Index(fields=["publication", "state"], name="annotation_published_progress")]


class PublishedObject(models.Model):
    """One DICOM object made of a reading, as it was handed to intake; a trigger refuses every change."""

    reading = models.ForeignKey(PublishedReading, on_delete=models.PROTECT, related_name="objects_made")
    kind = models.CharField(max_length=8)
    source_series_instance_uid = models.CharField(max_length=64, blank=True, default="")
    series_instance_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
