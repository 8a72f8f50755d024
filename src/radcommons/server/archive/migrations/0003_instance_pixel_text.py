# What a site knew of writing in the pixels of an instance when it sent it.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('archive', '0002_shelves'),
    ]

    operations = [
        migrations.AddField(
            model_name='instance',
            name='pixel_text',
            field=models.CharField(blank=True, default='', max_length=16),
        ),
    ]
