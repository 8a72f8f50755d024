"""One planted object, what a tool may have made of it, and the score of that."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.apps.deid_benchmark.key import AnswerKey, BurnedIn, Check, PlantedObject, packed
from radcommons.apps.deid_benchmark.pictures import blocks_of, decoded
from radcommons.apps.deid_benchmark.scoring.score import Score, ScoreOptions, score_key

CT = "1.2.840.10008.5.1.4.1.1.2"
OLD_UID, NEW_UID = "1.2.826.0.1.3680043.10.1555.77", "2.25.1234567890"


def made(values: dict[str, object], *, pixels: np.ndarray | None = None, sop_class_uid: str = CT) -> Dataset:
    """A data set of some values, readable as a file."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, OLD_UID
    dataset.InstanceNumber = "1001"
    for name, value in values.items():
        setattr(dataset, name, value)
    if pixels is not None:
        dataset.Rows, dataset.Columns = pixels.shape[-2:]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = pixels.itemsize * 8
        dataset.HighBit, dataset.PixelRepresentation = pixels.itemsize * 8 - 1, 0
        if pixels.ndim == 3:
            dataset.NumberOfFrames = len(pixels)
        raw = pixels.tobytes()
        dataset.add_new(0x7FE00010, "OW", raw + b"\0" * (len(raw) & 1))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class_uid
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def written(dataset: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    dataset.save_as(path, enforce_file_format=True)
    return path


def planted(
    dataset: Dataset, *checks: Check, burned_in: tuple[BurnedIn, ...] = (), path: str = "a.dcm", **about
) -> PlantedObject:
    """What a key says about a data set."""
    frames = decoded(dataset) if "PixelData" in dataset else None
    return PlantedObject(
        path=path,
        kind="test",
        patient=about.pop("patient", 0),
        patient_id=str(dataset.get("PatientID", "")),
        modality="CT",
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(ExplicitVRLittleEndian),
        study_instance_uid=str(dataset.get("StudyInstanceUID", "")),
        series_instance_uid=str(dataset.get("SeriesInstanceUID", "")),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        instance_number=about.pop("instance_number", "1001"),
        shape=() if frames is None else frames.shape,
        pixel_blocks="" if frames is None else blocks_of(frames),
        checks=list(checks),
        burned_in=list(burned_in),
        **about,
    )


@dataclass
class Trial:
    """One input folder and one output folder, and the key that is filled on the way."""

    folder: Path
    key: AnswerKey = field(default_factory=lambda: AnswerKey("test", 0))

    @property
    def originals(self) -> Path:
        return self.folder / "in"

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def plant(
        self, values: dict[str, object], *checks: Check, pixels: np.ndarray | None = None, **about
    ) -> PlantedObject:
        dataset = made(values, pixels=pixels)
        path = about.setdefault("path", f"{len(self.key.objects)}.dcm")
        written(dataset, self.originals / path)
        found = planted(pydicom.dcmread(self.originals / path), *checks, **about)
        self.key.objects.append(found)
        return found

    def give(self, values: dict[str, object], *, pixels: np.ndarray | None = None, name: str = "0.dcm") -> Path:
        """One output file; the SOP Instance UID is a new one unless it is told."""
        return written(made({"SOPInstanceUID": NEW_UID, **values}, pixels=pixels), self.output / name)

    def score(self, **options) -> Score:
        self.output.mkdir(exist_ok=True)
        return score_key(self.key, self.output, originals=self.originals, options=ScoreOptions(**options))


def ink(height: int, width: int) -> np.ndarray:
    """Something like letters: every third column and a bar."""
    mask = np.zeros((height, width), dtype=bool)
    mask[:, ::3] = True
    mask[height // 2] = True
    return mask


def line(mask: np.ndarray, *, at: tuple[int, int], text: str = "OKONJO", frames=None, kind: str = "name") -> BurnedIn:
    left, top = at
    return BurnedIn("pixels", (left, top, mask.shape[1], mask.shape[0]), frames, kind, text, packed(mask))
