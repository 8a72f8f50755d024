"""Example pictures of labels; a switch that showed nothing goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """See the models."""

    dependencies = [("annotation", "0003_publications")]

    operations = [
        migrations.CreateModel(
            name="ExamplePicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("media_type", models.CharField(max_length=16)),
                ("body", models.BinaryField()),
                ("added_by", models.CharField(max_length=200)),
                ("added_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveField(model_name="readingproject", name="shows_other_readers"),
    ]
