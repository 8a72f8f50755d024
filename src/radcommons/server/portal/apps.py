"""The portal as a Django application."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the layout's templates, template tags and static files."""

    name = "radcommons.server.portal"
    label = "portal"
    verbose_name = "Portal"
