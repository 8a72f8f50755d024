from collections.abc import Callable

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from radcommons.server.platform.sealing import seal, unseal


def _each(apps: StateApps, change: Callable[[str], str]) -> None:
    for row in apps.get_model("mfa", "Authenticator").objects.filter(type__in=("totp", "recovery_codes")):
        row.data |= {name: change(row.data[name]) for name in ("secret", "seed") if name in row.data}
        row.save(update_fields=["data"])


def _seal(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    _each(apps, seal)


def _unseal(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    _each(apps, unseal)


class Migration(migrations.Migration):
    dependencies = [
        ("platform", "0004_reading_roles"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(_seal, _unseal)]
