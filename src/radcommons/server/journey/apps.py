"""The Django application of the journey room."""

from django.apps import AppConfig


class JourneyConfig(AppConfig):
    """The journey room."""

    name = "radcommons.server.journey"
    label = "journey"
    default_auto_field = "django.db.models.BigAutoField"
