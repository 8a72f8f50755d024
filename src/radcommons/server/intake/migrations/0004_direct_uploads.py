from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('intake', '0003_batchpart_release'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='door',
            field=models.CharField(choices=[('sealed', 'Sealed'), ('direct', 'Direct')], default='sealed', max_length=8),
        ),
    ]
