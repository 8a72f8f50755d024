"""De-identifying one source, in a limited process: look at its pixels, rewrite it, look again at what was written."""

import errno
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import orjson

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.engine import Outcome, PatientMapping, deidentify_file
from radcommons.deid.outcome import WrittenInstance
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.profile import Profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.dicom.finding import Finding, Severity
from radcommons.edge.findings import RELEASED
from radcommons.edge.pixels.looking import LookMeans, look_at, verdict_of
from radcommons.edge.pixels.looks import Look
from radcommons.edge.pixels.orders import NOTHING_KNOWN, Order
from radcommons.edge.sources import UNREADABLE, Source
from radcommons.transfer.sender import file_sha256

ENDED = ("isolation.", "edge.disk-full")
"""How the codes begin of what another run may not meet again: the process working on a source ended, or had no room."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
REJECTED = Finding(Severity.INFO, "edge.rejected", "object", "A person decided that this object does not leave.")


@dataclass(frozen=True, slots=True)
class Task:
    """One source to de-identify.

    Parameters
    ----------
    source
        Where its bytes lie.
    recipe
        Digest of everything the result depends on.
    destination
        Where to put the new file for now.
    patient
        Who this patient becomes, and everything known of the patient that must not be found in the result.
    sop_class_uid
        What kind of object it is.
    order
        What is known and decided about its pixels.
    """

    source: Source
    recipe: str
    destination: str
    patient: PatientMapping
    sop_class_uid: str = ""
    order: Order = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class NewInstance:
    """A de-identified instance; all UIDs are new."""

    sha256: str
    size_bytes: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    instance_number: int
    number_of_frames: int
    is_image: bool
    pixel_text: str
    kept_texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one task.

    Parameters
    ----------
    instance
        The new object at the destination; ``None`` when there is none, and the findings say why.
    actions, actions_digest
        What happened to which attribute, as JSON without values.
    findings
        What was odd or refused.
    boxes
        What was blackened; ``None`` when nobody looked.
    look
        What a program saw now, to be remembered.
    """

    instance: NewInstance | None
    actions: str
    actions_digest: str
    findings: tuple[Finding, ...]
    boxes: tuple[Box, ...] | None = None
    look: Look | None = None


def deidentify_source(
    task: Task,
    *,
    profile: Profile,
    key: PseudonymKey,
    means: LookMeans,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Made:
    """De-identify one source; the engine looks again at what it wrote, and anything of the patient in it keeps it out.

    ``texts`` are a person's words for texts that would stay, empty where one is taken out.
    """
    destination = Path(task.destination)
    try:
        with task.source.opened() as path:
            return _made(path, task, profile=profile, key=key, means=means, texts=texts)
    except UNREADABLE as error:
        destination.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return refused(Finding(Severity.ERROR, "edge.disk-full", "object", "There is no room left on the disk."))
        damaged = Finding(Severity.ERROR, "edge.unreadable", "object", "The file or archive member cannot be read.")
        return Made(None, "[]", "", (damaged,))


def refused(finding: Finding) -> Made:
    """The answer for a source of which nothing is made; one whose process ended is tried again by the next run."""
    if finding.code.startswith(ENDED):
        finding = replace(finding, message=f"{finding.message} The next run tries it once more.")
    return Made(None, "[]", "", (finding,))


def _made(
    path: Path, task: Task, *, profile: Profile, key: PseudonymKey, means: LookMeans, texts: Mapping[str, str]
) -> Made:
    order, destination = task.order, Path(task.destination)
    is_looked_at = order.look is not None or order.boxes is not None
    look = order.look if is_looked_at else look_at(path, means, is_suspect=order.is_suspect)
    boxes = _boxes(order, look, means)
    released = frozenset({task.sop_class_uid} if order.is_released else ())
    cleaning = Cleaning(boxes=boxes, text_decisions=dict(texts), released_classes=released)
    outcome = deidentify_file(path, destination, profile=profile, key=key, patient=task.patient, cleaning=cleaning)
    seen = None if look is order.look else look
    findings = (*outcome.findings, *(look.findings if look is not None and not order.state else ()))
    if outcome.description is None:
        return Made(None, "[]", "", findings, boxes, seen)
    if refusal_of_class(task.sop_class_uid) and released:
        findings = (*findings, RELEASED)
    verdict = outcome.pixel_text
    if order.state:
        verdict = PixelText.APPROVED if order.state == "approved" else PixelText.NEEDS_PERSON
    elif look is not None:
        verdict = verdict_of(destination, look, boxes or (), means=means)
    actions = _actions(outcome)
    instance = _new_instance(outcome, outcome.description, verdict, sha256=file_sha256(destination))
    return Made(instance, actions, _digest(actions), findings, boxes, seen)


def _boxes(order: Order, look: Look | None, means: LookMeans) -> tuple[Box, ...] | None:
    """What to blacken: a person's boxes, or the machine's; ``None`` when neither could look."""
    if order.boxes is not None:
        return order.boxes
    return None if look is None else means.house.boxes(look)


def _new_instance(outcome: Outcome, description: WrittenInstance, pixel_text: PixelText, *, sha256: str) -> NewInstance:
    return NewInstance(
        sha256=sha256,
        size_bytes=description.size_bytes,
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid,
        modality=description.modality,
        instance_number=description.instance_number or 0,
        number_of_frames=description.number_of_frames,
        is_image=description.is_image,
        pixel_text=pixel_text.value,
        kept_texts=tuple(sorted(set(outcome.kept_texts))),
    )


def _actions(outcome: Outcome) -> str:
    lines = [
        {"action": str(each.action), "keyword": each.keyword, "reason": each.reason, "tag_path": each.tag_path}
        for each in outcome.report
    ]
    return orjson.dumps(lines).decode("utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
