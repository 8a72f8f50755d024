"""Every change of who may read what is told on one channel (see platform.change_watch), whoever makes it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION radcommons_access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY radcommons_access;
    RETURN NULL;
END $$;

CREATE TRIGGER platform_user_access AFTER UPDATE OF is_active, password OR DELETE ON platform_user
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER platform_role_access AFTER INSERT OR UPDATE OR DELETE ON platform_roleassignment
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER platform_token_access AFTER UPDATE OF revoked_at, expires_at OR DELETE ON platform_apitoken
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER platform_session_access AFTER UPDATE OR DELETE ON django_session
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
"""

BACKWARD = """
DROP TRIGGER platform_session_access ON django_session;
DROP TRIGGER platform_token_access ON platform_apitoken;
DROP TRIGGER platform_role_access ON platform_roleassignment;
DROP TRIGGER platform_user_access ON platform_user;
DROP FUNCTION radcommons_access_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("platform", "0002_audit_chain"), ("sessions", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
