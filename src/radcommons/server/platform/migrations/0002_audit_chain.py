"""The audit log guards itself: append-only tables, and a chain linked at commit."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION platform_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION platform_audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_sequence bigint;
    last_hash bytea;
BEGIN
    -- Held until the commit that is already under way, so writers wait for each other a moment only.
    PERFORM pg_advisory_xact_lock(7238410943);
    SELECT sequence, chain_hash INTO last_sequence, last_hash
      FROM platform_auditlink ORDER BY sequence DESC LIMIT 1;
    INSERT INTO platform_auditlink (sequence, event_id, chain_hash)
    VALUES (
        coalesce(last_sequence, 0) + 1,
        NEW.id,
        sha256(coalesce(last_hash, decode(repeat('00', 32), 'hex')) || NEW.digest)
    );
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER platform_audit_link AFTER INSERT ON platform_auditevent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION platform_audit_link();

CREATE TRIGGER platform_auditevent_append_only BEFORE UPDATE OR DELETE ON platform_auditevent
    FOR EACH ROW EXECUTE FUNCTION platform_audit_refuse();
CREATE TRIGGER platform_auditlink_append_only BEFORE UPDATE OR DELETE ON platform_auditlink
    FOR EACH ROW EXECUTE FUNCTION platform_audit_refuse();
CREATE TRIGGER platform_auditcheckpoint_append_only BEFORE UPDATE OR DELETE ON platform_auditcheckpoint
    FOR EACH ROW EXECUTE FUNCTION platform_audit_refuse();
"""

BACKWARD = """
DROP TRIGGER platform_auditcheckpoint_append_only ON platform_auditcheckpoint;
DROP TRIGGER platform_auditlink_append_only ON platform_auditlink;
DROP TRIGGER platform_auditevent_append_only ON platform_auditevent;
DROP TRIGGER platform_audit_link ON platform_auditevent;
DROP FUNCTION platform_audit_link();
DROP FUNCTION platform_audit_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("platform", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
