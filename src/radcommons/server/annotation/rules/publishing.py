"""What of a project is published, and why something is not. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from radcommons.server.annotation.rules.states import CaseState


class PublicationState(StrEnum):
    """How far a publication is."""

    WORKING = "working"
    FINISHED = "finished"


class ReadingState(StrEnum):
    """What became of a reading: waits, is in the archive, waits for a curator in quarantine, was not taken."""

    WAITING = "waiting"
    STORED = "stored"
    HELD = "held"
    LEFT_OUT = "left_out"


class Reason(StrEnum):
    """Why a read or a case is not published."""

    NO_IMAGES = "no-images"
    IN_CURATION = "in-curation"
    NOT_READ = "not-read"
    NOT_DECIDED = "not-decided"
    REPEAT = "repeat"
    CHANGED = "changed"
    NOT_WRITABLE = "not-writable"
    NOT_TAKEN = "not-taken"


REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_IMAGES: "Its images are not in this archive.",
        Reason.IN_CURATION: "The study is with the curators. Publish again when it is cleared.",
        Reason.NOT_READ: "Not all of its reads were finished, so there is no consensus.",
        Reason.NOT_DECIDED: "Its readers disagree and nobody has decided, so there is no consensus.",
        Reason.REPEAT: "A second read of the same case by the same reader, made to measure that reader's agreement.",
        Reason.CHANGED: "It was decided anew while this was running. Publish again.",
        Reason.NOT_WRITABLE: "It cannot be written as DICOM.",
        Reason.NOT_TAKEN: "The intake did not take it.",
    }
)


def consensus_reason(state: CaseState) -> Reason | None:
    """Why a case has no consensus to publish; None when it has one."""
    if state is CaseState.READING:
        return Reason.NOT_READ
    return Reason.NOT_DECIDED if state is CaseState.DISPUTED else None


def case_reason(*, has_study: bool, has_images: bool, is_suspended: bool) -> Reason | None:
    """Why nothing of a case is published; None when it may be."""
    if not has_study or not has_images:
        return Reason.NO_IMAGES
    return Reason.IN_CURATION if is_suspended else None
