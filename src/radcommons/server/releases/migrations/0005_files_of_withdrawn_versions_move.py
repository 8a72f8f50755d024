"""The signed files of a withdrawn version may lie elsewhere than they did; what they are never changes."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION releases_refuse_file_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    became text := (SELECT state FROM releases_release WHERE id = OLD.release_id);
BEGIN
    IF became = 'published' OR (became = 'withdrawn' AND
        (NEW.id, NEW.release_id, NEW.path, NEW.sha256, NEW.size_bytes, NEW.media_type) IS DISTINCT FROM
        (OLD.id, OLD.release_id, OLD.path, OLD.sha256, OLD.size_bytes, OLD.media_type))
    THEN
        RAISE EXCEPTION 'the content of a published version never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER releases_files_never_change ON releases_releasefile;
CREATE TRIGGER releases_files_never_change BEFORE INSERT OR DELETE ON releases_releasefile
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_content_change();
CREATE TRIGGER releases_files_only_move BEFORE UPDATE ON releases_releasefile
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_file_change();
"""

BACKWARDS = """
DROP TRIGGER releases_files_only_move ON releases_releasefile;
DROP TRIGGER releases_files_never_change ON releases_releasefile;
CREATE TRIGGER releases_files_never_change BEFORE INSERT OR UPDATE OR DELETE ON releases_releasefile
    FOR EACH ROW EXECUTE FUNCTION releases_refuse_content_change();
DROP FUNCTION releases_refuse_file_change();
"""


class Migration(migrations.Migration):
    """A trigger."""

    dependencies = [("releases", "0004_restricted_versions")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
