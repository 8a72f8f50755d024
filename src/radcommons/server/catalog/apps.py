"""The Django application of the catalog."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Facets and cohorts."""

    name = "radcommons.server.catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"
