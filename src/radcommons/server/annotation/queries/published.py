"""Which instances of the archive were made of reads: nobody who reads is shown them, and the latest of each is what counts."""

from django.db.models import Exists, OuterRef, QuerySet

from radcommons.server.annotation.models import PublishedObject, PublishedReading
from radcommons.server.annotation.rules.publishing import ReadingState
from radcommons.server.archive.models import Instance


def without_published(instances: QuerySet[Instance]) -> QuerySet[Instance]:
    """Those of some instances that were not made of readings.

    A project may hold studies in which an earlier project's segmentations and reports lie, and a study's are there while
    another project still reads it.
    """
    made = PublishedObject.objects.filter(sop_instance_uid=OuterRef("sop_instance_uid"))
    return instances.filter(~Exists(made))


def replaced_objects() -> QuerySet[PublishedObject]:
    """Objects of readings that a later publication made anew: decided otherwise, or written by a later program.

    They stay in the archive and in the releases that have them; no catalog lists them any more.
    """
    later = PublishedReading.objects.filter(
        case=OuterRef("reading__case"),
        reader=OuterRef("reading__reader"),
        publication__number__gt=OuterRef("reading__publication__number"),
    ).exclude(state=ReadingState.LEFT_OUT)
    return PublishedObject.objects.filter(Exists(later))
