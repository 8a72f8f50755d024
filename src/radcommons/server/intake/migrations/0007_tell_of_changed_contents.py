"""What becomes of the parts of batches is told on the channel of contents, so that answers about it may be remembered until then."""

from django.db import migrations

from radcommons.server.platform.told_changes import contents_told


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_profile_digests"), ("archive", "0011_tell_of_changed_contents")]
    operations = [contents_told("intake_batchpart")]
