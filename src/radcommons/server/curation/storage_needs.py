"""What curation still needs of stored bytes; the archive asks before it purges."""

from collections.abc import Iterable

from radcommons.server.archive.models import Instance
from radcommons.server.curation.rules import CaseState

_REASONS = {CaseState.HELD: "its study is on hold", CaseState.OPEN: "its study waits for a curator"}


def held(instance_ids: Iterable[int]) -> dict[int, str]:
    """The instances of studies that are on hold or wait for a decision."""
    rows = Instance.objects.filter(pk__in=list(instance_ids), series__study__curation_case__state__in=list(_REASONS))
    pairs = rows.values_list("pk", "series__study__curation_case__state")
    return {instance_id: _REASONS[CaseState(state)] for instance_id, state in pairs}
