"""Where images of the archive belong, for documents that name them by their own identifiers alone."""

from collections.abc import Collection, Mapping

from radcommons.server.archive.models import Instance, InstanceState

AT_ONCE = 5000


def known_frames(sop_instance_uids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """The study and series of each image that is in the archive."""
    asked = sorted(sop_instance_uids)
    found: dict[str, tuple[str, str]] = {}
    columns = ("sop_instance_uid", "series__study__study_instance_uid", "series__series_instance_uid")
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        rows = Instance.objects.filter(sop_instance_uid__in=part, is_image=True, state=InstanceState.STORED)
        found.update({uid: (study, series) for uid, study, series in rows.values_list(*columns)})
    return found
