"""The verb by which files that an algorithm wrote become its reads in a project."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.db.models import QuerySet
from pydicom import Dataset

from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import CaseInstance, Reader, ReadingProject
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.publishing import images_of
from radcommons.server.annotation.rules.uploads import Labelling
from radcommons.server.annotation.services.modelling import ModelRead, record_model_reads
from radcommons.server.platform.policy import Action, Actor, authorise
from radcommons.server.platform.settings import settings
from radcommons.transfer.annotation.fitting import fitted, label_meant
from radcommons.transfer.annotation.record import Item, Target
from radcommons.transfer.annotation.results import Drawn, Result, ResultFile, ResultKind, StudyAnswers, read_result
from radcommons.transfer.annotation.schema import LabelSchema

ENDINGS: Mapping[ResultKind, tuple[str, ...]] = {
    ResultKind.JSON: (".json",),
    ResultKind.COCO: (".json",),
    ResultKind.NIFTI: (".nii.gz", ".nii"),
}
# What of an image a drawing in millimetres is placed by.
_GEOMETRY = (
    "SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns", "PixelSpacing",
    "ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the files."""

    reader: Reader
    files: int
    other_objects: int
    reads: int
    items: int
    left_out: int
    by_label: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an image of the project lies."""

    study_instance_uid: str
    series_instance_uid: str
    rows: int
    columns: int


def add_results(
    project: ReadingProject,
    software: str,
    paths: Sequence[Path],
    kind: ResultKind,
    labelling: Labelling,
    *,
    actor: Actor,
) -> Added:
    """Read files in processes with limits and keep what they hold as reads of one program; all of it, or nothing.

    Raises
    ------
    ProjectInvalidError
        When a file cannot be read, is about other images, or something drawn is no label of the schema.
    ReadIncompleteError, MoveNotPossibleError
        As for :func:`record_model_reads`.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    schema = schema_value(project.schema)
    files = tuple(ResultFile(number, kind, path) for number, path in enumerate(_expanded(paths, kind), start=1))
    if not files:
        raise ProjectInvalidError("There is no such file in what was named.")
    are_named = all(path.is_file() for path in paths)
    results = _read(project, files)
    collector = _Collector(project, schema, labelling)
    others = 0
    for number, result in sorted(results.items()):
        if result.is_other_object and not are_named:
            others += 1
        elif result.refusal:
            raise ProjectInvalidError(f"File {number}: {result.refusal}")
        else:
            collector.add(number, result)
    reads = [ModelRead(study, [item.to_json() for item in items]) for study, items in collector.by_study.items()]
    reader = record_model_reads(project, software, reads, actor=actor)
    by_label = Counter(item.label_id for items in collector.by_study.values() for item in items)
    return Added(
        reader, len(files) - others, others, len(reads), by_label.total(), collector.left_out, by_label=by_label
    )


def _expanded(paths: Iterable[Path], kind: ResultKind) -> list[Path]:
    """Files as they are named; those of a folder, in order, that can be of the kind."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(one for one in path.rglob("*") if one.is_file())
            found += [one for one in files if one.name.endswith(ENDINGS.get(kind, ("",)))]
        else:
            found.append(path)
    return found


def _read(project: ReadingProject, files: Sequence[ResultFile]) -> dict[int, Result]:
    limits = settings()
    with LimitedPool(
        read_result,
        processes=limits.worker_processes,
        memory_bytes=limits.worker_memory_bytes,
        timeout_s=limits.parse_timeout_s,
    ) as pool:
        results = {file.number: _told(result) for file, result in pool.run(files)}
        by_number = {file.number: file for file in files}
        placed = (
            replace(by_number[number], headers=_headers(project, number, result.wants_series))
            for number, result in sorted(results.items())
            if result.wants_series
        )
        for file, result in pool.run(placed):
            results[file.number] = _told(result)
    return results


def _told(result: Result | Finding) -> Result:
    return Result(refusal=result.message) if isinstance(result, Finding) else result


def _headers(project: ReadingProject, number: int, series: Sequence[str]) -> tuple[Dataset, ...]:
    if len(series) != 1:
        raise ProjectInvalidError(f"File {number}: it is drawn on several series.")
    member = _members(project).filter(instance__series__series_instance_uid=series[0]).select_related("case").first()
    if member is None:
        raise ProjectInvalidError(f"File {number}: it is about a series that is in no case of the project.")
    found = next(one for one in images_of(member.case) if one.series_instance_uid == series[0])
    return tuple(_geometry_of(header) for header in found.headers)


def _geometry_of(header: Dataset) -> Dataset:
    made = Dataset()
    for keyword in _GEOMETRY:
        if keyword in header:
            made.add(header[keyword])
    return made


def _members(project: ReadingProject) -> QuerySet[CaseInstance]:
    return CaseInstance.objects.filter(case__project=project, is_prior=False, instance__is_image=True)


class _Collector:
    """Gathers the items of each study, under identifiers that are its own."""

    def __init__(self, project: ReadingProject, schema: LabelSchema, labelling: Labelling) -> None:
        self._project = project
        self._schema = schema
        self._labelling = labelling
        self._ids: dict[str, set[str]] = defaultdict(set)
        self.by_study: dict[str, list[Item]] = {}
        self.left_out = 0

    def add(self, number: int, result: Result) -> None:
        """Take what a file holds."""
        for answers in result.answers:
            self._answers(number, answers)
        places = self._places(result.drawn)
        for drawn in result.drawn:
            self._drawn(number, drawn, places)

    def _answers(self, number: int, answers: StudyAnswers) -> None:
        if answers.schema not in {"", str(self._schema.reference)}:
            raise ProjectInvalidError(
                f"File {number}: it answers another schema than the project's, {self._schema.reference}."
            )
        kept = self.by_study.setdefault(answers.study_instance_uid, [])
        renamed = {item.id: self._own_id(answers.study_instance_uid, item.id) for item in answers.items}
        kept += [replace(item, id=renamed[item.id], about=renamed.get(item.about, "")) for item in answers.items]

    def _places(self, drawn: Sequence[Drawn]) -> dict[str, _Place]:
        uids = {shape.frame.sop_instance_uid for one in drawn for shape in one.item.shapes}
        columns = ("sop_instance_uid", "series__series_instance_uid", "rows", "columns")
        rows = _members(self._project).filter(instance__sop_instance_uid__in=uids)
        return {
            uid: _Place(study, series, height or 0, width or 0)
            for study, uid, series, height, width in rows.values_list(
                "case__study_instance_uid", *(f"instance__{column}" for column in columns)
            )
        }

    def _drawn(self, number: int, drawn: Drawn, places: Mapping[str, _Place]) -> None:
        wished = next((self._labelling.by_name[name] for name in drawn.names if name in self._labelling.by_name), None)
        if wished == "" or not drawn.item.shapes:
            self.left_out += 1
            return
        names = (wished,) if wished else (self._labelling.default,) if self._labelling.default else drawn.names
        label = label_meant(self._schema, names, None if wished or self._labelling.default else drawn.concept)
        if label is None and self._labelling.leaves_rest:
            self.left_out += 1
            return
        if label is None:
            what = drawn.names[-1]
            raise ProjectInvalidError(
                f"File {number}: its drawing {what} is no label of {self._schema.reference}. Name one with --label "
                f"LABEL for all, or --label {what}=LABEL; --label {what}= leaves it out, --label *= all that is no label."
            )
        found = {places.get(shape.frame.sop_instance_uid) for shape in drawn.item.shapes}
        if None in found:
            raise ProjectInvalidError(f"File {number}: it is about images that are in no case of the project.")
        series = {(place.study_instance_uid, place.series_instance_uid) for place in found if place is not None}
        if len(series) > 1:
            raise ProjectInvalidError(f"File {number}: one drawing is on images of several series.")
        place = next(place for place in found if place is not None)
        item = fitted(drawn.item, label, place.rows, place.columns)
        study = place.study_instance_uid
        target = Target(study, place.series_instance_uid)
        self.by_study.setdefault(study, []).append(replace(item, id=self._own_id(study, item.id), target=target))

    def _own_id(self, study: str, wished: str) -> str:
        """An id that no other item of the study has."""
        found, count = wished, 1
        while found in self._ids[study]:
            count += 1
            found = f"{wished}.{count}"
        self._ids[study].add(found)
        return found
