"""What was read, decided and derived never changes, and neither does a schema that was used or a case that was frozen."""

from django.db import migrations

FROZEN = ("caseinstance", "revision", "shape", "decision", "consensus", "importeddocument")
FORWARD = """
CREATE FUNCTION annotation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was read or decided never changes';
END $$;
CREATE FUNCTION annotation_refuse_used_schema() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.is_used THEN
        RAISE EXCEPTION 'a schema that was used never changes';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER annotation_labelschema_frozen BEFORE UPDATE OR DELETE ON annotation_labelschema
    FOR EACH ROW EXECUTE FUNCTION annotation_refuse_used_schema();
""" + "".join(
    f"CREATE TRIGGER annotation_{table}_frozen BEFORE UPDATE OR DELETE ON annotation_{table}"
    " FOR EACH ROW EXECUTE FUNCTION annotation_refuse_change();\n"
    for table in FROZEN
)
BACKWARD = (
    "".join(f"DROP TRIGGER annotation_{table}_frozen ON annotation_{table};\n" for table in FROZEN)
    + """
DROP TRIGGER annotation_labelschema_frozen ON annotation_labelschema;
DROP FUNCTION annotation_refuse_used_schema();
DROP FUNCTION annotation_refuse_change();
"""
)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
