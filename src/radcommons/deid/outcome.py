"""What became of one file."""

from dataclasses import dataclass

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.rewriting import ReportLine
from radcommons.dicom.finding import Finding


@dataclass(frozen=True, slots=True)
class WrittenInstance:
    """The new object, as its own bytes on the disk say; all UIDs are new.

    There is no digest here: who seals or sends the file takes it from the disk.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    patient_id: str
    modality: str
    instance_number: int | None
    number_of_frames: int
    is_image: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Parameters
    ----------
    description
        The new object; ``None`` when none was written, and the findings say why.
    report
        What happened to which attribute, without values.
    findings
        What was odd or refused.
    pixel_text
        Whether writing in the pixels has to be looked for.
    kept_texts
        Every distinct text that was kept, as (attribute keyword, value), for a person to review.
    redactions
        How many texts were cleaned.
    """

    description: WrittenInstance | None
    report: tuple[ReportLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    pixel_text: PixelText = PixelText.NOT_APPLICABLE
    kept_texts: tuple[tuple[str, str], ...] = ()
    redactions: int = 0

    @property
    def is_written(self) -> bool:
        """Whether the destination exists."""
        return self.description is not None
