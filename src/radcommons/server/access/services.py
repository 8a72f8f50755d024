"""The verbs of the access room."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from radcommons.server.access.models import DownloadDay
from radcommons.server.releases.models import Release


@dataclass(frozen=True, slots=True)
class Served:
    """How much was sent."""

    files: int
    size_bytes: int


def count_downloads(served: Mapping[tuple[int, int], Served]) -> None:
    """Add what was sent to today's counts; by (release number, account number or 0). Unknown releases are left out.

    Statistics of reading, not a change of state, so the audit log has no row for it.
    """
    today = timezone.localdate()
    with transaction.atomic():
        known = set(Release.objects.filter(pk__in={key for key, _ in served}).values_list("pk", flat=True))
        for (release_id, user_id), amount in sorted(served.items()):
            if release_id not in known:
                continue
            row, _ = DownloadDay.objects.get_or_create(release_id=release_id, day=today, user_id=user_id)
            DownloadDay.objects.filter(pk=row.pk).update(
                files=F("files") + amount.files, size_bytes=F("size_bytes") + amount.size_bytes
            )
