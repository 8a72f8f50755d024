from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('archive', '0005_purged_series'),
    ]

    operations = [
        migrations.AddField(
            model_name='instance',
            name='crc32',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='instance',
            name='md5',
            field=models.CharField(blank=True, default='', max_length=32),
        ),
    ]
