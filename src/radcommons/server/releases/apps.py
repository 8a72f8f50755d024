"""The Django application of the releases room."""

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    """Drafts, immutable versions, manifests, tombstones."""

    name = "radcommons.server.releases"
    label = "releases"
    default_auto_field = "django.db.models.BigAutoField"
