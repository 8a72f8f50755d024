"""The Django application of the clinical room."""

from django.apps import AppConfig


class ClinicalConfig(AppConfig):
    """The clinical room."""

    name = "radcommons.server.clinical"
    label = "clinical"
    default_auto_field = "django.db.models.BigAutoField"
