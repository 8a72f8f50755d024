"""Small DICOM files made by pydicom, which is not the reader under test."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 8, 6


def made_ct(**attributes: object) -> Dataset:
    """A small CT of one frame with a patient, to be changed by keyword."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance"])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame of reference"])
    dataset.PatientName = "Quixotesen^Ulrika"
    dataset.PatientID = "MRN-7654321"
    dataset.PatientBirthDate = "19500203"
    dataset.PatientSex = "F"
    dataset.PatientAge = "070Y"
    dataset.StudyDate = "20200315"
    dataset.StudyTime = "101500"
    dataset.AccessionNumber = "ACC9988776"
    dataset.ReferringPhysicianName = "Zwingli^Huldrych"
    dataset.StudyID = "1"
    dataset.Modality = "CT"
    dataset.SeriesNumber = 2
    dataset.InstanceNumber = 3
    dataset.StudyDescription = "CT CHEST"
    dataset.SeriesDescription = "Lung 1.0"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Manufacturer = "Maker"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
    dataset.PixelData = np.arange(ROWS * COLUMNS, dtype="<i2").tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def write_made(dataset: Dataset, path: Path, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path
