"""Digests of accepted profiles become those of their content; what manifests called them until now is kept beside."""

import tomllib

from django.db import migrations, models

from radcommons.deid.profile.loading import digest_of


def by_content(apps, schema_editor):
    known = set()
    for row in apps.get_model("intake", "AcceptedProfile").objects.order_by("-accepted_at", "-pk"):
        row.earlier_sha256, row.sha256 = row.sha256, digest_of(tomllib.loads(row.content))
        if (row.project, row.sha256) in known:
            # The same content, accepted once more after an update of the engine.
            row.delete()
            continue
        known.add((row.project, row.sha256))
        row.save(update_fields=["earlier_sha256", "sha256"])


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0005_derived_objects"),
    ]

    operations = [
        migrations.AddField(
            model_name="acceptedprofile",
            name="earlier_sha256",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.RunPython(by_content, migrations.RunPython.noop),
    ]
