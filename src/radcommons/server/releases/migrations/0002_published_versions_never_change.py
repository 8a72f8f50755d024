"""What is published stays as it is, whoever writes to the table."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION releases_refuse_content_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := CASE WHEN TG_OP = 'INSERT' THEN NEW.release_id ELSE OLD.release_id END;
BEGIN
    IF EXISTS (
        SELECT 1 FROM releases_release WHERE id = wanted AND state IN ('published', 'withdrawn')
    ) THEN
        RAISE EXCEPTION 'the content of a published version never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER releases_members_never_change BEFORE INSERT OR UPDATE OR DELETE ON releases_releaseinstance
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_content_change();
CREATE TRIGGER releases_files_never_change BEFORE INSERT OR UPDATE OR DELETE ON releases_releasefile
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_content_change();

CREATE FUNCTION releases_refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('published', 'withdrawn') THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE'
        OR NEW.state NOT IN ('published', 'withdrawn')
        OR (OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn')
        OR (NEW.slug, NEW.version, NEW.title, NEW.description, NEW.licence, NEW.creators, NEW.publisher,
            NEW.root_hash, NEW.manifest_sha256, NEW.published_at, NEW.instances, NEW.size_bytes)
           IS DISTINCT FROM
           (OLD.slug, OLD.version, OLD.title, OLD.description, OLD.licence, OLD.creators, OLD.publisher,
            OLD.root_hash, OLD.manifest_sha256, OLD.published_at, OLD.instances, OLD.size_bytes)
    THEN
        RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER releases_versions_never_change BEFORE UPDATE OR DELETE ON releases_release
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_version_change();

CREATE FUNCTION releases_refuse_desequestration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a sequestration is never changed' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER releases_sequestrations_never_change BEFORE UPDATE OR DELETE ON releases_sequesteredsubject
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_desequestration();
"""

BACKWARDS = """
DROP TRIGGER releases_sequestrations_never_change ON releases_sequesteredsubject;
DROP TRIGGER releases_versions_never_change ON releases_release;
DROP TRIGGER releases_files_never_change ON releases_releasefile;
DROP TRIGGER releases_members_never_change ON releases_releaseinstance;
DROP FUNCTION releases_refuse_desequestration();
DROP FUNCTION releases_refuse_version_change();
DROP FUNCTION releases_refuse_content_change();
"""


class Migration(migrations.Migration):
    """Triggers."""

    dependencies = [("releases", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
