"""De-identified instances and batches as a hospital's edge would send them, made in a moment."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.profile import ENGINE_VERSION, load_profile
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Site
from radcommons.transfer.manifest import (
    BatchFile,
    BatchManifest,
    Covid19Status,
    ProfileStamp,
    ReviewStamp,
    SoftwareStamp,
)
from radcommons.transfer.summary import sign_summary, summarise

CT = "1.2.840.10008.5.1.4.1.1.2"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
METHODS = ("113100", "113105", "113107", "113108", "113109")
OPERATOR = Actor.system("tests")


def uid(*parts: object) -> str:
    """A UID under 2.25 that depends on nothing but its words."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def write_instance(path: Path, **changes: object) -> Path:
    """Write one small de-identified CT slice; ``changes`` set attributes by keyword, ``None`` removes them.

    ``study``, ``series`` and ``number`` choose its place.
    """
    study, series, number = (changes.pop(name, 1) for name in ("study", "series", "number"))
    dataset = _dataset(study, series, number)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    file = FileDataset(str(path), dataset, file_meta=meta, preamble=bytes(128))
    file.save_as(path, enforce_file_format=True)
    return path


def _dataset(study: object, series: object, number: object) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.StudyInstanceUID = uid("study", study)
    dataset.SeriesInstanceUID = uid("series", study, series)
    dataset.SOPInstanceUID = uid("instance", study, series, number)
    dataset.FrameOfReferenceUID = uid("frame", study, series)
    dataset.Modality = "CT"
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientName = ""
    dataset.PatientID = f"ALPHA-{int(hashlib.sha256(str(study).encode()).hexdigest()[:6], 16):08d}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F"
    dataset.PatientAge = "058Y"
    dataset.StudyDate = "20200412"
    dataset.StudyTime = "101500"
    dataset.StudyID = ""
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.Manufacturer = "Example"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = int(str(number))
    dataset.SliceThickness = "2.5"
    dataset.ImagePositionPatient = [0, 0, float(str(number))]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [0.7, 0.7]
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethod = "RadCommons"
    dataset.DeidentificationMethodCodeSequence = [_code(value) for value in METHODS]
    pixels = np.arange(256, dtype=np.int16).reshape(16, 16) + int(str(number))
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleIntercept, dataset.RescaleSlope = -1024, 1
    dataset.PixelData = pixels.tobytes()
    return dataset


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", "A de-identification option"
    return item


@dataclass(frozen=True, slots=True)
class MadeBatch:
    """A manifest and where the bytes of its parts lie."""

    manifest: BatchManifest
    paths: Mapping[str, Path]

    @property
    def envelope(self) -> bytes:
        """The signed summary, by the site's own key."""
        return self.signed_by(self.manifest.site)

    def signed_by(self, name: str) -> bytes:
        """The signed summary by the key of that name."""
        summary = summarise(
            self.manifest,
            engine=str(ENGINE_VERSION),
            actions={"keep": 4, "remove": 2},
            attributes={"PatientName": {"replace": 1}},
        )
        return sign_summary(summary, signing_key(name))


def signing_key(name: str) -> Ed25519PrivateKey:
    """A key that depends on nothing but its name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"signing {name}".encode()).digest())


def make_batch(
    paths: Sequence[Path], *, site: str = "ALPHA", subjects: Mapping[str, str] | None = None, **claims: object
) -> MadeBatch:
    """Seal files into a batch; ``claims`` override what the manifest says of every file."""
    files = sorted((_file(path, claims) for path in paths), key=lambda file: file.sha256)
    manifest = BatchManifest(
        site=site,
        project="covid19",
        profile=profile_stamp(),
        software=SoftwareStamp("radcommons", "0.1.0"),
        report_sha256="b" * 64,
        review=ReviewStamp("A. Coordinator", "approved"),
        files=tuple(files),
        subjects={key: Covid19Status(value) for key, value in (subjects or {}).items()},
    )
    return MadeBatch(manifest, {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths})


def profile_stamp(name: str = "ricord") -> ProfileStamp:
    """A packaged profile as manifests name it."""
    profile = load_profile(name)
    return ProfileStamp(profile.name, profile.version, profile.digest)


def _file(path: Path, claims: Mapping[str, object]) -> BatchFile:
    data = path.read_bytes()
    values: dict[str, object] = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "study_instance_uid": uid("nothing"),
        "series_instance_uid": uid("nothing"),
        "sop_instance_uid": uid("unreadable", path.name),
        "sop_class_uid": CT,
        "pixel_text": PixelText.NOT_APPLICABLE,
    }
    if data[128:132] == b"DICM":
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        values |= {
            "study_instance_uid": str(dataset.StudyInstanceUID),
            "series_instance_uid": str(dataset.SeriesInstanceUID),
            "sop_instance_uid": str(dataset.SOPInstanceUID),
            "sop_class_uid": str(dataset.SOPClassUID),
        }
    return BatchFile(**(values | dict(claims)))  # type: ignore[arg-type]


def make_site(code: str = "ALPHA", *, is_signed: bool = True) -> Site:
    """A site, with an agreement for the project ``covid19`` in force since 2020."""
    site = sites.add_site(code, name=f"Hospital {code}", country="DE", actor=OPERATOR)
    if is_signed:
        signature = sites.Signature("covid19", "Prof. S. Ignatory", "Director", date(2020, 3, 1), "CC-BY-4.0")
        sites.sign_agreement(site, signature, actor=OPERATOR)
    return site


def make_token(site: Site) -> str:
    """A contributor key of a site, in plain text."""
    return sites.issue_contributor_key(site, name="test machine", actor=OPERATOR).plain
