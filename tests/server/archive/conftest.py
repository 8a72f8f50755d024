"""A site, and real DICOM files made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

ACTOR = Actor.system("tests")
STUDY, SERIES = "2.25.10", "2.25.20"


def dicom_file(
    folder: Path, number: int = 1, *, frames: int = 1, syntax: str = ExplicitVRLittleEndian, **attributes
) -> Path:
    """A CT slice of 16 × 12 pixels, or another object by attributes; ``number`` tells instances apart."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    values = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"2.25.30{number}",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "PatientID": "SUBJECT-1",
        "PatientName": "SUBJECT-1",
        "PatientSex": "F",
        "PatientAge": "045Y",
        "StudyDate": "20200315",
        "StudyTime": "101530",
        "StudyID": "1",
        "AccessionNumber": "",
        "StudyDescription": "CT Chest",
        "SeriesDescription": "Axial 1.0",
        "SeriesNumber": 2,
        "InstanceNumber": number,
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "Manufacturer": "ACME",
        "SliceThickness": "1.25",
        **attributes,
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    _add_pixels(dataset, number, frames)
    if frames > 1:
        dataset.NumberOfFrames = frames
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _add_pixels(dataset: FileDataset, number: int, frames: int) -> None:
    samples = (np.arange(frames * 16 * 12, dtype="<u2") * 7 + number).reshape(frames, 12, 16)
    dataset.Rows, dataset.Columns = 12, 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelData = samples.tobytes()


@pytest.fixture
def site(db: None) -> Site:
    """A contributing site."""
    return Site.objects.create(code="ALPHA", name="Alpha", country="DE")


@pytest.fixture
def store(site: Site, tmp_store: object) -> Callable[..., services.Stored]:
    """Store a file as intake would."""

    def run(path: Path, *, at: Site = site, project: str = "covid19") -> services.Stored:
        description, _ = describe_file(path)
        assert description is not None
        return services.store_instance(description, path, site=at, project=project, actor=ACTOR)

    return run
