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
            models.Index(fields=["accession_number"], name="archive_study_accession"),
        ]


class Series(models.Model):
    """A series; ``series_json`` holds its series and equipment attributes, packed."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series", db_index=False)
    series_instance_uid = models.CharField(max_length=64, unique=True)
    modality = models.CharField(max_length=16, blank=True, default="")
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
        indexes = [
            models.Index(fields=["study", "id"], name="archive_series_of_study"),
            models.Index(fields=["modality", "study"], name="archive_series_modality"),
        ]


class InstanceState(models.TextChoices):
    """How far the two steps of storing have come, and what became of the bytes since.

    A *damaged* instance is shown by no scope until the same bytes are received again; of a *purged* one only its name and
    digest are left, where a version that was withdrawn still names it.
    """

    STORING = "storing"
    STORED = "stored"
    DAMAGED = "damaged"
    PURGED = "purged"


class SeriesVersion(models.Model):
    """A series as published versions hold it, under a prefix of its own in the object store.

    ``name`` is the short form of the hash tree over its instances' digests; ``members`` holds these, 32 bytes each.
    """

    name = models.CharField(max_length=32, unique=True)
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="versions")
    members = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)


class Instance(models.Model):
    """One SOP instance: where its bytes are, what they say, and where each frame lies in them.

    ``frames`` is the table that :func:`.rules.frame_table` makes; empty when frames cannot be cut out without decoding.
    ``dicom_json`` is the packed PS3.18 F.2 object of the instance. ``pixel_text`` is what its site knew of writing in
    the pixels when it sent it; empty when nobody said. ``placed_in`` is the series version below whose prefix the bytes lie,
    where the object store has only one name for them.
    """

    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="instances", db_index=False)
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sop_class_uid = models.CharField(max_length=64, db_index=True)
    transfer_syntax_uid = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, db_index=True)
    # For those who compare by older digests: NBIA's clients, S3, ZIP; empty until somebody asks (services.older_digests).
    md5 = models.CharField(max_length=32, blank=True, default="")
    crc32 = models.BigIntegerField(null=True)
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
    placed_in = models.ForeignKey(SeriesVersion, null=True, on_delete=models.PROTECT, related_name="+")
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
            models.Index(fields=["series"], name="archive_instance_stored", condition=models.Q(state="stored")),
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


class ShelfSearch(models.Model):
    """What the studies of a shelf are searched by, packed (see :mod:`.dicomweb.shelf_index`)."""

    shelf = models.OneToOneField(Shelf, on_delete=models.CASCADE, related_name="search")
    packed = models.BinaryField()


class ShelfStudy(models.Model):
    """A study on a shelf; ``answer`` is its search result, counted over the shelf.

    ``place`` counts the studies in the order of results, from 0; it is not known on shelves that older programs made.
    """

    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, related_name="studies")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    place = models.PositiveIntegerField(null=True)
    answer = models.BinaryField()

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["shelf", "study"], name="archive_shelf_study_once"),
            models.UniqueConstraint(fields=["shelf", "place"], name="archive_shelf_place_once"),
        ]


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


class VerificationRun(models.Model):
    """One look at every object, or at a part of them; one that was interrupted goes on at ``cursor``.

    ``first`` and ``fraction`` say which part of the digests is looked at: a window that begins at ``first`` and goes round.
    """

    first = models.CharField(max_length=64)
    fraction = models.FloatField()
    cursor = models.CharField(max_length=64, blank=True, default="")
    checked = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    findings = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(
                fields=["fraction"], condition=models.Q(finished_at=None), name="archive_one_run_under_way"
            ),
        ]


class DamagedObject(models.Model):
    """An object whose bytes are gone or not what its name says; ``mended_at`` when they were received again."""

    sha256 = models.CharField(max_length=64)
    is_missing = models.BooleanField()
    found_at = models.DateTimeField(auto_now_add=True)
    mended_at = models.DateTimeField(null=True)

    class Meta:
        """Table options."""

        constraints = [
            models.UniqueConstraint(fields=["sha256"], condition=models.Q(mended_at=None), name="archive_damaged_once"),
        ]


class Purge(models.Model):
    """Bytes removed for good: the signed tombstone, which names them by their digests."""

    plan_sha256 = models.CharField(max_length=64, unique=True)
    reason = models.TextField()
    instances = models.PositiveBigIntegerField()
    size_bytes = models.PositiveBigIntegerField()
    tombstone = models.BinaryField()
    applied_by = models.CharField(max_length=200)
    applied_at = models.DateTimeField(auto_now_add=True)


class PurgedObject(models.Model):
    """A digest that was purged: the same bytes are not taken again."""

    purge = models.ForeignKey(Purge, on_delete=models.PROTECT, related_name="removed")
    series = models.ForeignKey(Series, null=True, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64, unique=True)
