"""What can be wrong with a study that is readable and de-identified: values in, Findings out.

Places are written as ``study`` or ``series <Series Instance UID>``; both are identifiers of this repository, never of
the hospital.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from radcommons.dicom.finding import Finding, Severity

ADULT_AGE_YEARS = 18.0
VOLUME_MODALITIES = frozenset({"CT", "MR", "PT"})
# Fewer slices are a localiser, not a volume.
MINIMUM_VOLUME = 5
# A gap this much larger than the usual distance is a missing slice, not rounding.
GAP_FACTOR = 1.5
PARALLEL_COSINE = 0.999
TOLERANCE_MM = 0.01

# Body parts (PS3.16 CID 4 defined terms) that an acquisition of a modality cannot show.
PLAUSIBLE_PARTS = {"MG": frozenset({"BREAST"}), "IO": frozenset({"JAW", "TOOTH", "MAXILLA", "MANDIBLE", "HEAD"})}
# Words of a description that name a body part; used only to notice a contradiction.
PART_WORDS = {
    "CHEST": ("chest", "thorax", "lung"),
    "HEAD": ("head", "brain", "skull", "cranial"),
    "ABDOMEN": ("abdomen", "abdominal"),
    "PELVIS": ("pelvis", "pelvic"),
    "KNEE": ("knee",),
    "BREAST": ("mammo", "breast"),
}


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What the checks need to know of one instance.

    Parameters
    ----------
    orientation
        Image Orientation (Patient), six direction cosines; None when absent or malformed.
    position_mm
        Image Position (Patient), x, y and z in millimetres; None when absent or malformed.
    is_past_cleaning
        Whether no program can clean objects of its class, so that a person at the site let it go.
    """

    is_image: bool
    rows: int | None
    columns: int | None
    instance_number: int | None
    orientation: tuple[float, ...] | None = None
    position_mm: tuple[float, ...] | None = None
    is_past_cleaning: bool = False


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the checks need to know of one series."""

    series_instance_uid: str
    modality: str
    body_part_examined: str
    series_description: str
    protocol_name: str
    slice_thickness_mm: float | None
    instances: tuple[InstanceFacts, ...]

    @property
    def images(self) -> tuple[InstanceFacts, ...]:
        """Its images, without reports and other objects."""
        return tuple(instance for instance in self.instances if instance.is_image)

    @property
    def place(self) -> str:
        """The series as a finding names it."""
        return f"series {self.series_instance_uid}"


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the checks need to know of a study, and of the other studies of its subject.

    Parameters
    ----------
    others
        Date, age in years and sex of the subject's other studies.
    """

    study_date: date | None
    study_description: str
    patient_sex: str
    patient_age_years: float | None
    series: tuple[SeriesFacts, ...]
    others: tuple[tuple[date | None, float | None, str], ...] = ()


def check_study(study: StudyFacts, *, today: date) -> tuple[Finding, ...]:
    """Everything the checks find in a study, in the order of the checks.

    Parameters
    ----------
    today
        The day against which dates are judged.
    """
    findings: list[Finding] = [*_check_subject(study), *_check_dates(study, today), *_check_contents(study)]
    for series in study.series:
        for check in SERIES_CHECKS:
            findings.extend(check(series))
    return tuple(findings)


def _check_subject(study: StudyFacts) -> Iterator[Finding]:
    age = study.patient_age_years
    if age is None:
        yield _info("age-missing", "study", "The patient's age is not known; the study is in no age group.")
    elif age < ADULT_AGE_YEARS:
        message = "The patient was younger than 18 years. Keep it only if the agreement covers minors."
        yield _warning("age-under-18", "study", message)
    sexes = {sex for _, _, sex in study.others if sex} | ({study.patient_sex} if study.patient_sex else set())
    if not study.patient_sex:
        yield _info("sex-missing", "study", "The patient's sex is not known.")
    if len(sexes) > 1:
        message = "Studies of this subject differ in the patient's sex: two people may share one pseudonym."
        yield _error("subject-mismatch", "study", message)
    if age is not None and study.study_date is not None and _is_age_contradicted(study, age, study.study_date):
        message = "The ages in this subject's studies do not fit their dates: two people may share one pseudonym."
        yield _error("subject-age-mismatch", "study", message)


def _is_age_contradicted(study: StudyFacts, age: float, day: date) -> bool:
    # Ages are whole years, so two of them may be off by almost two years against the interval.
    pairs = ((other_day, other_age) for other_day, other_age, _ in study.others if other_day and other_age is not None)
    return any(abs((age - other) - (day - other_day).days / 365.25) > 2 for other_day, other in pairs)  # noqa: PLR2004


def _check_dates(study: StudyFacts, today: date) -> Iterator[Finding]:
    if study.study_date is None:
        yield _info("study-date-missing", "study", "The study has no date; intervals to other studies are lost.")
    elif study.study_date > today:
        yield _warning("study-date-in-future", "study", "The (shifted) study date lies in the future.")


def _check_contents(study: StudyFacts) -> Iterator[Finding]:
    if not any(series.images for series in study.series):
        yield _warning("no-images", "study", "The study holds no image.")
    if not study.study_description:
        yield _info("description-missing", "study", "The study has no description.")


def _check_body_part(series: SeriesFacts) -> Iterator[Finding]:
    part = series.body_part_examined.upper()
    if not series.images:
        return
    if not part:
        yield _info("body-part-missing", series.place, "Body Part Examined is empty; the facet will say 'not stated'.")
        return
    plausible = PLAUSIBLE_PARTS.get(series.modality)
    if plausible is not None and part not in plausible:
        yield _warning("body-part-implausible", series.place, "The body part does not go with the modality.")
    text = f"{series.series_description} {series.protocol_name}".lower()
    named = {name for name, words in PART_WORDS.items() if any(word in text for word in words)}
    if named and part in PART_WORDS and part not in named:
        yield _warning("body-part-contradicted", series.place, "The description names another body part.")


def _check_thickness(series: SeriesFacts) -> Iterator[Finding]:
    if series.modality not in VOLUME_MODALITIES or len(series.images) < MINIMUM_VOLUME:
        return
    if series.slice_thickness_mm is None:
        yield _warning("thickness-missing", series.place, "Slice Thickness is missing in a volume.")


def _check_geometry(series: SeriesFacts) -> Iterator[Finding]:
    if series.modality not in VOLUME_MODALITIES or len(series.images) < MINIMUM_VOLUME:
        return
    images = series.images
    sizes = {(image.rows, image.columns) for image in images}
    if len(sizes) > 1:
        message = f"The images of the series have {len(sizes)} different sizes; it is not one volume."
        yield _warning("size-mixed", series.place, message)
    placed = [image for image in images if image.orientation and image.position_mm]
    if len(placed) < len(images):
        message = f"{len(images) - len(placed)} of {len(images)} images have no position or orientation."
        yield _warning("geometry-missing", series.place, message)
        return
    if not all(_is_parallel(images[0].orientation, image.orientation) for image in images):
        message = "The images of the series are not parallel; it is a localiser or several volumes in one."
        yield _warning("orientation-mixed", series.place, message)
        return
    yield from _check_spacing(series)


def _check_spacing(series: SeriesFacts) -> Iterator[Finding]:
    depths = sorted(depth for image in series.images if (depth := _depth_mm(image)) is not None)
    steps = [after - before for before, after in itertools.pairwise(depths)]
    repeated = sum(step < TOLERANCE_MM for step in steps)
    if repeated:
        message = f"{repeated} of {len(depths)} images lie where another one lies: phases or repetitions in one series."
        yield _info("position-repeated", series.place, message)
    distinct = sorted(step for step in steps if step >= TOLERANCE_MM)
    if not distinct:
        return
    usual = distinct[len(distinct) // 2]
    gaps = [step for step in distinct if step > usual * GAP_FACTOR]
    if gaps:
        message = (
            f"{len(gaps)} gaps, the largest {max(gaps):.1f} mm where {usual:.1f} mm is usual: slices may be missing."
        )
        yield _warning("slices-missing", series.place, message)


def _check_numbers(series: SeriesFacts) -> Iterator[Finding]:
    numbers = Counter(image.instance_number for image in series.images if image.instance_number is not None)
    repeated = sum(times - 1 for times in numbers.values())
    if repeated:
        message = (
            f"{repeated} of {len(series.images)} images repeat an Instance Number; their order is by position only."
        )
        yield _info("instance-number-repeated", series.place, message)


def _check_released(series: SeriesFacts) -> Iterator[Finding]:
    released = sum(instance.is_past_cleaning for instance in series.instances)
    if released:
        message = (
            f"{released} objects that no program can clean were let go by a person at the site. "
            "Open each of them before clearing the study."
        )
        yield _warning("released-object", series.place, message)


SERIES_CHECKS: tuple[Callable[[SeriesFacts], Iterable[Finding]], ...] = (
    _check_body_part,
    _check_thickness,
    _check_geometry,
    _check_numbers,
    _check_released,
)


def _is_parallel(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> bool:
    if one is None or other is None:
        return False
    return math.fabs(_dot(_normal(one), _normal(other))) > PARALLEL_COSINE


def _depth_mm(image: InstanceFacts) -> float | None:
    if image.orientation is None or image.position_mm is None:
        return None
    return _dot(_normal(image.orientation), image.position_mm)


def _normal(orientation: tuple[float, ...]) -> tuple[float, float, float]:
    # PS3.3 C.7.6.2.1.1: the normal is the cross product of row and column direction.
    rx, ry, rz, cx, cy, cz = orientation
    return (ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx)


def _dot(one: Iterable[float], other: Iterable[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _info(code: str, place: str, message: str) -> Finding:
    return Finding(Severity.INFO, f"curation.{code}", place, message)


def _warning(code: str, place: str, message: str) -> Finding:
    return Finding(Severity.WARNING, f"curation.{code}", place, message)


def _error(code: str, place: str, message: str) -> Finding:
    return Finding(Severity.ERROR, f"curation.{code}", place, message)
