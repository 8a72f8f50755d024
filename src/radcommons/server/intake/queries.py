"""What pages, programs and other rooms ask about batches."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from radcommons.server.archive.models import Study
from radcommons.server.intake import rules
from radcommons.server.intake.models import (
    AcceptedProfile,
    Batch,
    BatchPart,
    Door,
    PartState,
    QuarantinedInstance,
    SigningKey,
    StudyProgress,
)
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, sites_for

ACCEPTED = (PartState.STORED, PartState.DUPLICATE)
LEAST_SEVERITY_SHOWN = ("error", "warning")


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How many files of a batch are where."""

    sent: int
    missing: int
    waiting: int
    stored: int
    duplicate: int
    quarantined: int
    discarded: int

    def to_json(self) -> dict[str, int]:
        """The counts as the wire shows them."""
        names = ("sent", "missing", "waiting", "stored", "duplicate", "quarantined", "discarded")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch as lists show it."""

    batch: Batch
    counts: BatchCounts
    studies: int

    @property
    def next_step(self) -> str:
        """What happens next, in one sentence."""
        counts = self.counts
        return rules.next_step(self.batch.state, missing=counts.missing, quarantined=counts.quarantined)


@dataclass(frozen=True, slots=True)
class FindingCount:
    """How often a finding occurred in a batch, with its sentence."""

    code: str
    severity: str
    count: int
    message: str

    def to_json(self) -> dict[str, object]:
        """The finding as the wire shows it."""
        return {"code": self.code, "severity": self.severity, "count": self.count, "message": self.message}


@dataclass(frozen=True, slots=True)
class SentStudy:
    """A study of a site as far as it was sent: how many files are where, and how far the centre has come with it."""

    study_instance_uid: str
    state: str
    reason: str
    since: datetime | None
    sent: int
    accepted: int
    quarantined: int


def readable_batches(actor: Actor) -> QuerySet[Batch]:
    """The batches an actor may see, newest first."""
    rows = Batch.objects.select_related("site", "signing_key")
    allowed = sites_for(actor, Action.INTAKE_READ_BATCH)
    return rows if allowed is None else rows.filter(site__code__in=allowed)


def batch_for(batch_id: str, actor: Actor) -> Batch:
    """One batch, if the actor may see it.

    Raises
    ------
    NotFoundError
        When there is none, or it is another site's.
    """
    batch = readable_batches(actor).filter(batch_id=batch_id).first()
    if batch is None:
        raise NotFoundError
    return batch


def lines(batches: Iterable[Batch]) -> Sequence[BatchLine]:
    """Batches with their counts; two queries, however many they are."""
    rows = list(batches)
    by_state: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = BatchPart.objects.filter(batch__in=rows).order_by().values_list("batch_id", "state")
    for batch_pk, state, count in grouped.annotate(count=Count("pk")):
        by_state[batch_pk][state] = count
    studies = dict(
        BatchPart.objects.filter(batch__in=rows)
        .order_by()
        .values_list("batch_id")
        .annotate(count=Count("study_instance_uid", distinct=True))
    )
    return [BatchLine(batch, _counts(by_state[batch.pk]), studies.get(batch.pk, 0)) for batch in rows]


def line(batch: Batch) -> BatchLine:
    """One batch with its counts."""
    return lines([batch])[0]


def _counts(by_state: dict[str, int]) -> BatchCounts:
    return BatchCounts(
        sent=sum(by_state.values()),
        missing=by_state.get(PartState.MISSING, 0),
        waiting=by_state.get(PartState.STAGED, 0),
        stored=by_state.get(PartState.STORED, 0),
        duplicate=by_state.get(PartState.DUPLICATE, 0),
        quarantined=by_state.get(PartState.QUARANTINED, 0),
        discarded=by_state.get(PartState.DISCARDED, 0),
    )


def findings_of(batch: Batch) -> Sequence[FindingCount]:
    """The errors and warnings of a batch by code, worst and most frequent first."""
    statement = """
        SELECT f->>'code', f->>'severity', count(*), min(f->>'message')
        FROM intake_batchpart p CROSS JOIN LATERAL jsonb_array_elements(p.findings) f
        WHERE p.batch_id = %s AND f->>'severity' = ANY(%s)
        GROUP BY 1, 2 ORDER BY 2, 3 DESC, 1
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [batch.pk, list(LEAST_SEVERITY_SHOWN)])
        return [FindingCount(*row) for row in cursor.fetchall()]


def released_of(batch: Batch) -> QuerySet[BatchPart]:
    """What a person at the site let go although no program can clean it."""
    return BatchPart.objects.filter(batch=batch).exclude(release={}).order_by("pk")


def studies_of(batch: Batch) -> Sequence[SentStudy]:
    """The studies of one batch, with what the centre made of each."""
    return _studies(BatchPart.objects.filter(batch=batch))


def studies_of_site(site_code: str, limit: int = 500) -> Sequence[SentStudy]:
    """The studies a site has sent, those that moved last first; what the centre made of them is not counted."""
    sent = BatchPart.objects.filter(batch__site__code=site_code).exclude(batch__door=Door.DERIVED)
    stored = Study.objects.filter(subject__site__code=site_code).order_by()
    is_told = Exists(StudyProgress.objects.filter(study_instance_uid=OuterRef("study_instance_uid")))
    moved = StudyProgress.objects.filter(study_instance_uid__in=stored.values("study_instance_uid"))
    is_stored = Exists(Study.objects.filter(study_instance_uid=OuterRef("study_instance_uid")))
    outside = sent.filter(~is_stored, state__in=(PartState.STAGED, PartState.QUARANTINED, PartState.DISCARDED))
    # Which they are is told by small tables; only their own parts are counted, of which a site may have sent millions.
    wanted = [
        *outside.order_by().values_list("study_instance_uid", flat=True).distinct()[:limit],
        *stored.filter(~is_told).values_list("study_instance_uid", flat=True)[:limit],
        *moved.order_by("-since").values_list("study_instance_uid", flat=True)[:limit],
    ]
    studies = _studies(sent.exclude(state=PartState.MISSING).filter(study_instance_uid__in=wanted))
    dated = [study for study in studies if study.since]
    undated = [study for study in studies if not study.since]
    return [*undated, *sorted(dated, key=lambda study: str(study.since), reverse=True)][:limit]


def _studies(parts: QuerySet[BatchPart]) -> list[SentStudy]:
    grouped = (
        parts.order_by("study_instance_uid")
        .values_list("study_instance_uid")
        .annotate(
            sent=Count("pk"),
            accepted=Count("pk", filter=Q(state__in=ACCEPTED)),
            held=Count("pk", filter=Q(state=PartState.QUARANTINED)),
        )
    )
    rows = list(grouped)
    progress = {
        row.study_instance_uid: row for row in StudyProgress.objects.filter(study_instance_uid__in=[r[0] for r in rows])
    }
    return [_sent_study(row, progress.get(row[0])) for row in rows]


def _sent_study(row: tuple[str, int, int, int], progress: StudyProgress | None) -> SentStudy:
    study_instance_uid, sent, accepted, quarantined = row
    if progress is not None:
        state, reason, since = progress.state, progress.reason, progress.since
    else:
        state, reason, since = rules.study_state(sent=sent, accepted=accepted, quarantined=quarantined), "", None
    return SentStudy(study_instance_uid, state, reason, since, sent, accepted, quarantined)


def batch_json(batch: Batch) -> dict[str, object]:
    """A batch as the wire shows it."""
    return {
        "batch_id": batch.batch_id,
        "site": batch.site.code,
        "project": batch.project,
        "state": batch.state,
        "opened_at": batch.opened_at.isoformat(),
        "finished_at": batch.finished_at.isoformat() if batch.finished_at else None,
        "signing_key": batch.signing_key.fingerprint if batch.signing_key else None,
        "summary_sha256": batch.summary_sha256 or None,
        "counts": line(batch).counts.to_json(),
        "findings": [finding.to_json() for finding in findings_of(batch)],
        "studies": [
            {"study_instance_uid": study.study_instance_uid, "state": study.state} for study in studies_of(batch)
        ],
    }


def quarantined(*, batch: Batch | None = None, is_waiting: bool = True) -> QuerySet[QuarantinedInstance]:
    """Files held back, oldest first: of one batch or of all, those waiting for a decision or all that ever were."""
    rows = QuarantinedInstance.objects.select_related("part__batch__site")
    if batch is not None:
        rows = rows.filter(part__batch=batch)
    return rows.filter(decision=QuarantinedInstance.Decision.WAITING) if is_waiting else rows


def quarantined_after(quarantined_id: int) -> QuarantinedInstance | None:
    """The next other file that waits for a decision, looking on from one and then from the start."""
    rows = quarantined().order_by("pk")
    return rows.filter(pk__gt=quarantined_id).first() or rows.exclude(pk=quarantined_id).first()


def quarantined_by_id(quarantined_id: int) -> QuarantinedInstance:
    """One file held back.

    Raises
    ------
    NotFoundError
        When there is none under the number.
    """
    row = quarantined(is_waiting=False).filter(pk=quarantined_id).first()
    if row is None:
        raise NotFoundError
    return row


def quarantine_codes() -> Sequence[tuple[str, int]]:
    """The codes of what waits in quarantine, with how many files each concerns."""
    statement = """
        SELECT f->>'code', count(DISTINCT q.id)
        FROM intake_quarantinedinstance q CROSS JOIN LATERAL jsonb_array_elements(q.findings) f
        WHERE q.decision = 'waiting' AND f->>'severity' = 'error'
        GROUP BY 1 ORDER BY 2 DESC, 1
    """
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [(code, count) for code, count in cursor.fetchall()]


def signing_keys_of(site_code: str) -> Sequence[SigningKey]:
    """The keys by which a site vouched for batches, in the order in which they came."""
    return list(SigningKey.objects.filter(site__code=site_code))


def signing_keys() -> QuerySet[SigningKey]:
    """The keys of all sites, those that wait for a person first."""
    return SigningKey.objects.select_related("site").order_by("-trust", "site__code", "id")


def accepted_profiles() -> Sequence[AcceptedProfile]:
    """The profiles that are accepted beside those of this software."""
    return list(AcceptedProfile.objects.all())


def batches_of_site(site_code: str) -> QuerySet[Batch]:
    """The batches of one site, newest first; whoever asks has made sure that they may be seen."""
    return Batch.objects.select_related("site").filter(site__code=site_code)
