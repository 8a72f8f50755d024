"""A few pictures of a release for the start page."""

from dataclasses import dataclass

from django.db.models import Count, Q

from radcommons.server.archive.models import Series, Study
from radcommons.server.releases.models import Release
from radcommons.server.releases.queries import instances_of

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """Where the thumbnail of a study is found under its release's DICOMweb root."""

    study_instance_uid: str
    series_instance_uid: str


def pictures_of(release: Release) -> tuple[Picture, ...]:
    """Up to four studies of a release, each by the series with most images."""
    members = instances_of(release).filter(is_image=True)
    found = []
    for study in Study.objects.filter(pk__in=members.values("series__study")).order_by("study_instance_uid")[:SHOWN]:
        shown = Series.objects.filter(study=study, pk__in=members.values("series"))
        images = Count("instances", filter=Q(instances__is_image=True))
        largest = shown.annotate(images=images).order_by("-images", "series_instance_uid").first()
        if largest is not None:
            found.append(Picture(study.study_instance_uid, largest.series_instance_uid))
    return tuple(found)
