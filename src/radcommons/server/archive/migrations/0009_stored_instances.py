"""Which series and studies a scope holds is told by small indexes alone; indexes that no search uses are dropped.

Identifiers and digests are asked for whole, never by their beginning, so that the second index which Django keeps for texts that
begin so served nobody, and took a fifth of what the rows of instances and their indexes take on the disk.
"""

import django.db.models.deletion
from django.db import migrations, models

_UNUSED = (
    "archive_instance_sop_instance_uid_53550f2d_like",
    "archive_instance_sop_class_uid_ba42e331_like",
    "archive_instance_sha256_21cff677_like",
    "archive_series_series_instance_uid_88d37da0_like",
)


class Migration(migrations.Migration):
    dependencies = [("archive", "0008_searches_of_shelves")]
    operations = [
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                fields=["series"], name="archive_instance_stored", condition=models.Q(state="stored")
            ),
        ),
        migrations.AddIndex(
            model_name="series", index=models.Index(fields=["study", "id"], name="archive_series_of_study")
        ),
        migrations.AlterField(
            model_name="instance",
            name="series",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="instances",
                to="archive.series",
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="study",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="series", to="archive.study"
            ),
        ),
        migrations.RunSQL(
            [f'DROP INDEX IF EXISTS "{name}"' for name in _UNUSED], reverse_sql=migrations.RunSQL.noop
        ),
    ]
