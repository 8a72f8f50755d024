"""Every change of what live scopes show is told on one channel (see platform.change_watch), whoever makes it."""

from django.db import migrations

from radcommons.server.platform.told_changes import contents_told

FORWARD = """
CREATE FUNCTION radcommons_contents_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY radcommons_contents;
    RETURN NULL;
END $$;
"""
BACKWARD = "DROP FUNCTION radcommons_contents_changed();"


class Migration(migrations.Migration):
    dependencies = [("archive", "0010_studies_of_a_modality")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD), contents_told("archive_subject", "archive_study", "archive_series", "archive_instance")]
