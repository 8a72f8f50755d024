"""A PACS export as it arrives in a folder: odd names, a DICOMDIR, an archive, a copy, a broken file and something else altogether."""

import csv
import gc
import shutil
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import UID, ExplicitVRLittleEndian

from radcommons.apps.demo.hospital.answer_key import (
    AnswerKey,
    DemoInstance,
    DemoSite,
    DemoSubject,
    Oddity,
    PlantedIdentifier,
)
from radcommons.apps.demo.hospital.headers import Order, uid_of
from radcommons.apps.demo.hospital.images import Scale, Sitting, draw_examination
from radcommons.apps.demo.hospital.lesions import place_lesions
from radcommons.apps.demo.hospital.roster import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    Hospital,
    Kind,
    Layout,
    Patient,
)
from radcommons.apps.demo.hospital.volume import Person

ADULT_YEARS = 18
_ZIP_DATE = (2021, 1, 4, 9, 30, 0)
_NATIVE = {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN}
BITS_OF_A_BYTE = 8


@dataclass(frozen=True, slots=True)
class Export:
    """One hospital's export while it is being written."""

    folder: Path
    hospital: Hospital
    key: AnswerKey
    scale: Scale

    @property
    def root(self) -> Path:
        """The folder that a coordinator scans."""
        return self.folder / self.hospital.code.lower() / "pacs-export"

    def write(self) -> None:
        """Write all examinations, the oddities and the clinical table."""
        self.root.mkdir(parents=True, exist_ok=True)
        for patient in self.hospital.patients:
            self._write_patient(patient)
        self._write_oddities()
        self._write_clinical()

    def _write_patient(self, patient: Patient) -> None:
        rng = np.random.default_rng([self.key.seed, *self.hospital.code.encode(), *patient.patient_id.encode()])
        age = patient.age_years(patient.first_study)
        person = Person.of(rng, sex=patient.sex, age_years=age)
        worst = max(examination.extent for examination in patient.examinations)
        lesions = place_lesions(person.anatomy, rng, severity=worst)
        for number, examination in enumerate(patient.examinations):
            share = (examination.extent / worst) ** (1 / 3) if worst else 0.0
            present = tuple(lesion.grown(share) for lesion in lesions) if share else ()
            order = Order(self.key.seed, self.hospital, patient, examination, number)
            sitting = Sitting(order, person, present, self.scale, self.key)
            for dataset in draw_examination(sitting):
                self._write_instance(order, dataset)
        eligible = age >= ADULT_YEARS
        subject = DemoSubject(
            self.hospital.code,
            patient.patient_id,
            patient.name,
            patient.sex,
            age,
            patient.covid19_status,
            eligible,
            "" if eligible else "younger than 18 years",
        )
        self.key.subjects.append(subject)

    def _write_instance(self, order: Order, dataset: Dataset) -> None:
        path = self.root / self._place(order, dataset)
        path.parent.mkdir(parents=True, exist_ok=True)
        wanted = order.examination.transfer_syntax_uid or self.hospital.transfer_syntax_uid
        _save(dataset, path, wanted if dataset.SamplesPerPixel == 1 else self.hospital.transfer_syntax_uid)
        self.key.instances.append(_described(self.hospital.code, path.relative_to(self.folder), dataset))

    def _place(self, order: Order, dataset: Dataset) -> Path:
        patient, series, number = order.patient, int(dataset.SeriesNumber), int(dataset.InstanceNumber)
        match self.hospital.layout:
            case Layout.BY_NAME:
                latin = patient.name.split("=")[0]
                folder = f"{latin}_{patient.birth_date:%Y%m%d}"
                if number == 1:
                    self._plant_path(patient, str(dataset.SeriesInstanceUID), latin)
                return Path(folder, f"{dataset.Modality} {order.day:%Y%m%d}", f"S {series}", f"IM{number:05d}")
            case Layout.BY_UID:
                parts = (str(order.day)[:7], dataset.StudyInstanceUID, dataset.SeriesInstanceUID)
                return Path(*parts, f"{dataset.SOPInstanceUID}.dcm")
            case Layout.BY_NUMBER:
                index = self.hospital.patients.index(patient)
                return Path(f"DISK{index % 2 + 1}", f"A{index:04d}{order.number}", f"B{series}", f"I{number * 10}.IMA")

    def _plant_path(self, patient: Patient, series_instance_uid: str, value: str) -> None:
        found = PlantedIdentifier(self.hospital.code, patient.patient_id, series_instance_uid, "path", value, "path")
        self.key.identifiers.append(found)

    def _write_oddities(self) -> None:
        match self.hospital.layout:
            case Layout.BY_NAME:
                self._move_to_disc()
                self._truncate()
            case Layout.BY_UID:
                self._copy_one()
                self._write_note()
            case Layout.BY_NUMBER:
                self._write_archive()
                self._plant_preamble()

    def _instances(self, kind: Kind) -> list[DemoInstance]:
        wanted = {
            Order(self.key.seed, self.hospital, patient, examination, number).study_instance_uid
            for patient in self.hospital.patients
            for number, examination in enumerate(patient.examinations)
            if examination.kind is kind
        }
        return [instance for instance in self.key.instances if instance.study_instance_uid in wanted]

    def _odd(self, path: Path, what: str) -> None:
        self.key.oddities.append(Oddity(self.hospital.code, str(path.relative_to(self.folder)), what))

    def _move_to_disc(self) -> None:
        """Move the radiographs to a disc with a DICOMDIR, as patients carry them from house to house."""
        moved = self._instances(Kind.DX)
        target = self.root / "CD_IMPORT"
        uid = uid_of(self.key.seed, self.hospital.code, "disc")
        places = _write_disc(target, uid, [self.folder / instance.path for instance in moved])
        self._odd(target / "DICOMDIR", "dicomdir")
        for instance in moved:
            (self.folder / instance.path).unlink()
            self._replace(instance, places[instance.sop_instance_uid].relative_to(self.folder), "")

    def _replace(self, old: DemoInstance, path: Path, member: str) -> None:
        new = DemoInstance(
            old.site,
            str(path),
            old.patient_id,
            old.study_instance_uid,
            old.series_instance_uid,
            old.sop_instance_uid,
            old.modality,
            member,
        )
        self.key.instances[self.key.instances.index(old)] = new

    def _truncate(self) -> None:
        """Cut one file off, as a full disk does; it is no copy of another."""
        last = self._instances(Kind.CT)[-1]
        path = self.folder / last.path
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 3 // 5])
        self.key.instances.remove(last)
        self._odd(path, "truncated")

    def _copy_one(self) -> None:
        source = self.folder / self._instances(Kind.CT)[0].path
        copy = source.with_name("Copy of " + source.name)
        shutil.copyfile(source, copy)
        self._odd(copy, "duplicate")

    def _write_note(self) -> None:
        path = self.root / "LEIAME.TXT"
        patient = self.hospital.patients[0]
        path.write_text(f"Exportado para {patient.name.replace('^', ' ')} ({patient.patient_id}).\n", encoding="utf-8")
        self._odd(path, "not-dicom")

    def _write_archive(self) -> None:
        """Put the computed radiographs into a zip archive."""
        path = self.root / "cr_2020.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for index, instance in enumerate(self._instances(Kind.CR)):
                source = self.folder / instance.path
                member = f"CR/IMG{index:04d}"
                archive.writestr(zipfile.ZipInfo(member, _ZIP_DATE), source.read_bytes())
                source.unlink()
                self._replace(instance, path.relative_to(self.folder), member)
        self._odd(path, "zip")

    def _plant_preamble(self) -> None:
        """Write a name into the 128 bytes before the magic word (PS3.10 7.1), where anything may stand."""
        instance = self._instances(Kind.CT)[0]
        patient = next(patient for patient in self.hospital.patients if patient.patient_id == instance.patient_id)
        path = self.folder / instance.path
        text = f"EXPORTED FOR {patient.name.replace('^', ' ')} {patient.patient_id}"
        with path.open("r+b") as part10_file:
            part10_file.write(text.encode("ascii", "replace")[:128])
        found = PlantedIdentifier(
            self.hospital.code,
            patient.patient_id,
            instance.series_instance_uid,
            "preamble",
            patient.patient_id,
            "preamble",
        )
        self.key.identifiers.append(found)

    def _write_clinical(self) -> None:
        path = self.root.parent / "clinical.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["patient_id", "covid19_status"])
            rows.writerows([patient.patient_id, patient.covid19_status] for patient in self.hospital.patients)
        site = DemoSite(
            self.hospital.code,
            self.hospital.name,
            self.hospital.country,
            str(self.root.relative_to(self.folder)),
            str(path.relative_to(self.folder)),
        )
        self.key.sites.append(site)


def _write_disc(target: Path, uid: str, files: list[Path]) -> dict[str, Path]:
    """Write a file-set (PS3.10 8) and return where each SOP Instance UID went."""
    with warnings.catch_warnings():
        # pydicom leaves the removal of its staging folder to the garbage collector, which complains aloud.
        warnings.simplefilter("ignore", ResourceWarning)
        disc = FileSet()
        disc.UID = UID(uid)
        for file in files:
            disc.add(file)
        disc.write(target)
        places = {str(entry.SOPInstanceUID): Path(entry.path) for entry in disc}
        del disc
        gc.collect()
    return places


def _save(dataset: Dataset, path: Path, transfer_syntax_uid: str) -> None:
    is_native = transfer_syntax_uid in _NATIVE
    dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid) if is_native else ExplicitVRLittleEndian
    dataset["PixelData"].VR = (
        "OB" if dataset.BitsAllocated == BITS_OF_A_BYTE and transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN else "OW"
    )
    if not is_native:
        dataset.compress(transfer_syntax_uid, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)


def _described(site: str, path: Path, dataset: Dataset) -> DemoInstance:
    return DemoInstance(
        site,
        str(path),
        str(dataset.PatientID),
        str(dataset.StudyInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.SOPInstanceUID),
        str(dataset.Modality),
    )
