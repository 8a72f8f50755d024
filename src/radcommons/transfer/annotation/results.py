"""What an algorithm left in a file, as drawings and answers: for a process with limits, as the bytes are a stranger's.

Whose image something is drawn on is known by SOP Instance UIDs alone; which study, series and label that is, only the
project knows. A structure set lies in millimetres: it is read a second time with the geometry of the series that it names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from pydicom import Dataset

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.uids import is_harmless_uid
from radcommons.transfer.annotation.coco import CocoImage, listed_images, read_coco
from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.dicom_seg import Segment, read_segmentation
from radcommons.transfer.annotation.dicom_sr_reading import read_report
from radcommons.transfer.annotation.documents import open_json
from radcommons.transfer.annotation.geometry import FrameMask, uid_of
from radcommons.transfer.annotation.nifti import NiftiMasks, read_nifti
from radcommons.transfer.annotation.nifti_foreign import read_label_map
from radcommons.transfer.annotation.objects import AnnotationObjectError, source_stack
from radcommons.transfer.annotation.record import MOST_ITEMS, Item, Target, reading_from_json
from radcommons.transfer.annotation.rtstruct import read_structure_set, referenced_series
from radcommons.transfer.annotation.untyped import AnnotationFormatError, Node

_NOWHERE = Target("")
_OTHER_OBJECTS = frozenset(
    {"annotation.not-a-segmentation", "annotation.not-a-structure-set", "annotation.not-a-report"}
)
SIDECAR = ".json"


class ResultKind(StrEnum):
    """What results come as."""

    JSON = "json"
    COCO = "coco"
    NIFTI = "nifti"
    SEG = "seg"
    RTSTRUCT = "rtstruct"
    SR = "sr"


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file to be read; ``headers`` are the geometry of the images that a structure set or a bare label map is about."""

    number: int
    kind: ResultKind
    path: Path
    headers: tuple[Dataset, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """Something drawn, with all that says which label it answers; its target is not filled in."""

    names: tuple[str, ...]
    concept: Code | None
    item: Item


@dataclass(frozen=True, slots=True)
class StudyAnswers:
    """Answers to the questions of a schema about one study; ``schema`` is empty when the file does not name one."""

    study_instance_uid: str
    schema: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a file holds, which series it needs to be read again with, or why it cannot be read."""

    drawn: tuple[Drawn, ...] = ()
    answers: tuple[StudyAnswers, ...] = ()
    wants_series: tuple[str, ...] = ()
    refusal: str = ""
    is_other_object: bool = False


def read_result(file: ResultFile) -> Result:
    """Read one file; what is wrong with it is part of the answer, so that it passes from process to process."""
    try:
        return _READERS[file.kind](file)
    except RadCommonsError as error:
        return Result(refusal=error.message, is_other_object=error.code in _OTHER_OBJECTS)


def _segmentation(file: ResultFile) -> Result:
    found = read_segmentation(file.path.read_bytes())
    return Result(drawn=tuple(_segments(found.segments)))


def _segments(segments: tuple[Segment, ...]) -> Iterator[Drawn]:
    for number, segment in enumerate(segments, start=1):
        item = Item(segment.tracking_id or f"segment-{number}", "", _NOWHERE, value=True, shapes=segment.masks)
        yield Drawn((segment.description, segment.label, str(number)), segment.concept, item)


def _label_map(file: ResultFile) -> Result:
    stem = file.path.name.removesuffix(".gz").removesuffix(".nii")
    sidecar = file.path.with_name(stem + SIDECAR)
    if file.headers:
        return Result(drawn=tuple(_numbers(read_label_map(file.path.read_bytes(), source_stack(file.headers)))))
    if not sidecar.is_file():
        if not is_harmless_uid(stem):
            message = "has no sidecar of the same name, and is not named by its series: <SeriesInstanceUID>.nii.gz"
            raise AnnotationFormatError("label map", message)
        return Result(wants_series=(stem,))
    segments = read_nifti(NiftiMasks(file.path.read_bytes(), sidecar.read_bytes()))
    return Result(drawn=tuple(_segments(segments)))


def _numbers(masks: Mapping[int, tuple[FrameMask, ...]]) -> Iterator[Drawn]:
    for number, found in masks.items():
        yield Drawn((str(number),), None, Item(f"label-{number}", "", _NOWHERE, value=True, shapes=found))


def _structure_set(file: ResultFile) -> Result:
    data = file.path.read_bytes()
    if not file.headers:
        series = referenced_series(data)
        if not series:
            raise AnnotationObjectError("annotation.no-series", "The structure set does not say which series it is of.")
        return Result(wants_series=series)
    drawn = []
    for number, region in enumerate(read_structure_set(data, source_stack(file.headers)), start=1):
        item = Item(region.item_id or f"region-{number}", "", _NOWHERE, value=True, shapes=region.outlines)
        drawn.append(Drawn((region.label_id, region.name, str(number)), None, item))
    return Result(drawn=tuple(drawn))


def _report(file: ResultFile) -> Result:
    reading = read_report(file.path.read_bytes())
    return Result(answers=(StudyAnswers(reading.study_instance_uid, str(reading.schema), reading.items),))


def _coco(file: ResultFile) -> Result:
    data = file.path.read_bytes()
    images = [CocoImage(image.frame, "", "", image.rows, image.columns) for image in listed_images(data)]
    regions = read_coco(data, images)
    if len({one.reader for one in regions}) > 1:
        raise AnnotationFormatError("annotations", "are of several readers")
    return Result(drawn=tuple(Drawn((item.label_id,), None, item) for one in regions for item in one.items))


def _json(file: ResultFile) -> Result:
    value = open_json(file.path.read_bytes())
    key = next((name for name in ("readings", "reads") if isinstance(value, dict) and name in value), None)
    listed = Node(value)[key] if key is not None else Node(value if isinstance(value, list) else [value])
    return Result(answers=tuple(_answers(node) for node in listed.each(most=MOST_ITEMS)))


def _answers(node: Node) -> StudyAnswers:
    if node.has("format"):
        reading = reading_from_json(node.value)
        return StudyAnswers(reading.study_instance_uid, str(reading.schema), reading.items)
    node.fields({"study_instance_uid", "items"}, required={"study_instance_uid"})
    study = uid_of(node["study_instance_uid"])
    return StudyAnswers(study, "", node.tuple_of("items", Item.from_json, most=MOST_ITEMS))


_READERS: Mapping[ResultKind, Callable[[ResultFile], Result]] = MappingProxyType(
    {
        ResultKind.JSON: _json,
        ResultKind.COCO: _coco,
        ResultKind.NIFTI: _label_map,
        ResultKind.SEG: _segmentation,
        ResultKind.RTSTRUCT: _structure_set,
        ResultKind.SR: _report,
    }
)
