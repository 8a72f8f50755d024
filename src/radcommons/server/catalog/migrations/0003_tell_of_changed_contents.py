"""What comes into the catalog and leaves it is told on the channel of contents, so that answers about it may be remembered until then."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER catalog_series_contents AFTER INSERT OR UPDATE OR DELETE ON catalog_catalogseries
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
"""
BACKWARD = """
DROP TRIGGER catalog_series_contents ON catalog_catalogseries;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_cohorts_never_change"), ("archive", "0011_tell_of_changed_contents")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
