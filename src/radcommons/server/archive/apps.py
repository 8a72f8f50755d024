"""The Django application of the archive."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    """Subjects, studies, series, instances and DICOMweb."""

    name = "radcommons.server.archive"
    label = "archive"
    default_auto_field = "django.db.models.BigAutoField"
