"""A study is found by its accession number in an archive of any size."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0006_older_digests")]
    operations = [
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["accession_number"], name="archive_study_accession"),
        ),
    ]
