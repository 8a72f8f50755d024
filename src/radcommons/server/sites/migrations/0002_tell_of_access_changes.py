"""A revoked key, agreement or site ends what was remembered of its rights."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER sites_key_access AFTER UPDATE OF revoked_at OR DELETE ON sites_contributorkey
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER sites_site_access AFTER UPDATE OF is_active OR DELETE ON sites_site
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER sites_agreement_access AFTER UPDATE OR DELETE ON sites_agreement
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
"""

BACKWARD = """
DROP TRIGGER sites_agreement_access ON sites_agreement;
DROP TRIGGER sites_site_access ON sites_site;
DROP TRIGGER sites_key_access ON sites_contributorkey;
"""


class Migration(migrations.Migration):
    dependencies = [("sites", "0001_initial"), ("platform", "0003_tell_of_access_changes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
