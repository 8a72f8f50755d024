"""Reads of the archive for pages and other rooms.

Every function that shows pictures takes the instances it may show (a scope's), so that no page shows more than its root.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When

from radcommons.server.archive.models import (
    DamagedObject,
    Instance,
    InstanceState,
    Purge,
    Series,
    SeriesVersion,
    Shelf,
    Study,
    VerificationRun,
)
from radcommons.server.archive.rules import SLIDE_CLASS, middle_index, standing_for
from radcommons.server.archive.storage import series_version_name
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.objects import kind_of_store, object_store, trouble

INSTANCE_ORDER = (F("instance_number").asc(nulls_last=True), F("sop_instance_uid").asc())
SERIES_ORDER = (F("series_number").asc(nulls_last=True), F("series_instance_uid").asc())


@dataclass(frozen=True, slots=True)
class StudySummary:
    """One line about a study."""

    study_instance_uid: str
    site_code: str
    project: str
    subject_id: str
    study_date: date | None
    study_description: str
    patient_sex: str
    patient_age_years: float | None
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One line about a series; ``middle_sop_instance_uid`` is the picture that stands for it, empty without images."""

    series_instance_uid: str
    study_instance_uid: str
    series_number: int | None
    modality: str
    body_part_examined: str
    series_description: str
    manufacturer: str
    manufacturer_model_name: str
    slice_thickness_mm: float | None
    instance_count: int
    frame_count: int
    image_count: int
    size_bytes: int
    first_sop_instance_uid: str
    middle_sop_instance_uid: str


def stored_instances() -> QuerySet[Instance]:
    """Every instance whose bytes are placed; the set from which scopes are cut."""
    return Instance.objects.filter(state=InstanceState.STORED)


def series_version(digests: Iterable[str]) -> str | None:
    """The name of the prefix below which a series that holds exactly these instances was placed; None when it was not."""
    name = series_version_name(digests)
    return name if SeriesVersion.objects.filter(name=name).exists() else None


@dataclass(frozen=True, slots=True)
class StorageState:
    """How the archive's bytes are: where, how many, whether the store answers, and what was found when it was last read.

    Parameters
    ----------
    trouble
        Why nothing can be stored at this moment; empty when it can.
    is_full
        Whether that is for lack of room, so that what is stored is served as before.
    damaged
        The latest objects that are out of service, at most a hundred; ``damaged_count`` counts all.
    last_full, last_look, under_way
        The last finished verification of everything, the last finished one of any part, and one that goes on or was
        interrupted; None when there is none.
    """

    kind: str
    trouble: str
    is_full: bool
    free_bytes: int | None
    instances: int
    size_bytes: int
    unfinished: int
    damaged_count: int
    damaged: tuple[DamagedObject, ...]
    last_full: VerificationRun | None
    last_look: VerificationRun | None
    under_way: VerificationRun | None
    purges: int


def storage_state() -> StorageState:
    """How the archive's bytes are now."""
    found = trouble()
    is_full = found is not None and found.code == "platform.store-full"
    totals = stored_instances().aggregate(count=Count("pk"), size=Sum("size_bytes"))
    damaged = DamagedObject.objects.filter(mended_at=None).order_by("-found_at")
    finished = VerificationRun.objects.exclude(finished_at=None).order_by("-finished_at")
    return StorageState(
        kind=kind_of_store(),
        trouble=found.message if found else "",
        is_full=is_full,
        free_bytes=object_store().free_bytes() if found is None or is_full else None,
        instances=totals["count"],
        size_bytes=totals["size"] or 0,
        unfinished=Instance.objects.filter(state=InstanceState.STORING).count(),
        damaged_count=damaged.count(),
        damaged=tuple(damaged[:100]),
        last_full=finished.filter(fraction__gte=1).first(),
        last_look=finished.first(),
        under_way=VerificationRun.objects.filter(finished_at=None).order_by("-moved_at").first(),
        purges=Purge.objects.count(),
    )


def shelf_id(name: str) -> int | None:
    """The shelf of a scope; None when it was never put on one."""
    return Shelf.objects.filter(name=name).values_list("pk", flat=True).first()


def study_summaries(
    study_instance_uids: Iterable[str], *, instances: QuerySet[Instance] | None = None
) -> list[StudySummary]:
    """Lines about studies, in the order asked for; studies without visible instances are left out."""
    wanted = list(study_instance_uids)
    visible = stored_instances() if instances is None else instances
    studies = Study.objects.filter(study_instance_uid__in=wanted).select_related("subject__site")
    rows = (
        visible.filter(series__study__study_instance_uid__in=wanted)
        .order_by()
        .values_list("series__study_id", "series_id", "series__modality")
        .annotate(count=Count("pk"), size=Sum("size_bytes"))
    )
    totals: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for study_id, _, modality, count, size in rows:
        totals[study_id].append((modality, count, size))
    found = {study.study_instance_uid: _study_summary(study, totals[study.pk]) for study in studies if totals[study.pk]}
    return [found[uid] for uid in wanted if uid in found]


def studies_by(instances: QuerySet[Instance], *columns: str) -> list[list[tuple[str, int]]]:
    """For each of some columns of series: how many studies of some instances have each value, the most frequent first.

    The instances are gone through once for all columns, and what is held meanwhile is one study.
    """
    series = Series.objects.filter(pk__in=instances.order_by().values("series"))
    rows = series.values_list("study", *columns).distinct().order_by("study")
    numbers: list[Counter[str]] = [Counter() for _ in columns]
    for _, group in groupby(rows.iterator(chunk_size=2000), key=itemgetter(0)):
        _, *found = zip(*group, strict=True)
        for number, values in zip(numbers, found, strict=True):
            number.update(set(values))
    return [_ranked(number) for number in numbers]


def _ranked(numbers: Counter[str]) -> list[tuple[str, int]]:
    ordered = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
    return [(value or "not stated", number) for value, number in ordered]


def study_summary(study_instance_uid: str, *, instances: QuerySet[Instance] | None = None) -> StudySummary:
    """One line about a study.

    Raises
    ------
    NotFoundError
        When the study is not among the instances.
    """
    found = study_summaries([study_instance_uid], instances=instances)
    if not found:
        raise NotFoundError
    return found[0]


def _study_summary(study: Study, totals: Sequence[tuple[str, int, int]]) -> StudySummary:
    return StudySummary(
        study_instance_uid=study.study_instance_uid,
        site_code=study.subject.site.code,
        project=study.subject.project,
        subject_id=study.subject.subject_id,
        study_date=study.study_date,
        study_description=study.study_description,
        patient_sex=study.patient_sex,
        patient_age_years=study.patient_age_years,
        modalities=tuple(sorted({modality for modality, _, _ in totals if modality})),
        series_count=len(totals),
        instance_count=sum(count for _, count, _ in totals),
        size_bytes=sum(size for _, _, size in totals),
    )


def series_list(study_instance_uid: str, *, instances: QuerySet[Instance] | None = None) -> list[SeriesSummary]:
    """Lines about the series of a study, in the order of their numbers."""
    visible = stored_instances() if instances is None else instances
    rows = visible.filter(series__study__study_instance_uid=study_instance_uid).order_by(*INSTANCE_ORDER)
    members: dict[int, list[tuple[str, int, int, bool]]] = defaultdict(list)
    columns = ("series_id", "sop_instance_uid", "size_bytes", "number_of_frames", "is_image")
    for series_id, uid, size, frames, is_image in rows.values_list(*columns):
        members[series_id].append((uid, size, frames, is_image))
    return [
        _series_summary(series, study_instance_uid, members[series.pk])
        for series in Series.objects.filter(pk__in=members).order_by(*SERIES_ORDER)
    ]


def _series_summary(
    series: Series, study_instance_uid: str, members: Sequence[tuple[str, int, int, bool]]
) -> SeriesSummary:
    images = [uid for uid, _, _, is_image in members if is_image]
    return SeriesSummary(
        series_instance_uid=series.series_instance_uid,
        study_instance_uid=study_instance_uid,
        series_number=series.series_number,
        modality=series.modality,
        body_part_examined=series.body_part_examined,
        series_description=series.series_description,
        manufacturer=series.manufacturer,
        manufacturer_model_name=series.manufacturer_model_name,
        slice_thickness_mm=series.slice_thickness_mm,
        instance_count=len(members),
        frame_count=sum(frames for _, _, frames, is_image in members if is_image),
        image_count=len(images),
        size_bytes=sum(size for _, size, _, _ in members),
        first_sop_instance_uid=members[0][0],
        middle_sop_instance_uid=images[middle_index(len(images))] if images else "",
    )


def representative(instances: QuerySet[Instance]) -> Instance | None:
    """The image that stands for a set of instances: the middle one of its first series with images; None without.

    Slides come last, and are stood for by a tile: see :func:`.rules.standing_for`.
    """
    images = instances.filter(Q(is_image=True)).select_related("series")
    first = images.order_by(
        Case(When(sop_class_uid=SLIDE_CLASS, then=1), default=0),
        F("series__series_number").asc(nulls_last=True),
        F("series__series_instance_uid").asc(),
    ).first()
    if first is None:
        return None
    rows = images.filter(series_id=first.series_id).order_by(*INSTANCE_ORDER)
    members = list(rows.values_list("pk", "sop_class_uid", "number_of_frames"))
    position = standing_for([(sop_class_uid, frames) for _, sop_class_uid, frames in members])
    return None if position is None else images.get(pk=members[position][0])
