"""What curation decides is told on the channel of contents, so that answers about it may be remembered until then."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER curation_case_contents AFTER INSERT OR UPDATE OR DELETE ON curation_case
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
"""
BACKWARD = """
DROP TRIGGER curation_case_contents ON curation_case;
"""


class Migration(migrations.Migration):
    dependencies = [("curation", "0002_decisions_never_change"), ("archive", "0011_tell_of_changed_contents")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
