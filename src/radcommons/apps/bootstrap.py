"""Making Django ready: the one place that names the settings module."""

import os
from pathlib import Path

import django
from django.core.management import call_command

SETTINGS_MODULE = "radcommons.apps.django_settings"


def setup(data_dir: Path | None = None, *, database_url: str | None = None) -> None:
    """Prepare this process to use the server's rooms.

    Parameters
    ----------
    data_dir, database_url
        Override the environment; what a command was told on its line.
    """
    if data_dir is not None:
        os.environ["RADCOMMONS_DATA"] = str(data_dir)
    if database_url is not None:
        os.environ["RADCOMMONS_DATABASE_URL"] = database_url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    django.setup()


def migrate() -> None:
    """Bring the database's schema to this version's."""
    call_command("migrate", interactive=False, verbosity=0)
