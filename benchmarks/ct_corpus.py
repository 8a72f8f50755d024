"""A generated hospital's CT: as many elements as scanners write, private blocks, sequences, noise for pixels; no real person.

Everything follows from a seed: the same arguments give the same bytes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

PATIENTS, STUDIES, SERIES = 5, 2, 2
_ROOT = "1.2.826.0.1.3680043.99999"
_NAMES = ("Achterberg^Wilhelmina", "Brzęczyszczykiewicz^Grzegorz", "O'Flaherty^Siobhan", "Ng^Li", "Quixotesen^Ulrika")
_WORDS = ("CHEST", "ROUTINE", "LUNG", "AXIAL", "THIN", "SOFT", "RECON", "INSP")


@dataclass(frozen=True, slots=True)
class Place:
    """Which patient, study and series of the corpus, each from 0."""

    patient: int
    study: int
    series: int

    @property
    def uid(self) -> str:
        """The Series Instance UID."""
        return f"{_ROOT}.{self.patient + 1}.{self.study + 1}.{self.series + 1}"


def write_corpus(
    folder: Path,
    files: int,
    *,
    rows: int = 512,
    seed: int = 7,
    shape: tuple[int, int, int] = (PATIENTS, STUDIES, SERIES),
    is_chest: bool = False,
) -> list[Path]:
    """Write CT slices, spread evenly over patients, studies and series; their paths in order.

    Parameters
    ----------
    folder
        An empty or missing folder.
    files
        How many.
    rows
        Rows and columns of each; two bytes a pixel.
    seed
        What everything random follows from.
    shape
        How many patients (at most 40), studies of each, and series of each study.
    is_chest
        Whether the pixels look like a slice of a chest, as far as encoders of pictures can tell; noise otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [Place(p, s, n) for p in range(shape[0]) for s in range(shape[1]) for n in range(shape[2])]
    pixels = np.random.default_rng(seed).integers(-1000, 1000, size=(8, rows, rows), dtype=np.int16)
    pixels = _chest(rows) + pixels // 40 if is_chest else pixels
    paths = []
    for number, place in enumerate(places):
        slices = len(range(number, files, len(places)))
        header = _series(place, rows, random.Random(seed + number))
        for index in range(slices):
            _set_slice(header, place, index)
            header.PixelData = pixels[index % len(pixels)].tobytes()
            paths.append(folder / f"{number:02d}-{index:05d}.dcm")
            header.save_as(paths[-1], enforce_file_format=True)
    return paths


def _chest(rows: int) -> NDArray[np.int16]:
    """Air, a body, two lungs and a spine, as stored values of a CT whose intercept is -1024."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : rows * 1j]
    slice_ = np.full((rows, rows), 24, np.int16)
    slice_[(x / 0.9) ** 2 + (y / 0.65) ** 2 < 1] = 1064
    for side in (-1, 1):
        slice_[((x - side * 0.4) / 0.28) ** 2 + (y / 0.45) ** 2 < 1] = 170
    slice_[(x / 0.1) ** 2 + ((y - 0.45) / 0.12) ** 2 < 1] = 1700
    return slice_


def _series(place: Place, rows: int, chance: random.Random) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.SourceApplicationEntityTitle = "CT99MAIN"
    for keyword, value in {**_patient(place), **_study(place), **_equipment(), **_image(place, rows)}.items():
        setattr(header, keyword, value)
    for keyword, item in _sequences(place):
        setattr(header, keyword, [item])
    _add_private(header, chance)
    return header


def _patient(place: Place) -> dict[str, object]:
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": _NAMES[place.patient % len(_NAMES)],
        "PatientID": f"MRN{place.patient:03d}55123",
        "IssuerOfPatientID": "MERCY-VALLEY",
        "PatientBirthDate": f"19{50 + place.patient}0312",
        "PatientSex": "MFOMF"[place.patient % len(_NAMES)],
        "PatientAge": f"0{70 - place.patient}Y",
        "PatientWeight": "71.5",
        "PatientSize": "1.74",
        "OtherPatientIDs": [f"ALT{place.patient}7731", f"OLD{place.patient}9917"],
        "PatientAddress": f"{12 + place.patient} Harbour Terrace, Ardmore",
        "PatientTelephoneNumbers": f"555-013{place.patient}-7788",
        "EthnicGroup": "UNKNOWN",
        "PatientComments": f"Seen with {_NAMES[place.patient % len(_NAMES)].split('^')[0]}",
        "AdditionalPatientHistory": "cough, fever",
        "PregnancyStatus": 4,
        "MedicalAlerts": "none",
        "Allergies": "iodine",
        "SmokingStatus": "NO",
    }


def _study(place: Place) -> dict[str, object]:
    day = f"202003{10 + place.patient + place.study:02d}"
    texts = {
        "StudyDescription": "CT CHEST WITH CONTRAST",
        "SeriesDescription": f"{_WORDS[place.series]} {_WORDS[place.series + 3]} 1.0",
        "ProtocolName": "Chest routine",
        "ReferringPhysicianName": "Zwingli^Huldrych^^Dr",
        "PerformingPhysicianName": "Okonkwo^Chidi",
        "NameOfPhysiciansReadingStudy": "Petrossian^Ani",
        "OperatorsName": "Haverkamp^Jutta",
        "PhysiciansOfRecord": "Zwingli^Huldrych^^Dr",
        "RequestingPhysician": "Lindqvist^Maj",
        "InstitutionName": "Mercy Valley Hospital",
        "InstitutionAddress": "1 Mercy Road, Ardmore",
        "InstitutionalDepartmentName": "Radiology 2",
        "StationName": "CT99A",
        "RequestedProcedureDescription": "CT thorax",
        "RequestedProcedureID": f"RP{place.patient}{place.study}4431",
        "PerformedProcedureStepID": f"PPS{place.patient}{place.study}771",
        "PerformedProcedureStepDescription": "CT thorax contrast",
        "CommentsOnThePerformedProcedureStep": "breath hold good",
        "ReasonForTheRequestedProcedure": "suspected pneumonia",
        "StudyComments": "transferred from ward",
        "ImageComments": "kernel sharp",
    }
    dates = dict.fromkeys(
        ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"), day
    ) | dict.fromkeys(("PerformedProcedureStepStartDate", "PerformedProcedureStepEndDate"), day)
    times = {"StudyTime": "101500", "SeriesTime": "101730.250000", "PerformedProcedureStepStartTime": "101400"}
    return {
        "StudyInstanceUID": place.uid.rpartition(".")[0],
        "SeriesInstanceUID": place.uid,
        "FrameOfReferenceUID": f"{place.uid.rpartition('.')[0]}.99",
        "AccessionNumber": f"ACC{place.patient}{place.study}998877",
        "StudyID": f"S{place.patient}{place.study}",
        **texts,
        **dates,
        **times,
    }


def _equipment() -> dict[str, object]:
    return {
        "Modality": "CT",
        "Manufacturer": "ACME MEDICAL",
        "ManufacturerModelName": "Panorama 64",
        "DeviceSerialNumber": "SN774411",
        "SoftwareVersions": "syn 4.2 VA48A",
        "DateOfLastCalibration": "20200301",
        "TimeOfLastCalibration": "060000",
        "KVP": "120",
        "DataCollectionDiameter": "500",
        "ReconstructionDiameter": "360",
        "DistanceSourceToDetector": "1085.6",
        "DistanceSourceToPatient": "595",
        "GantryDetectorTilt": "0",
        "TableHeight": "155",
        "RotationDirection": "CW",
        "ExposureTime": "500",
        "XRayTubeCurrent": "210",
        "Exposure": "105",
        "FilterType": "WEDGE_3",
        "GeneratorPower": "25",
        "FocalSpots": "1.2",
        "ConvolutionKernel": "B60f",
        "PatientPosition": "FFS",
        "ExposureModulationType": "XYZ_EC",
        "EstimatedDoseSaving": 12.5,
        "CTDIvol": 7.25,
        "SpiralPitchFactor": 1.2,
        "TableSpeed": 46.0,
        "TableFeedPerRotation": 23.0,
        "SingleCollimationWidth": 0.6,
        "TotalCollimationWidth": 19.2,
        "RevolutionTime": 0.5,
        "BodyPartExamined": "CHEST",
        "ScanOptions": "HELICAL MODE",
        "ContrastBolusAgent": "APPLIED",
        "ContrastBolusVolume": "90",
        "ContrastFlowRate": "3",
        "ContrastBolusIngredientConcentration": "300",
        "SliceThickness": "1",
        "SpatialResolution": "0.6",
    }


def _image(place: Place, rows: int) -> dict[str, object]:
    return {
        "SOPClassUID": CTImageStorage,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
        "SeriesNumber": place.series + 2,
        "AcquisitionNumber": 3,
        "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        "PositionReferenceIndicator": "",
        "PatientOrientation": ["L", "P"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": rows,
        "PixelSpacing": ["0.703125", "0.703125"],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "WindowCenter": ["-500", "40"],
        "WindowWidth": ["1500", "400"],
        "WindowCenterWidthExplanation": ["LUNG", "SOFT"],
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "QualityControlImage": "NO",
        "PresentationLUTShape": "IDENTITY",
    }


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    return item


def _sequences(place: Place) -> Iterator[tuple[str, Dataset]]:
    yield "ReferencedStudySequence", _reference(f"{place.uid}.1.1")
    yield "ReferencedPerformedProcedureStepSequence", _reference(f"{place.uid}.1.2")
    yield "ReferencedImageSequence", _reference(f"{place.uid}.1.3")
    yield "ProcedureCodeSequence", _code("P1", "CT of chest")
    yield "AnatomicRegionSequence", _code("T-D3000", "Chest")
    request = Dataset()
    request.RequestedProcedureID = f"RP{place.patient}{place.study}4431"
    request.ScheduledProcedureStepID = "SPS1"
    request.ScheduledProcedureStepDescription = "CT thorax"
    request.AccessionNumber = f"ACC{place.patient}{place.study}998877"
    request.ScheduledProtocolCodeSequence = [_code("C1", "CT protocol")]
    yield "RequestAttributesSequence", request
    person = Dataset()
    person.PersonIdentificationCodeSequence = [_code("D1", "Zwingli")]
    person.InstitutionName = "Mercy Valley Hospital"
    yield "ReferringPhysicianIdentificationSequence", person


def _add_private(header: Dataset, chance: random.Random) -> None:
    """Fifty-eight private elements: numbers, texts with names in them, a blob of a vendor's own format, a sequence."""
    acquisition = header.private_block(0x0019, "ACME CT HEADER", create=True)
    for number in range(26):
        acquisition.add_new(number, "DS", f"{chance.random():.6f}")
    texts = header.private_block(0x0021, "ACME TEXT", create=True)
    for number in range(25):
        texts.add_new(number, "LO", f"{header.PatientName} {chance.randrange(10**6)}")
    blobs = header.private_block(0x0029, "ACME CSA HEADER", create=True)
    blobs.add_new(0x08, "CS", "IMAGE NUM 4")
    blobs.add_new(0x10, "OB", b"SV10\4\3\2\1" + chance.randbytes(2392))
    item = Dataset()
    item.PatientID = header.PatientID
    blobs.add_new(0x20, "SQ", [item])


def _set_slice(header: Dataset, place: Place, index: int) -> None:
    seconds = index * 0.25
    clock = f"1018{int(seconds) % 60:02d}.{int(seconds * 1e6) % 10**6:06d}"
    uid = f"{place.uid}.2.{index + 1}"
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
    header.file_meta.MediaStorageSOPClassUID = CTImageStorage
    header.InstanceNumber = index + 1
    header.AcquisitionTime = header.ContentTime = header.InstanceCreationTime = clock
    header.ImagePositionPatient = ["-180", "-170.5", f"{-index * 0.7:.4f}"]
    header.SliceLocation = f"{-index * 0.7:.4f}"
    header.XRayTubeCurrent = 180 + index % 60
    header.Exposure = 90 + index % 30
    header.SmallestImagePixelValue, header.LargestImagePixelValue = -1000, 999 - index % 7
    header.TablePosition = index * 0.7
    block = header.private_block(0x0029, "ACME CSA HEADER")
    blob = block[0x10].value
    block[0x10].value = blob[:16] + index.to_bytes(4, "little") + blob[20:]
