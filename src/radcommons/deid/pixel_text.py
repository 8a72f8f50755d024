"""Which objects may carry writing in their pixels, judged by their headers alone."""

import re
from enum import StrEnum

from radcommons.dicom.instance import InstanceDescription


class PixelText(StrEnum):
    """What is known of writing in the pixels of one object.

    ``not_applicable``: the header says that there can be none. ``not_checked``: nobody looked. ``clean``: the detector
    found none. ``redacted``: it found some, that was blackened, and a second look found nothing more. ``needs_person``:
    no program can vouch for it. ``approved``: a person looked at the pictures.
    """

    NOT_APPLICABLE = "not_applicable"
    NOT_CHECKED = "not_checked"
    CLEAN = "clean"
    REDACTED = "redacted"
    NEEDS_PERSON = "needs_person"
    APPROVED = "approved"


# Computed by a scanner from raw data; writing gets into them only when somebody draws it there.
_RECONSTRUCTED_MODALITIES = frozenset({"CT", "MR", "NM", "PT"})
_RECONSTRUCTED_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT
        "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
        "1.2.840.10008.5.1.4.1.1.2.2",  # legacy converted enhanced CT
        "1.2.840.10008.5.1.4.1.1.4",  # MR
        "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
        "1.2.840.10008.5.1.4.1.1.4.2",  # MR spectroscopy
        "1.2.840.10008.5.1.4.1.1.4.4",  # legacy converted enhanced MR
        "1.2.840.10008.5.1.4.1.1.20",  # nuclear medicine
        "1.2.840.10008.5.1.4.1.1.128",  # PET
        "1.2.840.10008.5.1.4.1.1.128.1",  # legacy converted enhanced PET
        "1.2.840.10008.5.1.4.1.1.130",  # enhanced PET
    }
)
# Not pictures of a patient that a person or a device writes upon.
_DERIVED_DATA_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.30",  # parametric map
        "1.2.840.10008.5.1.4.1.1.66.4",  # segmentation
        "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
        "1.2.840.10008.5.1.4.1.1.481.2",  # RT dose
    }
)
# A scanner's own planes through its volume; SECONDARY beside one of these words means another plane, not a capture.
_REFORMAT_WORDS = frozenset({"REFORMATTED", "MPR"})
_DRAWN_IMAGE_TYPES = ("SCREEN", "SECONDARY", "DOSE", "LOCALIZER", "CAPTURE", "FUSION", "CURVE", "PROT", "RESULT")
# What devices and technologists call series that show writing: dose sheets, captures, scouts with lines, summaries.
_DRAWN_SERIES = re.compile(
    r"\b(?:dose (?:report|info|record|summary)|dosis|patient protocol|screen ?(?:save|shot|capture)s?|secondary capture|"
    r"scouts?|topogram\w*|localizers?|surview|scanogram\w*|fusion|fused|summary|report|result\w*|smart ?prep|"
    r"(?:bolus )?monitoring|premonitoring|key images?|3d ?(?:save|saved state)|graph|curves?|perfusion maps?)\b",
    re.IGNORECASE,
)


def may_carry_pixel_text(description: InstanceDescription) -> bool:
    """Whether writing may be burned into the pixels, so that they must be looked at before they leave.

    True for everything with pixels but original (or merely reformatted) CT, MR, PET and nuclear medicine images and
    computed data such as segmentations; true for those as well when their header speaks of writing, of screen captures,
    of dose sheets, of fused colours or of localizers with lines drawn upon them.
    """
    if not description.is_image:
        return False
    if description.burned_in_annotation.upper() not in {"", "NO"}:
        return True
    if description.sop_class_uid in _DERIVED_DATA_SOP_CLASSES:
        return False
    if description.sop_class_uid not in _RECONSTRUCTED_SOP_CLASSES:
        return True
    if description.modality not in _RECONSTRUCTED_MODALITIES or description.conversion_type:
        return True
    if _DRAWN_SERIES.search(description.series_description.replace("_", " ")):
        return True
    # The third value on tells what was drawn; DERIVED alone also marks plain reformats and lossy compression.
    values = {value.upper() for value in description.image_type}
    if values & _REFORMAT_WORDS:
        values.discard("SECONDARY")
    return any(word in value for word in _DRAWN_IMAGE_TYPES for value in values)
