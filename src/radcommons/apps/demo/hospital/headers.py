"""Headers as a hospital's machines write them: complete by their IODs (PS3.3 A.3, A.8, A.2, A.26, A.6) and full of identifiers.

Whatever identifies somebody is set through :class:`Planter`, which writes it down in the answer key in the same breath.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, generate_uid

from radcommons.apps.demo.hospital.answer_key import AnswerKey, PlantedIdentifier
from radcommons.apps.demo.hospital.roster import Device, Examination, Hospital, Patient

UID_ROOT = "1.2.826.0.1.3680043.8.498."
_IMPLEMENTATION = UID_ROOT + "1"


def uid_of(seed: int, *parts: object) -> str:
    """Return an original UID that depends on the seed and the parts alone."""
    return str(generate_uid(prefix=UID_ROOT, entropy_srcs=[str(seed), *map(str, parts)]))


@dataclass(frozen=True, slots=True)
class Order:
    """One examination as the hospital's systems know it."""

    seed: int
    hospital: Hospital
    patient: Patient
    examination: Examination
    number: int

    @property
    def day(self) -> date:
        """The day of the examination."""
        return self.patient.first_study + timedelta(days=self.examination.days)

    @property
    def study_instance_uid(self) -> str:
        """The original Study Instance UID."""
        return self.uid("study")

    @property
    def accession_number(self) -> str:
        """The accession number, unlike any other."""
        return f"{self.hospital.code[0]}{self.day:%y%j}{self.patient.patient_id[-3:].replace('-', '0')}{self.number}"

    def uid(self, *parts: object) -> str:
        """Return a UID within this study."""
        return uid_of(self.seed, self.hospital.code, self.patient.patient_id, self.number, *parts)

    @property
    def is_chatty(self) -> bool:
        """Whether somebody typed names into the descriptions."""
        return (len(self.patient.name) + self.number) % 2 == 0


@dataclass(frozen=True, slots=True)
class Planter:
    """Sets identifying values and records them."""

    key: AnswerKey
    order: Order
    series_instance_uid: str

    def plant(self, dataset: Dataset, keyword: str, text: str, *, kind: str, value: str = "", within: str = "") -> None:
        """Set ``keyword`` to ``text``, of which ``value`` (or all of it) identifies."""
        setattr(dataset, keyword, text)
        self.record(within + keyword, value or text, kind=kind)

    def record(self, attribute: str, value: str, *, kind: str) -> None:
        """Write an identifier down that was set elsewhere."""
        found = PlantedIdentifier(
            site=self.order.hospital.code,
            patient_id=self.order.patient.patient_id,
            series_instance_uid=self.series_instance_uid,
            kind=kind,
            value=value,
            attribute=attribute,
            is_searchable=kind != "date",
        )
        self.key.identifiers.append(found)


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What a series is, before it has images."""

    sop_class_uid: str
    modality: str
    device: Device
    number: int
    description: str
    study_description: str


def series_header(order: Order, plan: SeriesPlan, key: AnswerKey) -> tuple[Dataset, Planter]:
    """Return what all instances of a series share, and the planter for what its kind adds."""
    planter = Planter(key, order, order.uid("series", plan.number))
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(plan.sop_class_uid)
    dataset.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION)
    dataset.file_meta.SourceApplicationEntityTitle = plan.device.station
    planter.record("SourceApplicationEntityTitle", plan.device.station, kind="device")
    dataset.SpecificCharacterSet = order.hospital.character_set
    dataset.SOPClassUID = plan.sop_class_uid
    _patient(dataset, order, planter)
    _study(dataset, order, plan, planter)
    _series(dataset, order, plan, planter)
    _equipment(dataset, order, plan, planter)
    _request(dataset, order, planter)
    _private(dataset, order, plan, planter)
    return dataset, planter


def _patient(dataset: Dataset, order: Order, planter: Planter) -> None:
    patient = order.patient
    planter.plant(dataset, "PatientName", patient.name, kind="name")
    planter.record("PatientName", patient.family_name, kind="family_name")
    planter.plant(dataset, "PatientID", patient.patient_id, kind="patient_id")
    planter.plant(dataset, "PatientBirthDate", f"{patient.birth_date:%Y%m%d}", kind="date")
    planter.plant(dataset, "PatientAddress", patient.address, kind="address")
    planter.plant(dataset, "PatientTelephoneNumbers", patient.phone, kind="phone")
    dataset.PatientSex = patient.sex
    dataset.PatientAge = f"{patient.age_years(order.day):03d}Y"
    dataset.PatientSize = "1.72" if patient.sex == "M" else "1.64"
    dataset.PatientWeight = "81" if patient.sex == "M" else "66"
    other = Dataset()
    planter.plant(
        other, "PatientID", f"NHI{patient.patient_id[-5:]}88", kind="patient_id", within="OtherPatientIDsSequence[0]."
    )
    other.IssuerOfPatientID = "NATIONAL REGISTER"
    other.TypeOfPatientID = "TEXT"
    dataset.OtherPatientIDsSequence = [other]
    if order.is_chatty:
        asked = f"Relatives of {patient.family_name} ask for a call at {patient.phone}"
        planter.plant(dataset, "PatientComments", asked, kind="text", value=patient.phone)


def _study(dataset: Dataset, order: Order, plan: SeriesPlan, planter: Planter) -> None:
    family = order.patient.family_name
    dataset.StudyInstanceUID = order.study_instance_uid
    planter.record("StudyInstanceUID", order.study_instance_uid, kind="uid")
    planter.plant(dataset, "StudyDate", f"{order.day:%Y%m%d}", kind="date")
    dataset.StudyTime = f"{8 + order.number:02d}{(17 * len(family)) % 60:02d}05"
    planter.plant(dataset, "AccessionNumber", order.accession_number, kind="accession")
    dataset.StudyID = f"{order.number + 1}"
    planter.plant(dataset, "ReferringPhysicianName", order.hospital.physicians[0], kind="physician")
    planter.plant(dataset, "PhysiciansOfRecord", order.hospital.physicians[1], kind="physician")
    if order.is_chatty:
        text = f"{plan.study_description} {family.upper()}"
        planter.plant(dataset, "StudyDescription", text, kind="text", value=family.upper())
        onset = order.day - timedelta(days=6)
        history = f"Fever and cough since {onset:%d.%m.%Y}, sent by Dr. {order.hospital.physicians[0].split('^')[0]}"
        planter.plant(dataset, "AdditionalPatientHistory", history, kind="text", value=f"{onset:%d.%m.%Y}")
    else:
        dataset.StudyDescription = plan.study_description


def _series(dataset: Dataset, order: Order, plan: SeriesPlan, planter: Planter) -> None:
    dataset.Modality = plan.modality
    dataset.SeriesInstanceUID = planter.series_instance_uid
    planter.record("SeriesInstanceUID", planter.series_instance_uid, kind="uid")
    dataset.SeriesNumber = plan.number
    dataset.SeriesDescription = plan.description
    for keyword in ("SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"):
        planter.plant(dataset, keyword, f"{order.day:%Y%m%d}", kind="date")
    for keyword in ("SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime"):
        setattr(dataset, keyword, f"{8 + order.number:02d}{plan.number % 60:02d}31")
    planter.plant(dataset, "PerformingPhysicianName", order.hospital.physicians[1], kind="physician")
    planter.plant(dataset, "OperatorsName", order.hospital.physicians[2], kind="physician")


def _equipment(dataset: Dataset, order: Order, plan: SeriesPlan, planter: Planter) -> None:
    dataset.Manufacturer = plan.device.manufacturer
    dataset.ManufacturerModelName = plan.device.model
    dataset.SoftwareVersions = "4.2.1"
    planter.plant(dataset, "DeviceSerialNumber", plan.device.serial_number, kind="device")
    planter.plant(dataset, "StationName", plan.device.station, kind="device")
    planter.plant(dataset, "InstitutionName", order.hospital.name, kind="institution")
    planter.plant(dataset, "InstitutionAddress", order.hospital.address, kind="address")
    dataset.InstitutionalDepartmentName = "Radiology"


def _request(dataset: Dataset, order: Order, planter: Planter) -> None:
    """Nest identifiers one and two levels deep, where careless tools do not look."""
    family, within = order.patient.family_name, "RequestAttributesSequence[0]."
    item = Dataset()
    item.ScheduledProcedureStepID = "1"
    planter.plant(item, "RequestedProcedureID", f"RP{order.accession_number}", kind="accession", within=within)
    planter.plant(item, "AccessionNumber", order.accession_number, kind="accession", within=within)
    asked = f"Chest for {family}, {order.patient.patient_id}"
    planter.plant(
        item, "ScheduledProcedureStepDescription", asked, kind="text", value=order.patient.patient_id, within=within
    )
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CHEST", "99LOCAL", "Chest imaging"
    item.ScheduledProtocolCodeSequence = [code]
    dataset.RequestAttributesSequence = [item]
    earlier = Dataset()
    earlier.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    uid = order.uid("earlier")
    planter.plant(earlier, "ReferencedSOPInstanceUID", uid, kind="uid", within="ReferencedStudySequence[0].")
    dataset.ReferencedStudySequence = [earlier]


def _private(dataset: Dataset, order: Order, plan: SeriesPlan, planter: Planter) -> None:
    patient = order.patient
    plain = patient.name.split("=")[0].replace("^", " ")
    block = dataset.private_block(0x0029, plan.device.private_creator, create=True)
    block.add_new(0x10, "LO", plain)
    block.add_new(0x11, "SH", patient.patient_id)
    block.add_new(0x12, "OB", f"\x01\x00EXPORTED FOR {patient.patient_id} ".encode())
    block.add_new(0x20, "DS", "1.25")
    block.add_new(0x21, "CS", "STANDARD")
    for element, value in ((0x10, plain), (0x11, patient.patient_id), (0x12, patient.patient_id)):
        planter.record(f"(0029,10{element:02X})", value, kind="private")
    inner = Dataset()
    nested = inner.private_block(0x0029, plan.device.private_creator, create=True)
    nested.add_new(0x15, "LT", f"Next of kin reachable at {patient.phone}")
    block.add_new(0x30, "SQ", [inner])
    planter.record("(0029,1030)[0].(0029,1015)", patient.phone, kind="private")
