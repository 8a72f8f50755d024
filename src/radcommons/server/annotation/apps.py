"""The Django application of annotation."""

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    """Label schemas, reading projects, reads, adjudication."""

    name = "radcommons.server.annotation"
    label = "annotation"
    default_auto_field = "django.db.models.BigAutoField"
