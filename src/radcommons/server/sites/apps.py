"""The Django application of the sites room."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    """The sites room."""

    name = "radcommons.server.sites"
    label = "sites"
    default_auto_field = "django.db.models.BigAutoField"
