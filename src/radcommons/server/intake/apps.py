"""The Django application of the intake room."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """The intake room."""

    name = "radcommons.server.intake"
    label = "intake"
    default_auto_field = "django.db.models.BigAutoField"
