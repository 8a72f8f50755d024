"""What each kind of examination adds to the header: the image modules of its IOD."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radcommons.apps.demo.hospital.answer_key import AnswerKey, BurnedInText, DrawnLesion
from radcommons.apps.demo.hospital.headers import Order, Planter, SeriesPlan, series_header
from radcommons.apps.demo.hospital.lesions import Lesion
from radcommons.apps.demo.hospital.pictures import (
    TextLine,
    WrittenLine,
    burn_name_plate,
    draw_dose_screen,
    draw_ultrasound,
)
from radcommons.apps.demo.hospital.radiograph import STORED_MAXIMUM, draw_radiograph
from radcommons.apps.demo.hospital.roster import Kind
from radcommons.apps.demo.hospital.volume import Geometry, LesionMeasure, Person, draw_series

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
DX_IMAGE = "1.2.840.10008.5.1.4.1.1.1.1"
US_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
SC_IMAGE = "1.2.840.10008.5.1.4.1.1.7"
_INTERCEPT = -1024


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the images are drawn."""

    matrix: int
    fine_matrix: int
    planes: int
    slice_mm: float
    radiograph: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sitting:
    """One person before one machine: all that is needed to draw an examination."""

    order: Order
    person: Person
    lesions: tuple[Lesion, ...]
    scale: Scale
    key: AnswerKey

    def rng(self, purpose: int) -> np.random.Generator:
        """Return the chance of this examination for one purpose."""
        return np.random.default_rng(
            [self.order.seed, self.order.number, purpose, *self.order.patient.patient_id.encode()]
        )


def draw_examination(sitting: Sitting) -> Iterator[Dataset]:
    """Yield the instances of one examination, ready to be written; one dataset is reused for all planes of a series."""
    kind = sitting.order.examination.kind
    if kind in {Kind.CT, Kind.CT_WITH_SCREEN}:
        yield from _computed_tomography(sitting)
    if kind is Kind.CT_WITH_SCREEN:
        yield _dose_screen(sitting)
    if kind in {Kind.DX, Kind.DX_WITH_NAME_PLATE, Kind.CR}:
        yield _radiograph(sitting)
    if kind is Kind.ULTRASOUND:
        yield _ultrasound(sitting)


def _computed_tomography(sitting: Sitting) -> Iterator[Dataset]:
    order, scale = sitting.order, sitting.scale
    plan = SeriesPlan(
        CT_IMAGE, "CT", order.hospital.ct, 2, f"Thorax {scale.slice_mm:.1f} LUNG", "CT CHEST W/O CONTRAST"
    )
    dataset, planter = series_header(order, plan, sitting.key)
    matrix = scale.fine_matrix if order.examination.is_fine else scale.matrix
    geometry = Geometry(matrix, 376.0 / matrix, scale.slice_mm, scale.planes)
    _ct_modules(dataset, order, planter, geometry)
    measures = [LesionMeasure(lesion) for lesion in sitting.lesions]
    planes = draw_series(sitting.person, geometry, lesions=measures, rng=sitting.rng(1))
    heights = geometry.heights_mm(sitting.person.anatomy)
    first = float(geometry.grid.x[0, 0]), float(geometry.grid.y[0, 0])
    for number, (z, plane) in enumerate(zip(heights, planes, strict=True), start=1):
        _identify(dataset, order.uid("instance", plan.number, number), number)
        dataset.ImagePositionPatient = [f"{first[0]:.3f}", f"{first[1]:.3f}", f"{z:.3f}"]
        dataset.SliceLocation = f"{z:.3f}"
        dataset.PixelData = (plane - _INTERCEPT).astype("<u2").tobytes()
        yield dataset
    sitting.key.lesions.extend(_drawn(measure, geometry, planter) for measure in measures if measure.voxels)


def _drawn(measure: LesionMeasure, geometry: Geometry, planter: Planter) -> DrawnLesion:
    lesion = measure.lesion
    x, y, z = (round(value, 1) for value in lesion.centre_mm)
    return DrawnLesion(
        planter.series_instance_uid,
        lesion.kind.value,
        lesion.side,
        round(measure.volume_ml(geometry), 3),
        round(measure.mean_hu, 1),
        (x, y, z),
    )


def _ct_modules(dataset: Dataset, order: Order, planter: Planter, geometry: Geometry) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.BodyPartExamined, dataset.PatientPosition = "CHEST", "HFS"
    dataset.ProtocolName = "CHEST ROUTINE"
    dataset.ScanOptions, dataset.ConvolutionKernel = "HELICAL", "LUNG"
    dataset.KVP, dataset.XRayTubeCurrent, dataset.ExposureTime, dataset.Exposure = "120", "180", "500", "90"
    dataset.GantryDetectorTilt, dataset.TableHeight = "0", "143"
    dataset.DataCollectionDiameter, dataset.ReconstructionDiameter = "500", "376"
    dataset.AcquisitionNumber = 1
    dataset.FrameOfReferenceUID = order.uid("frame-of-reference")
    planter.record("FrameOfReferenceUID", dataset.FrameOfReferenceUID, kind="uid")
    dataset.PositionReferenceIndicator = ""
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing = [f"{geometry.pixel_mm:.6f}"] * 2
    dataset.SliceThickness = f"{geometry.slice_mm:.1f}"
    _grey(dataset, geometry.matrix, geometry.matrix, bits=12)
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = str(_INTERCEPT), "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["-600", "40"], ["1500", "400"]
    dataset.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]
    if order.is_chatty:
        comment = (
            f"{order.patient.family_name} coughed; repeat advised by Dr. {order.hospital.physicians[1].split('^')[0]}"
        )
        planter.plant(dataset, "ImageComments", comment, kind="text", value=order.patient.family_name)


def _radiograph(sitting: Sitting) -> Dataset:
    order, examination = sitting.order, sitting.order.examination
    is_dx = examination.kind is not Kind.CR
    plan = SeriesPlan(
        DX_IMAGE if is_dx else CR_IMAGE, "DX" if is_dx else "CR", order.hospital.xray, 1, "PA chest", "XR CHEST 1 VIEW"
    )
    dataset, planter = series_header(order, plan, sitting.key)
    _identify(dataset, order.uid("instance", 1, 1), 1)
    stored = draw_radiograph(sitting.person, lesions=sitting.lesions, size=sitting.scale.radiograph, rng=sitting.rng(2))
    rows, columns = stored.shape
    _grey(dataset, rows, columns, bits=12)
    dataset.BodyPartExamined, dataset.ViewPosition, dataset.KVP = "CHEST", "PA" if is_dx else "AP", "117"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""] if is_dx else ["ORIGINAL", "PRIMARY"]
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = [f"{356 / columns:.5f}"] * 2
    dataset.WindowCenter, dataset.WindowWidth = "1900", "3000"
    if is_dx:
        _dx_modules(dataset)
    written: tuple[WrittenLine, ...] = ()
    if examination.kind is Kind.DX_WITH_NAME_PLATE:
        stored, written = burn_name_plate(stored, _name_plate(order), value=STORED_MAXIMUM)
        dataset.BurnedInAnnotation = "YES"
    if examination.is_inverted:
        stored = (STORED_MAXIMUM - stored).astype(np.uint16)
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.WindowCenter = f"{STORED_MAXIMUM - 1900}"
    dataset.PixelData = stored.astype("<u2").tobytes()
    _record_lines(dataset, written, planter)
    return dataset


def _dx_modules(dataset: Dataset) -> None:
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.AnatomicRegionSequence = [_code("43799004", "SCT", "Thorax")]
    dataset.ImageLaterality = "U"
    dataset.DetectorType = "SCINTILLATOR"
    dataset.PositionerType = "COLUMN"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    dataset.AcquisitionContextSequence = []
    dataset.ViewCodeSequence = [_code("399348003", "SCT", "Antero-posterior")]


def _ultrasound(sitting: Sitting) -> Dataset:
    order, patient = sitting.order, sitting.order.patient
    plan = SeriesPlan(US_IMAGE, "US", order.hospital.other, 1, "Lung, right basal", "US CHEST")
    dataset, planter = series_header(order, plan, sitting.key)
    _identify(dataset, order.uid("instance", 1, 1), 1)
    lines = (
        TextLine(patient.name.replace("^", " "), "name"),
        TextLine(f"ID {patient.patient_id}   DOB {patient.birth_date:%d/%m/%Y}", "patient_id"),
        TextLine(f"{order.hospital.name}   {order.day:%d/%m/%Y}", "institution"),
        TextLine("LUNG R BASAL  C5-1  14 cm  MI 0.9"),
    )
    pixels, written = draw_ultrasound(sitting.rng(3), lines)
    _colour(dataset, pixels)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    dataset.PatientOrientation = ""
    dataset.LossyImageCompression = "00"
    dataset.UltrasoundColorDataPresent = 1
    dataset.Laterality = ""
    _record_lines(dataset, written, planter)
    return dataset


def _dose_screen(sitting: Sitting) -> Dataset:
    order, patient = sitting.order, sitting.order.patient
    plan = SeriesPlan(SC_IMAGE, "CT", order.hospital.ct, 999, "Dose Report", "CT CHEST W/O CONTRAST")
    dataset, planter = series_header(order, plan, sitting.key)
    _identify(dataset, order.uid("instance", plan.number, 1), 1)
    lines = (
        TextLine(patient.name.replace("^", ", ", 1).replace("^", " "), "name"),
        TextLine(f"Patient ID: {patient.patient_id}", "patient_id"),
        TextLine(f"Acc. No.: {order.accession_number}", "accession"),
        TextLine(f"{order.day:%b %d %Y}   {order.hospital.physicians[1].replace('^', ' ')}", "date"),
        TextLine("Exam: CT CHEST W/O CONTRAST"),
        TextLine("Series 2   CTDIvol 6.14 mGy   DLP 214.7 mGy·cm"),
    )
    pixels, written = draw_dose_screen(lines)
    _colour(dataset, pixels)
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.ConversionType = "WSD"
    dataset.Laterality = ""
    dataset.PatientOrientation = ""
    _record_lines(dataset, written, planter)
    return dataset


def _name_plate(order: Order) -> tuple[TextLine, ...]:
    patient = order.patient
    return (
        TextLine(patient.name.replace("^", ", "), "name"),
        TextLine(f"{patient.patient_id}  {patient.birth_date:%m/%d/%Y}", "patient_id"),
        TextLine(f"{order.day:%m/%d/%Y}  {order.hospital.name}", "date"),
    )


def _record_lines(dataset: Dataset, written: tuple[WrittenLine, ...], planter: Planter) -> None:
    for line in written:
        found = BurnedInText(str(dataset.SOPInstanceUID), line.text, line.kind, line.box)
        planter.key.burned_in.append(found)


def _identify(dataset: Dataset, sop_instance_uid: str, number: int) -> None:
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = number


def _grey(dataset: Dataset, rows: int, columns: int, *, bits: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, bits, bits - 1, 0


def _colour(dataset: Dataset, pixels: NDArray[np.uint8]) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = pixels.tobytes()


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
