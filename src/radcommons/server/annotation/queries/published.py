"""Which instances of the archive are reads of somebody: nobody who reads or adjudicates is shown them."""

from django.db.models import Exists, OuterRef, QuerySet

from radcommons.server.annotation.models import PublishedObject
from radcommons.server.archive.models import Instance


def without_published(instances: QuerySet[Instance]) -> QuerySet[Instance]:
    """Those of some instances that were not made of readings.

    A project may hold studies in which an earlier project's segmentations and reports lie, and a study's are there while
    another project still reads it.
    """
    made = PublishedObject.objects.filter(sop_instance_uid=OuterRef("sop_instance_uid"))
    return instances.filter(~Exists(made))
