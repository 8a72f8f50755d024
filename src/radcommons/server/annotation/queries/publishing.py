"""What there is to publish of a project, with the images it is about, and what was published."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from pydicom import Dataset

from radcommons.server.annotation.models import Case, CaseInstance, Publication, PublishedObject, ReadingProject, Task
from radcommons.server.annotation.queries.final import final_reading
from radcommons.server.annotation.queries.published import replaced_objects
from radcommons.server.annotation.queries.readings import readings_of
from radcommons.server.annotation.rules.planning import FIRST
from radcommons.server.annotation.rules.publishing import (
    REASONS,
    PublicationState,
    ReadingState,
    Reason,
    case_reason,
    consensus_reason,
)
from radcommons.server.annotation.rules.states import DONE, CaseState, Phase, ReaderKind
from radcommons.server.archive import metadata
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.transfer.annotation.objects import DocumentReference
from radcommons.transfer.annotation.publication import ObjectKind, SourceSeries
from radcommons.transfer.annotation.record import Reading


@dataclass(frozen=True, slots=True)
class Publishable:
    """One reading that may be published; ``inputs`` are the submissions that a consensus was made from."""

    reading: Reading
    is_consensus: bool
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not published: a whole case, a read, or a consensus."""

    study_instance_uid: str
    what: str
    reason: Reason

    def to_json(self) -> dict[str, str]:
        """As it is kept."""
        return {"study_instance_uid": self.study_instance_uid, "what": self.what, "reason": self.reason}


def publishable(case: Case) -> tuple[list[Publishable], list[LeftOut]]:
    """The readings of a case: the first read of each reader, and the consensus."""
    uid = case.study_instance_uid
    tasks = list(
        case.tasks.filter(state__in=DONE)
        .exclude(submission=None)
        .select_related("submission", "reader")
        .order_by("reader__pseudonym", "occasion")
    )
    left_out = [LeftOut(uid, task.reader.pseudonym, Reason.REPEAT) for task in tasks if task.occasion != FIRST]
    first = [task for task in tasks if task.occasion == FIRST]
    readings = readings_of(first)
    found = [Publishable(readings[task.pk], is_consensus=False, inputs=()) for task in first]
    reason = consensus_reason(CaseState(case.state))
    if reason is not None:
        left_out.append(LeftOut(uid, "consensus", reason))
    elif first:
        found.append(_consensus(case, [task for task in first if task.reader.kind != ReaderKind.MODEL]))
    return found, left_out


def reason_of(case: Case) -> Reason | None:
    """Why nothing of a case is published now; None when it may be."""
    has_images = case.study_id is not None and _images(case).exists()
    return case_reason(has_study=case.study_id is not None, has_images=has_images, is_suspended=case.is_suspended)


def _consensus(case: Case, tasks: Sequence[Task]) -> Publishable:
    """The consensus as of the last read or decision that it was made from: nothing in it is the clock's."""
    moments = [task.submitted_at for task in tasks if task.submitted_at is not None]
    moments += case.decisions.values_list("decided_at", flat=True)
    at = max(moments, default=None)
    reading = replace(final_reading(case), finished_at=_text(at))
    inputs = tuple(sorted(task.submission.sha256 for task in tasks if task.submission is not None))
    return Publishable(reading, is_consensus=True, inputs=inputs)


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment is not None else ""


def pseudonyms_of(project: ReadingProject) -> tuple[str, ...]:
    """Everybody who reads in a project, in the order in which they were named."""
    return tuple(project.readers.order_by("pk").values_list("pseudonym", flat=True))


def programs_of(project: ReadingProject) -> tuple[str, ...]:
    """Names and versions of the algorithms whose results are reads of a project."""
    return tuple(project.readers.exclude(software="").values_list("software", flat=True))


def cases_to_publish(project: ReadingProject) -> QuerySet[Case]:
    """The cases of a project that were read for its labels: training cases have an answer already."""
    return project.cases.exclude(phase=Phase.TRAINING).select_related("project__schema").order_by("pk")


def _images(case: Case) -> QuerySet[CaseInstance]:
    rows = CaseInstance.objects.filter(case=case, is_prior=False, instance__state=InstanceState.STORED)
    return rows.filter(instance__is_image=True)


def reports_before(publication: Publication, case: Case) -> dict[str, DocumentReference]:
    """By reader, the latest report on a case that an earlier publication put into the archive."""
    kept = Instance.objects.filter(state=InstanceState.STORED)
    rows = PublishedObject.objects.filter(
        kind=ObjectKind.SR,
        reading__case=case,
        reading__publication__number__lt=publication.number,
        sop_instance_uid__in=kept.values("sop_instance_uid"),
    ).order_by("reading__publication__number", "pk")
    columns = ("reading__reader", "series_instance_uid", "sop_instance_uid")
    return {reader: DocumentReference(series, sop) for reader, series, sop in rows.values_list(*columns)}


def images_of(case: Case) -> tuple[SourceSeries, ...]:
    """The series of a case with the headers of its images, pixels left away."""
    columns = ("instance__series__series_instance_uid", "instance__dicom_json")
    by_series: dict[str, list[Dataset]] = defaultdict(list)
    for series_instance_uid, packed in _images(case).order_by(columns[0], "instance_id").values_list(*columns):
        by_series[series_instance_uid].append(_header(metadata.attributes_of(packed)))
    return tuple(SourceSeries(uid, tuple(headers)) for uid, headers in by_series.items())


def _header(attributes: Mapping[str, Any]) -> Dataset:
    plain = {tag: element for tag, element in attributes.items() if "BulkDataURI" not in element}
    return Dataset.from_json(plain)


@dataclass(frozen=True, slots=True)
class Account:
    """What a publication came to, in numbers and, for what it leaves out, in words.

    ``replaced`` counts its objects that a later publication made anew.
    """

    publication: Publication
    by_state: Mapping[str, int]
    by_kind: Mapping[str, int]
    left_out: tuple[tuple[str, int, str], ...]
    held: tuple[tuple[str, int], ...]
    replaced: int

    @property
    def done(self) -> int:
        """How many readings are settled."""
        return self.total - self.by_state.get(ReadingState.WAITING, 0)

    @property
    def total(self) -> int:
        """How many readings it is of."""
        return sum(self.by_state.values())

    @property
    def is_working(self) -> bool:
        """Whether readings wait."""
        return self.publication.state == PublicationState.WORKING

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {
            "publication": self.publication.number,
            "state": self.publication.state,
            "readings": dict(self.by_state),
            "objects": dict(self.by_kind),
            "left_out": [{"reason": reason, "count": count, "message": text} for reason, count, text in self.left_out],
            "replaced": self.replaced,
            "held_back": [{"code": code, "objects": count} for code, count in self.held],
        }


def account_of(publication: Publication) -> Account:
    """The account of a publication, counted now."""
    rows = publication.readings.order_by()
    states = dict(rows.values_list("state").annotate(Count("pk")))
    made = PublishedObject.objects.filter(reading__publication=publication).order_by()
    left = Counter(entry["reason"] for entry in publication.left_out)
    left.update(rows.filter(state=ReadingState.LEFT_OUT).values_list("reason", flat=True))
    held = Counter(
        code
        for findings in rows.filter(state=ReadingState.HELD).values_list("findings", flat=True)
        for code in findings
    )
    return Account(
        publication,
        states,
        dict(made.values_list("kind").annotate(Count("pk"))),
        tuple((reason, count, REASONS[Reason(reason)]) for reason, count in sorted(left.items())),
        tuple(sorted(held.items())),
        replaced_objects().filter(reading__publication=publication).count(),
    )


def accounts_of(project: ReadingProject) -> Iterable[Account]:
    """The publications of a project, the latest first."""
    return [account_of(publication) for publication in project.publications.order_by("-number")]
