"""What is in a case, and what is left out of it, is told on the channel of contents, so that a reader's answers may be remembered until then."""

from django.db import migrations

from radcommons.server.platform.told_changes import contents_told


class Migration(migrations.Migration):
    dependencies = [("annotation", "0006_uploads"), ("archive", "0011_tell_of_changed_contents")]
    operations = [contents_told("annotation_caseinstance", "annotation_publishedobject")]
