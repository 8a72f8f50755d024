"""The Django application of curation."""

from django.apps import AppConfig


class CurationConfig(AppConfig):
    """Checks, cases and decisions."""

    name = "radcommons.server.curation"
    label = "curation"
    default_auto_field = "django.db.models.BigAutoField"
