"""Every change of what live scopes show is told on one channel (see platform.change_watch), whoever makes it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION radcommons_contents_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY radcommons_contents;
    RETURN NULL;
END $$;

CREATE TRIGGER archive_subject_contents AFTER INSERT OR UPDATE OR DELETE ON archive_subject
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
CREATE TRIGGER archive_study_contents AFTER INSERT OR UPDATE OR DELETE ON archive_study
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
CREATE TRIGGER archive_series_contents AFTER INSERT OR UPDATE OR DELETE ON archive_series
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
CREATE TRIGGER archive_instance_contents AFTER INSERT OR UPDATE OR DELETE ON archive_instance
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
"""
BACKWARD = """
DROP TRIGGER archive_instance_contents ON archive_instance;
DROP TRIGGER archive_series_contents ON archive_series;
DROP TRIGGER archive_study_contents ON archive_study;
DROP TRIGGER archive_subject_contents ON archive_subject;
DROP FUNCTION radcommons_contents_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("archive", "0010_studies_of_a_modality")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
