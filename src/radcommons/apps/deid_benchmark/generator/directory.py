"""The DICOMDIR of the folder: it names every patient once more (PS3.3 F.3)."""

from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from radcommons.apps.deid_benchmark.generator.draft import Draft, made_uid
from radcommons.apps.deid_benchmark.key import Action, Check, PlantedObject

_NAME = "DICOMDIR"


def write_directory(drafts: list[Draft], folder: Path, *, seed: int) -> PlantedObject:
    """Write a directory with one record for each patient; leaving it out is right, passing it on is a leak."""
    uid = made_uid(seed, "directory")
    dataset = FileDataset(_NAME, {}, preamble=bytes(128))
    dataset.FileSetID = "BENCH"
    dataset.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    dataset.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    dataset.FileSetConsistencyFlag = 0
    described = PlantedObject(
        _NAME,
        "dicomdir",
        -1,
        "",
        "",
        str(MediaStorageDirectoryStorage),
        str(ExplicitVRLittleEndian),
        "",
        "",
        uid,
        may_be_refused=True,
    )
    records: list[Dataset] = []
    for person in {draft.person.ordinal: draft.person for draft in drafts}.values():
        record = Dataset()
        record.OffsetOfTheNextDirectoryRecord, record.RecordInUseFlag = 0, 0xFFFF
        record.OffsetOfReferencedLowerLevelDirectoryEntity, record.DirectoryRecordType = 0, "PATIENT"
        record.SpecificCharacterSet = "ISO_IR 192"
        record.PatientID, record.PatientName = person.patient_id, person.person_name
        path = f"DirectoryRecordSequence[{len(records)}]."
        records.append(record)
        described.checks.append(
            Check(
                Action.TEXT_REMOVED,
                "directory",
                "patient_id",
                f"{path}PatientID",
                person.patient_id,
                person.patient_id,
                is_searchable=True,
            )
        )
        described.checks += [
            Check(Action.TEXT_REMOVED, "directory", "name", f"{path}PatientName", person.person_name, part)
            for part in person.person_name.replace("=", "^").split("^")
        ]
    dataset.DirectoryRecordSequence = Sequence(records)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    dataset.file_meta = meta
    dataset.save_as(folder / _NAME, enforce_file_format=True)
    return described
