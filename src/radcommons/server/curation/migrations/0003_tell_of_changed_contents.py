"""What curation decides is told on the channel of contents, so that answers about it may be remembered until then."""

from django.db import migrations

from radcommons.server.platform.told_changes import contents_told


class Migration(migrations.Migration):
    dependencies = [("curation", "0002_decisions_never_change"), ("archive", "0011_tell_of_changed_contents")]
    operations = [contents_told("curation_case")]
