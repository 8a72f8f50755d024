"""The Django application of the platform."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Accounts, audit, outbox and the rest of what every room stands on."""

    name = "radcommons.server.platform"
    label = "platform"
    default_auto_field = "django.db.models.BigAutoField"
