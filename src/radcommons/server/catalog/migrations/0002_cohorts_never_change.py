"""Cohorts never change: the database refuses to update or delete what was frozen."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION catalog_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'cohorts never change';
END $$;
CREATE TRIGGER catalog_cohort_frozen BEFORE UPDATE OR DELETE ON catalog_cohort
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_change();
CREATE TRIGGER catalog_cohortinstance_frozen BEFORE UPDATE OR DELETE ON catalog_cohortinstance
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_change();
"""
BACKWARD = """
DROP TRIGGER catalog_cohort_frozen ON catalog_cohort;
DROP TRIGGER catalog_cohortinstance_frozen ON catalog_cohortinstance;
DROP FUNCTION catalog_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
