"""A curator's decision stands as it was made: the database refuses to update or delete one."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION curation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'decisions never change';
END $$;
CREATE TRIGGER curation_decision_final BEFORE UPDATE OR DELETE ON curation_decision
    FOR EACH ROW EXECUTE FUNCTION curation_refuse_change();
"""
BACKWARD = """
DROP TRIGGER curation_decision_final ON curation_decision;
DROP FUNCTION curation_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("curation", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
