"""Facts that could not be acted upon are found without reading all that ever happened."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("platform", "0005_sealed_second_factors")]

    operations = [
        migrations.AddIndex(
            model_name="outboxfact",
            index=models.Index(
                condition=models.Q(("failed_at__isnull", False)), fields=["id"], name="platform_outbox_failed"
            ),
        ),
    ]
