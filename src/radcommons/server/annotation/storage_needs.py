"""Which stored images reading projects still need; the archive asks before it purges."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from radcommons.server.annotation.models import CaseInstance, Task
from radcommons.server.annotation.rules.states import ProjectState

SHOWN = "a reading project shows it"
LABELLED = "labels were made on it"


def read_or_labelled(instance_ids: Iterable[int]) -> dict[int, str]:
    """The instances of cases that are still to be read, or were.

    A case that curation has taken back needs none: its images are shown to nobody, and a person's right to have them removed
    goes before labels, which stay with what was read but not with what it looked like.
    """
    rows = CaseInstance.objects.filter(instance__in=list(instance_ids), case__is_suspended=False)
    read = Task.objects.filter(case=OuterRef("case"), submission__isnull=False)
    found: dict[int, str] = {}
    for instance_id, state, is_read in rows.values_list("instance_id", "case__project__state", Exists(read)):
        if state != ProjectState.CLOSED:
            found[instance_id] = SHOWN
        elif is_read:
            found.setdefault(instance_id, LABELLED)
    return found
