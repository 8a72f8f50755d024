"""A withdrawn version is no longer served by anybody who remembers it."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER releases_release_access AFTER UPDATE OF state OR DELETE ON releases_release
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
"""

BACKWARD = """
DROP TRIGGER releases_release_access ON releases_release;
"""


class Migration(migrations.Migration):
    dependencies = [("releases", "0002_published_versions_never_change"), ("platform", "0003_tell_of_access_changes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
