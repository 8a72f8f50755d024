"""What closes a task to its reader is told on the channel of access, so that who was let in may be remembered until then.

Drafts are saved into the same rows every few seconds; only what decides about looking is told.
"""

from django.db import migrations

FORWARD = """
CREATE TRIGGER annotation_task_access AFTER UPDATE ON annotation_task FOR EACH ROW
    WHEN ((OLD.state, OLD.phase, OLD.reader_id, OLD.case_id, OLD.available_at)
        IS DISTINCT FROM (NEW.state, NEW.phase, NEW.reader_id, NEW.case_id, NEW.available_at))
    EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER annotation_task_access_ended AFTER DELETE ON annotation_task
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER annotation_reader_access AFTER UPDATE OR DELETE ON annotation_reader
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER annotation_case_access AFTER UPDATE OF is_suspended OR DELETE ON annotation_case
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
CREATE TRIGGER annotation_project_access AFTER UPDATE OR DELETE ON annotation_readingproject
    FOR EACH STATEMENT EXECUTE FUNCTION radcommons_access_changed();
"""
BACKWARD = """
DROP TRIGGER annotation_project_access ON annotation_readingproject;
DROP TRIGGER annotation_case_access ON annotation_case;
DROP TRIGGER annotation_reader_access ON annotation_reader;
DROP TRIGGER annotation_task_access_ended ON annotation_task;
DROP TRIGGER annotation_task_access ON annotation_task;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0004_example_pictures"), ("platform", "0003_tell_of_access_changes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
