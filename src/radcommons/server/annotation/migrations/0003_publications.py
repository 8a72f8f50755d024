import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER annotation_publishedobject_frozen BEFORE UPDATE OR DELETE ON annotation_publishedobject
    FOR EACH ROW EXECUTE FUNCTION annotation_refuse_change();
"""
BACKWARD = "DROP TRIGGER annotation_publishedobject_frozen ON annotation_publishedobject;"


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0002_reads_never_change'),
    ]

    operations = [
        migrations.CreateModel(
            name='Publication',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('working', 'working'), ('finished', 'finished')], max_length=12)),
                ('software_version', models.CharField(max_length=64)),
                ('left_out', models.JSONField(default=list)),
                ('made_by', models.CharField(max_length=200)),
                ('made_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='publications', to='annotation.readingproject')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='PublishedReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reader', models.CharField(max_length=64)),
                ('is_consensus', models.BooleanField()),
                ('method', models.CharField(max_length=32)),
                ('reading_sha256', models.CharField(max_length=64)),
                ('inputs', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('stored', 'stored'), ('held', 'held'), ('left_out', 'left_out')], max_length=12)),
                ('reason', models.CharField(blank=True, default='', max_length=100)),
                ('findings', models.JSONField(default=list)),
                ('table_rows', models.JSONField(default=list)),
                ('midrc', models.JSONField(null=True)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='published_readings', to='annotation.case')),
                ('publication', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='annotation.publication')),
            ],
        ),
        migrations.CreateModel(
            name='PublishedObject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=8)),
                ('source_series_instance_uid', models.CharField(blank=True, default='', max_length=64)),
                ('series_instance_uid', models.CharField(max_length=64)),
                ('sop_instance_uid', models.CharField(max_length=64, unique=True)),
                ('sha256', models.CharField(max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('reading', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='objects_made', to='annotation.publishedreading')),
            ],
        ),
        migrations.AddConstraint(
            model_name='publication',
            constraint=models.UniqueConstraint(fields=('project', 'number'), name='annotation_publication_once'),
        ),
        migrations.AddConstraint(
            model_name='publication',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'working')), fields=('project',), name='annotation_one_publication_at_work'),
        ),
        migrations.AddIndex(
            model_name='publishedreading',
            index=models.Index(fields=['publication', 'state'], name='annotation_published_progress'),
        ),
        migrations.AddConstraint(
            model_name='publishedreading',
            constraint=models.UniqueConstraint(fields=('case', 'reading_sha256'), name='annotation_published_reading_once'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
