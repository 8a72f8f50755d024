"""What was planted where: the truth against which a de-identifier, a text detector and a segmentation can be scored."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

SCHEMA = "radcommons.demo-hospital/1"
SHORTEST_SECRET = 5


@dataclass(frozen=True, slots=True)
class DemoSite:
    """One invented hospital.

    Parameters
    ----------
    code
        The short name of the site, as the centre will know it.
    name, country
        What its agreement would say; the country by ISO 3166-1.
    export
        The folder of its PACS export, relative to the answer key.
    clinical_csv
        Its table ``patient_id,covid19_status``, relative to the answer key.
    """

    code: str
    name: str
    country: str
    export: str
    clinical_csv: str


@dataclass(frozen=True, slots=True)
class DemoSubject:
    """One invented patient, under the hospital's own identifier."""

    site: str
    patient_id: str
    name: str
    sex: str
    age_years: int
    covid19_status: str
    is_eligible: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PlantedIdentifier:
    """One identifier in one attribute of one series.

    Parameters
    ----------
    kind
        ``name``, ``patient_id``, ``accession``, ``date``, ``uid``, ``address``, ``phone``, ``institution``, ``physician``, ``device``,
        ``private``, ``path``, ``preamble`` or ``text``.
    value
        The identifier itself, without the harmless words around it.
    attribute
        Keywords down to it, ``RequestAttributesSequence[0].RequestedProcedureDescription``; private elements by tag.
    is_searchable
        Whether finding its characters anywhere proves a leak; not so for dates, which a shift may produce again.
    """

    site: str
    patient_id: str
    series_instance_uid: str
    kind: str
    value: str
    attribute: str
    is_searchable: bool = True


@dataclass(frozen=True, slots=True)
class DemoInstance:
    """One readable instance of an export; ``member`` names it within a zip archive."""

    site: str
    path: str
    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    modality: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class BurnedInText:
    """One line of text in the pixels; ``box`` is column, row, width and height, counted from 0."""

    sop_instance_uid: str
    text: str
    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class DrawnLesion:
    """One lesion of one CT series: its volume is that of the voxels it fills by more than half.

    ``centre_mm`` is in the coordinates of ImagePositionPatient.
    """

    series_instance_uid: str
    kind: str
    side: str
    volume_ml: float
    mean_hu: float
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing in an export that is not a plain new instance: ``what`` is ``dicomdir``, ``not-dicom``, ``truncated``, ``duplicate``, ``zip``."""

    site: str
    path: str
    what: str


@dataclass(slots=True)
class AnswerKey:
    """The whole truth about a generated folder of hospitals."""

    seed: int
    scale: str
    sites: list[DemoSite] = field(default_factory=list)
    subjects: list[DemoSubject] = field(default_factory=list)
    instances: list[DemoInstance] = field(default_factory=list)
    identifiers: list[PlantedIdentifier] = field(default_factory=list)
    burned_in: list[BurnedInText] = field(default_factory=list)
    lesions: list[DrawnLesion] = field(default_factory=list)
    oddities: list[Oddity] = field(default_factory=list)

    def secrets(self) -> tuple[str, ...]:
        """Return every distinct string that may be found nowhere but at the hospitals, sorted."""
        found = {
            identifier.value
            for identifier in self.identifiers
            if identifier.is_searchable and len(identifier.value) >= SHORTEST_SECRET
        }
        found |= {instance.sop_instance_uid for instance in self.instances}
        return tuple(sorted(found))

    def write(self, path: Path) -> None:
        """Write the key as JSON."""
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "AnswerKey":
        """Read what :meth:`write` wrote.

        Raises
        ------
        ValueError
            When the file is not an answer key of this schema.
        """
        value = json.loads(path.read_text(encoding="utf-8"))
        if value.get("schema") != SCHEMA:
            raise ValueError(f"not an answer key of the schema {SCHEMA}")
        return cls(
            seed=value["seed"],
            scale=value["scale"],
            sites=[DemoSite(**row) for row in value["sites"]],
            subjects=[DemoSubject(**row) for row in value["subjects"]],
            instances=[DemoInstance(**row) for row in value["instances"]],
            identifiers=[PlantedIdentifier(**row) for row in value["identifiers"]],
            burned_in=[BurnedInText(**{**row, "box": tuple(row["box"])}) for row in value["burned_in"]],
            lesions=[DrawnLesion(**{**row, "centre_mm": tuple(row["centre_mm"])}) for row in value["lesions"]],
            oddities=[Oddity(**row) for row in value["oddities"]],
        )
