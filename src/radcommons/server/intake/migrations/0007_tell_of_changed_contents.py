"""What becomes of the parts of batches is told on the channel of contents, so that answers about it may be remembered until then."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER intake_part_contents AFTER INSERT OR UPDATE OR DELETE ON intake_batchpart
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
"""
BACKWARD = """
DROP TRIGGER intake_part_contents ON intake_batchpart;
"""


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_profile_digests"), ("archive", "0011_tell_of_changed_contents")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
