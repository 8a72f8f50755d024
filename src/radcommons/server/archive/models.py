"""Tables of the archive: what was received, level by level, with its DICOM JSON and frame table."""

from django.db import models

from radcommons.server.sites.models import Site


class Subject(models.Model):
    """A person in research, known by a pseudonym that only the hospital can resolve."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="subjects")
    project = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["site", "project", "subject_id"], name="archive_subject_once"),
        ]
        indexes = [models.Index(fields=["subject_id"], name="archive_subject_id")]


class Study(models.Model):
    """A study; ``study_json`` holds its patient and study attributes, packed (see :mod:`.metadata`)."""

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="studies")
    study_instance_uid = models.CharField(max_length=64, unique=True)
    study_date = models.DateField(null=True)
    study_time = models.CharField(max_length=16, blank=True, default="")
    study_id = models.CharField(max_length=64, blank=True, default="")
    accession_number = models.CharField(max_length=64, blank=True, default="")
    study_description = models.CharField(max_length=256, blank=True, default="")
    patient_name = models.CharField(max_length=324, blank=True, default="")
    patient_sex = models.CharField(max_length=16, blank=True, default="")
    patient_age_years = models.FloatField(null=True)
    study_json = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        verbose_name_plural = "studies"
        indexes = [
            models.Index(
                models.F("study_date").desc(nulls_last=True), "study_instance_uid", name="archive_study_newest"
            ),
        ]


class Series(models.Model):
    """A series; ``series_json`` holds its series and equipment attributes, packed."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    series_instance_uid = models.CharField(max_length=64, unique=True)
    modality = models.CharField(max_length=16, blank=True, default="", db_index=True)
    body_part_examined = models.CharField(max_length=64, blank=True, default="")
    manufacturer = models.CharField(max_length=256, blank=True, default="")
    manufacturer_model_name = models.CharField(max_length=256, blank=True, default="")
    series_description = models.CharField(max_length=256, blank=True, default="")
    protocol_name = models.CharField(max_length=256, blank=True, default="")
    series_number = models.BigIntegerField(null=True)
    slice_thickness_mm = models.FloatField(null=True)
    performed_date = models.DateField(null=True)
    performed_time = models.CharField(max_length=16, blank=True, default="")
    series_json = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        verbose_name_plural = "series"


class InstanceState(models.TextChoices):
    """How far the two steps of storing have come."""

    STORING = "storing"
    STORED = "stored"


class Instance(models.Model):
    """One SOP instance: where its bytes are, what they say, and where each frame lies in them.

    ``frames`` is the table that :func:`.rules.frame_table` makes; empty when frames cannot be cut out without decoding.
    ``dicom_json`` is the packed PS3.18 F.2 object of the instance. ``pixel_text`` is what its site knew of writing in
    the pixels when it sent it; empty when nobody said.
    """

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sop_class_uid = models.CharField(max_length=64, db_index=True)
    transfer_syntax_uid = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.BigIntegerField()
    instance_number = models.BigIntegerField(null=True)
    number_of_frames = models.PositiveIntegerField(default=1)
    rows = models.PositiveIntegerField(null=True)
    columns = models.PositiveIntegerField(null=True)
    bits_allocated = models.PositiveSmallIntegerField(null=True)
    is_image = models.BooleanField(default=False)
    pixel_offset = models.BigIntegerField(null=True)
    pixel_length = models.BigIntegerField(null=True)
    pixel_text = models.CharField(max_length=16, blank=True, default="")
    frames = models.JSONField(default=list)
    dicom_json = models.BinaryField()
    state = models.CharField(max_length=8, choices=InstanceState.choices, default=InstanceState.STORING)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in InstanceState]), name="archive_instance_state"
            ),
            models.CheckConstraint(condition=models.Q(size_bytes__gt=0), name="archive_instance_has_bytes"),
        ]
        indexes = [
            models.Index(
                models.F("series"),
                models.F("instance_number").asc(nulls_last=True),
                models.F("sop_instance_uid"),
                name="archive_instance_order",
            ),
            models.Index(
                fields=["created_at"], name="archive_instance_unfinished", condition=models.Q(state="storing")
            ),
        ]


class PackedSeries(models.Model):
    """The instances of a series that never change, made ready to be served: their rows, search results and metadata.

    Named by what is in it, so that versions of a data set that share a series share this too. Addresses are relative;
    the root under which they exist is filled in when they are served (see :mod:`.shelving`).
    """

    digest = models.CharField(max_length=64, unique=True)
    instances = models.PositiveIntegerField()
    size_bytes = models.BigIntegerField()
    rows = models.BinaryField()
    listing = models.BinaryField()
    metadata = models.BinaryField()


class Shelf(models.Model):
    """A set of instances that never changes, ready to be served; named like its scope."""

    name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Table options."""

        verbose_name_plural = "shelves"


class ShelfStudy(models.Model):
    """A study on a shelf; ``answer`` is its search result, counted over the shelf."""

    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="studies")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    answer = models.BinaryField()

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["shelf", "study"], name="archive_shelf_study_once")]


class ShelfSeries(models.Model):
    """A series on a shelf; without ``packed`` it is too large to be held in memory and is read from the tables."""

    shelf_study = models.ForeignKey(ShelfStudy, on_delete=models.CASCADE, related_name="series")
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="series")
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="+")
    packed = models.ForeignKey(PackedSeries, null=True, on_delete=models.PROTECT, related_name="+")
    answer = models.BinaryField()

    class Meta:
        """Table options."""

        constraints = [models.UniqueConstraint(fields=["shelf", "series"], name="archive_shelf_series_once")]
