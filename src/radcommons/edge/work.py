"""De-identifying one source, in a limited process: rewrite, then search the result for everything known of the patient."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import orjson

from radcommons.deid.engine import Outcome, PatientMapping, deidentify_file
from radcommons.deid.profile import Profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.instance import InstanceDescription
from radcommons.edge.sources import UNREADABLE, Source


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
    """

    source: Source
    recipe: str
    destination: str
    patient: PatientMapping


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
    """What came of one task: a new instance at the destination, or none and the findings that say why."""

    instance: NewInstance | None
    actions: str
    actions_digest: str
    findings: tuple[Finding, ...]


def deidentify_source(task: Task, *, profile: Profile, key: PseudonymKey) -> Made:
    """De-identify one source; the engine looks again at what it wrote, and anything of the patient in it keeps it out."""
    destination = Path(task.destination)
    try:
        with task.source.opened() as path:
            outcome = deidentify_file(path, destination, profile=profile, key=key, patient=task.patient)
    except UNREADABLE:
        destination.unlink(missing_ok=True)
        damaged = Finding(Severity.ERROR, "edge.unreadable", "object", "The file or archive member cannot be read.")
        return Made(None, "[]", "", (damaged,))
    findings = tuple(outcome.findings)
    if outcome.description is None:
        return Made(None, "[]", "", findings)
    actions = _actions(outcome)
    return Made(_new_instance(outcome, outcome.description), actions, _digest(actions), findings)


def refused(finding: Finding) -> Made:
    """The answer for a source whose process did not answer."""
    return Made(None, "[]", "", (finding,))


def _new_instance(outcome: Outcome, description: InstanceDescription) -> NewInstance:
    return NewInstance(
        sha256=description.sha256,
        size_bytes=description.size_bytes,
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid,
        modality=description.modality,
        instance_number=description.instance_number or 0,
        number_of_frames=description.number_of_frames,
        is_image=description.is_image,
        pixel_text=outcome.pixel_text.name.lower(),
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
