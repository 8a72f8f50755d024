"""An index tells which studies have a series of a modality, without a look at the series; the one by modality alone goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """An index for another."""

    dependencies = [("archive", "0009_stored_instances")]

    operations = [
        migrations.AlterField(
            model_name="series", name="modality", field=models.CharField(blank=True, default="", max_length=16)
        ),
        migrations.AddIndex(
            model_name="series", index=models.Index(fields=["modality", "study"], name="archive_series_modality")
        ),
    ]
