"""The Django application of the access room."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Scopes of releases, downloads, the public API."""

    name = "radcommons.server.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"
