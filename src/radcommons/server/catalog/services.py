"""The verbs of the catalog: take a study in, take it out, freeze a cohort."""

import hashlib

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from radcommons.server.annotation.queries.published import replaced_objects
from radcommons.server.archive.models import Instance, InstanceState, Series, Study
from radcommons.server.catalog import queries
from radcommons.server.catalog.errors import CohortEmptyError, CohortNameError, CohortNameTakenError
from radcommons.server.catalog.models import CatalogSeries, Cohort, CohortInstance
from radcommons.server.catalog.rules import COHORT_NAME, NOT_STATED, CatalogQuery, age_group
from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.curation.models import Case
from radcommons.server.curation.rules import CaseState
from radcommons.server.platform import audit
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise

JOURNEY = Actor.system("journey")


def catalog_study(study_instance_uid: str) -> int:
    """Make the catalog's rows of a study follow its case; returns how many series it has there.

    A cleared study gets its rows made anew from the archive, any other one loses them: whoever asks late, or twice,
    ends at the same rows.

    Raises
    ------
    NotFoundError
        When the study is not in the archive.
    """
    with transaction.atomic():
        rows = Study.objects.select_for_update(of=("self",), no_key=True).select_related("subject__site")
        study = rows.filter(study_instance_uid=study_instance_uid).first()
        if study is None:
            raise NotFoundError("There is no such study in the archive.")
        is_cleared = Case.objects.filter(study=study, state=CaseState.CLEARED).exists()
        entries = _entries(study) if is_cleared else []
        removed, _ = CatalogSeries.objects.filter(study=study).delete()
        CatalogSeries.objects.bulk_create(entries)
        if entries or removed:
            facts = {"series": len(entries)}
            audit.record(JOURNEY, "catalog.listed", object_kind="study", object_id=study_instance_uid, facts=facts)
    return len(entries)


def _entries(study: Study) -> list[CatalogSeries]:
    subject = study.subject
    record = SubjectRecord.objects.filter(subject=subject).first()
    is_stored = Q(instances__state=InstanceState.STORED)
    rows = Series.objects.filter(study=study).annotate(
        stored=Count("instances", filter=is_stored), bytes=Sum("instances__size_bytes", filter=is_stored, default=0)
    )
    replaced = replaced_objects().filter(reading__case__study=study).values("series_instance_uid")
    return [
        CatalogSeries(
            series=series,
            study=study,
            subject=subject,
            collection=subject.project,
            site=subject.site.code,
            modality=series.modality or NOT_STATED,
            body_part=series.body_part_examined.upper() or NOT_STATED,
            sex=study.patient_sex or NOT_STATED,
            age_group=age_group(study.patient_age_years),
            manufacturer=series.manufacturer or NOT_STATED,
            covid19_status=(record.covid19_status if record else "") or "unknown",
            instance_count=series.stored,
            size_bytes=series.bytes,
            catalogued_at=timezone.now(),
        )
        for series in rows.exclude(series_instance_uid__in=replaced).order_by("id")
        if series.stored
    ]


def remove_study(study_instance_uid: str) -> int:
    """Take a study out of the catalog, as when it is held again; cohorts frozen before keep it.

    Returns how many series were removed; none when it was not there.
    """
    with transaction.atomic():
        rows = CatalogSeries.objects.filter(study__study_instance_uid=study_instance_uid)
        number, _ = rows.delete()
        if number:
            facts = {"series": number}
            audit.record(JOURNEY, "catalog.removed", object_kind="study", object_id=study_instance_uid, facts=facts)
    return number


def freeze_cohort(name: str, query: CatalogQuery, *, actor: Actor) -> Cohort:
    """Freeze what a selection holds now, under a name that was never used before.

    Raises
    ------
    ForbiddenError
        When the actor may not.
    CohortNameError, CohortNameTakenError
        When the name cannot be used.
    CohortEmptyError
        When the selection holds nothing.
    """
    authorise(actor, Action.CATALOG_FREEZE)
    if not COHORT_NAME.fullmatch(name):
        raise CohortNameError
    try:
        with transaction.atomic():
            cohort = _freeze(name, query, queries.instances(query), actor)
            facts = {"name": name, "query": cohort.query, "digest": cohort.digest, "instances": cohort.instance_count}
            audit.record(actor, "cohort.frozen", object_kind="cohort", object_id=cohort.pk, facts=facts)
    except IntegrityError as error:
        raise CohortNameTakenError(name) from error
    return cohort


def _freeze(name: str, query: CatalogQuery, instances: QuerySet[Instance], actor: Actor) -> Cohort:
    digest = hashlib.sha256()
    ids = []
    rows = instances.order_by("sop_instance_uid").values_list("id", "sop_instance_uid", "sha256")
    for row_id, sop_instance_uid, sha256 in rows.iterator(chunk_size=5000):
        digest.update(f"{sop_instance_uid} {sha256}\n".encode())
        ids.append(row_id)
    if not ids:
        raise CohortEmptyError
    totals = instances.aggregate(
        subjects=Count("series__study__subject", distinct=True),
        studies=Count("series__study", distinct=True),
        series=Count("series", distinct=True),
        size_bytes=Sum("size_bytes"),
    )
    cohort = Cohort.objects.create(
        name=name,
        query=query.to_lists(),
        digest=digest.hexdigest(),
        subject_count=totals["subjects"],
        study_count=totals["studies"],
        series_count=totals["series"],
        instance_count=len(ids),
        size_bytes=totals["size_bytes"],
        frozen_by=actor.name,
        frozen_at=timezone.now(),
    )
    members = (CohortInstance(cohort=cohort, instance_id=row_id) for row_id in ids)
    CohortInstance.objects.bulk_create(members, batch_size=5000)
    return cohort
