"""Studies of a published version are searched by their places; versions that are on a shelf already are searched as before."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0007_find_by_accession_number")]
    operations = [
        migrations.AddField(
            model_name="shelfstudy",
            name="place",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="shelfstudy",
            constraint=models.UniqueConstraint(fields=("shelf", "place"), name="archive_shelf_place_once"),
        ),
        migrations.CreateModel(
            name="ShelfSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("packed", models.BinaryField()),
                (
                    "shelf",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="search", to="archive.shelf"
                    ),
                ),
            ],
        ),
    ]
