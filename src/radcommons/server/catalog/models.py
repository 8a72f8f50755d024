"""Tables of the catalog: one row a series of a cleared study, and cohorts that never change."""

from django.db import models

from radcommons.server.archive.models import Instance, Series, Study, Subject


class CatalogSeries(models.Model):
    """A series of a cleared study, as the facets count it; a copy that can always be made again."""

    series = models.OneToOneField(Series, on_delete=models.PROTECT, related_name="catalog_entry")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="catalog_entries")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="catalog_entries")
    collection = models.CharField(max_length=64)
    site = models.CharField(max_length=32)
    modality = models.CharField(max_length=16, blank=True, default="")
    body_part = models.CharField(max_length=64, blank=True, default="")
    sex = models.CharField(max_length=16, blank=True, default="")
    age_group = models.CharField(max_length=16, blank=True, default="")
    manufacturer = models.CharField(max_length=256, blank=True, default="")
    covid19_status = models.CharField(max_length=16, blank=True, default="")
    instance_count = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    catalogued_at = models.DateTimeField()

    class Meta:
        """Table options."""

        verbose_name_plural = "catalog series"
        indexes = [
            models.Index(fields=["collection", "site", "modality"], name="catalog_series_main"),
            models.Index(fields=["study"], name="catalog_series_study"),
        ]


class Cohort(models.Model):
    """A list of instances frozen under a name; what a release is drafted from.

    ``query`` is the question that was asked, ``digest`` the SHA-256 over the sorted lines
    ``<SOP Instance UID> <SHA-256 of the bytes>``, so that anybody can check that the list is the same.
    """

    name = models.CharField(max_length=100, unique=True)
    query = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    subject_count = models.PositiveIntegerField()
    study_count = models.PositiveIntegerField()
    series_count = models.PositiveIntegerField()
    instance_count = models.PositiveIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    frozen_by = models.CharField(max_length=200)
    frozen_at = models.DateTimeField()

    class Meta:
        """Table options."""

        ordering = ["-frozen_at", "-id"]


class CohortInstance(models.Model):
    """An instance in a cohort; rows are added once, with the cohort, and a trigger refuses every later change."""

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="members")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="cohort_members")

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["cohort", "instance"], name="catalog_cohort_instance_once")]
