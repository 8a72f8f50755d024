"""What is in a case, and what is left out of it, is told on the channel of contents, so that a reader's answers may be remembered until then."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER annotation_member_contents AFTER INSERT OR UPDATE OR DELETE ON annotation_caseinstance
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
CREATE TRIGGER annotation_published_contents AFTER INSERT OR UPDATE OR DELETE ON annotation_publishedobject
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();
"""
BACKWARD = """
DROP TRIGGER annotation_published_contents ON annotation_publishedobject;
DROP TRIGGER annotation_member_contents ON annotation_caseinstance;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0006_uploads"), ("archive", "0011_tell_of_changed_contents")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
