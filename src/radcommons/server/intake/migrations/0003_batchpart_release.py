from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('intake', '0002_signed_batches'),
    ]

    operations = [
        migrations.AddField(
            model_name='batchpart',
            name='release',
            field=models.JSONField(default=dict),
        ),
    ]
