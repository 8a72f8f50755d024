"""Versions may be restricted; what is decided about one that is out only ever opens it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_PUBLISHED = """
CREATE OR REPLACE FUNCTION releases_refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('published', 'withdrawn') THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE'
        OR NEW.state NOT IN ('published', 'withdrawn')
        OR (OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn')
        OR (NEW.slug, NEW.version, NEW.title, NEW.description, NEW.licence, NEW.creators, NEW.publisher,
            NEW.root_hash, NEW.manifest_sha256, NEW.published_at, NEW.instances, NEW.size_bytes{more_new})
           IS DISTINCT FROM
           (OLD.slug, OLD.version, OLD.title, OLD.description, OLD.licence, OLD.creators, OLD.publisher,
            OLD.root_hash, OLD.manifest_sha256, OLD.published_at, OLD.instances, OLD.size_bytes{more_old})
        {opening}
    THEN
        RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
"""
# The bytes of an open version are out, so it is never closed; a restricted one is opened once, with a reason.
_OPENING = """OR ((NEW.access, NEW.opened_at, NEW.opened_by, NEW.opening_reason)
            IS DISTINCT FROM (OLD.access, OLD.opened_at, OLD.opened_by, OLD.opening_reason)
            AND NOT (OLD.access = 'restricted' AND NEW.access = 'open' AND OLD.state = 'published'
                     AND NEW.state = 'published' AND NEW.opened_at IS NOT NULL AND NEW.opened_by <> ''
                     AND NEW.opening_reason <> ''))"""

FORWARD = (
    _PUBLISHED.format(
        more_new=", NEW.terms, NEW.terms_sha256", more_old=", OLD.terms, OLD.terms_sha256", opening=_OPENING
    )
    + """
DROP TRIGGER releases_release_access ON releases_release;
CREATE TRIGGER releases_release_access AFTER UPDATE OF state, access OR DELETE ON releases_release
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER releases_reader_access AFTER INSERT OR UPDATE OR DELETE ON releases_releasereader
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();

CREATE FUNCTION releases_refuse_longer_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR OLD.revoked_at IS NOT NULL
        OR NEW.revoked_at IS NULL
        OR (NEW.slug, NEW.terms_sha256, NEW.user_id, NEW.until, NEW.granted_at, NEW.granted_by)
           IS DISTINCT FROM
           (OLD.slug, OLD.terms_sha256, OLD.user_id, OLD.until, OLD.granted_at, OLD.granted_by)
    THEN
        RAISE EXCEPTION 'a grant is revoked, never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER releases_grants_are_only_revoked BEFORE UPDATE OR DELETE ON releases_releasereader
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_longer_grant();
"""
)

BACKWARD = (
    """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM releases_release WHERE access = 'restricted') THEN
        RAISE EXCEPTION 'restricted versions would be open to everybody; withdraw them or open them first';
    END IF;
END $$;
DROP TRIGGER releases_grants_are_only_revoked ON releases_releasereader;
DROP FUNCTION releases_refuse_longer_grant();
DROP TRIGGER releases_reader_access ON releases_releasereader;
DROP TRIGGER releases_release_access ON releases_release;
CREATE TRIGGER releases_release_access AFTER UPDATE OF state OR DELETE ON releases_release
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
"""
    + _PUBLISHED.format(more_new="", more_old="", opening="")
)


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_cohorts_never_change'),
        ('releases', '0003_tell_of_access_changes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReleaseReader',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=63)),
                ('terms_sha256', models.CharField(max_length=64)),
                ('until', models.DateField()),
                ('granted_at', models.DateTimeField(auto_now_add=True)),
                ('granted_by', models.CharField(max_length=200)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoked_by', models.CharField(blank=True, default='', max_length=200)),
                ('revocation_reason', models.TextField(blank=True, default='')),
            ],
            options={
                'ordering': ['-granted_at'],
            },
        ),
        migrations.AddField(
            model_name='release',
            name='access',
            field=models.CharField(choices=[('open', 'Open'), ('restricted', 'Restricted')], default='open', max_length=10),
        ),
        migrations.AddField(
            model_name='release',
            name='opened_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='release',
            name='opened_by',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.AddField(
            model_name='release',
            name='opening_reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='release',
            name='terms',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='release',
            name='terms_sha256',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.CheckConstraint(condition=models.Q(('access__in', ['open', 'restricted'])), name='releases_access'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.CheckConstraint(condition=models.Q(('access', 'open'), models.Q(models.Q(('terms', ''), _negated=True), models.Q(('terms_sha256', ''), _negated=True)), _connector='OR'), name='releases_restricted_has_terms'),
        ),
        migrations.AddField(
            model_name='releasereader',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='readable_data_sets', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='releasereader',
            index=models.Index(fields=['user', 'slug'], name='releases_reader_of_user'),
        ),
        migrations.AddConstraint(
            model_name='releasereader',
            constraint=models.CheckConstraint(condition=models.Q(('revoked_at__isnull', True), models.Q(('revocation_reason', ''), _negated=True), _connector='OR'), name='releases_revoked_has_reason'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
