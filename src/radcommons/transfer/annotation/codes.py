"""The one table of codes the house writes: RadLex, SNOMED CT, LOINC, DICOM and UCUM, each with the source it was checked in.

A code that is not here is never made up: a label without one is written under the house's own scheme, whose designator
begins with 99 as private ones do (PS3.3 8.2). Schemas of a centre may carry further codes of their own.
"""

from dataclasses import dataclass
from enum import StrEnum

OWN_SCHEME = "99RADCOMMONS"
OWN_SCHEME_NAME = "RadCommons label schemas"


class Source(StrEnum):
    """Where a code was checked."""

    PYDICOM = "the code dictionary of pydicom 3, made from PS3.16"
    RADLEX = "the RadLex term of that identifier, read in a public source"


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """One concept: coding scheme designator, code value, code meaning (PS3.3 8)."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReviewedCode:
    """A code of the table and where it was checked."""

    code: Code
    source: Source


def _reviewed(source: Source, scheme: str, *rows: tuple[str, str, str]) -> dict[str, ReviewedCode]:
    return {name: ReviewedCode(Code(scheme, value, meaning), source) for name, value, meaning in rows}


REVIEWED: dict[str, ReviewedCode] = {
    **_reviewed(
        Source.RADLEX,
        "RADLEX",
        ("ground_glass_opacity", "RID28531", "ground-glass opacity"),
        ("consolidation", "RID43255", "consolidation"),
        ("crazy_paving", "RID43256", "crazy paving"),
        ("emphysema", "RID4799", "emphysema"),
        ("pleural_effusion_radlex", "RID34539", "pleural effusion"),
        ("lymphadenopathy", "RID3798", "lymphadenopathy"),
    ),
    **_reviewed(
        Source.PYDICOM,
        "SCT",
        ("lung", "39607008", "Lung"),
        ("lobe_of_lung", "31094006", "Lobe of lung"),
        ("upper_lobe", "45653009", "Upper lobe of lung"),
        ("middle_lobe", "72481006", "Middle lobe of right lung"),
        ("lower_lobe", "90572001", "Lower lobe of lung"),
        ("left_upper_lobe", "44714003", "Structure of upper lobe of left lung (body structure)"),
        ("upper_zone", "281392002", "Upper zone of lung"),
        ("middle_zone", "281393007", "Middle zone of lung"),
        ("lower_zone", "281394001", "Lower zone of lung"),
        ("trachea", "44567001", "Trachea"),
        ("bronchus", "955009", "Bronchus"),
        ("thorax", "816094009", "Thorax"),
        ("chest_imaging", "413815006", "Chest imaging (procedure)"),
        ("left", "7771000", "Left"),
        ("right", "24028007", "Right"),
        ("bilateral", "51440002", "Bilateral"),
        ("lesion", "52988006", "Lesion"),
        ("nodule", "27925004", "Nodule"),
        ("mass", "4147007", "Mass"),
        ("pleural_effusion", "60046008", "Pleural effusion"),
        ("pneumothorax", "36118008", "Pneumothorax"),
        ("pulmonary_edema", "19242006", "Pulmonary edema"),
        ("abnormal_structure", "49755003", "Morphologically Abnormal Structure"),
        ("tissue", "85756007", "Tissue"),
        ("normal", "17621005", "Normal"),
        ("mild", "255604002", "Mild"),
        ("moderate", "6736007", "Moderate (severity modifier) (qualifier value)"),
        ("severe", "24484000", "Severe (severity modifier) (qualifier value)"),
        ("none", "260413007", "None"),
        ("present", "52101004", "Present"),
        ("absent", "272519000", "Absent"),
    ),
    **_reviewed(
        Source.PYDICOM,
        "DCM",
        ("ground_glass", "112120", "Ground glass opacity"),
        ("micronodule", "112122", "Micronodule"),
        ("finding", "121071", "Finding"),
        ("comment", "121106", "Comment"),
        ("series_instance_uid", "112002", "Series Instance UID"),
        ("image_quality", "111101", "Image Quality"),
        ("image_region", "111030", "Image Region"),
        ("patient_motion", "128553", "Patient motion"),
        ("insufficient_quality", "110531", "Insufficient quality for interpretation"),
    ),
    **_reviewed(Source.PYDICOM, "LN", ("ct_chest_report", "24627-2", "CT Chest Report")),
    **_reviewed(
        Source.PYDICOM,
        "UCUM",
        ("no_units", "1", "no units"),
        ("millimeter", "mm", "mm"),
        ("square_millimeter", "mm2", "square millimeter"),
        ("cubic_millimeter", "mm3", "cubic millimeter"),
        ("percent", "%", "Percent"),
        ("hounsfield", "[hnsf'U]", "Hounsfield unit"),
        ("degree", "deg", "Degree"),
        ("second", "s", "second"),
    ),
}


def code(name: str) -> Code:
    """The reviewed code of that name; ``KeyError`` when the table has none."""
    return REVIEWED[name].code
