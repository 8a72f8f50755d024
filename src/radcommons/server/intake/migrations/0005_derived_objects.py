from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('intake', '0004_direct_uploads'),
    ]

    operations = [
        migrations.AlterField(
            model_name='batch',
            name='door',
            field=models.CharField(choices=[('sealed', 'Sealed'), ('direct', 'Direct'), ('derived', 'Derived')], default='sealed', max_length=8),
        ),
    ]
