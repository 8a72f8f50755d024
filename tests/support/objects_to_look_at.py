"""Small objects of every kind that has a view of its own, whose content the tests know."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

STUDY, OTHER_STUDY = "2.25.3001", "2.25.3002"
STORAGE = "1.2.840.10008.5.1.4.1.1."
CT, SEGMENTS, CONTOURS, ECG, REPORT, KEYS, PDF, STATE, PLAN, SLIDE = (f"2.25.31{number:02}" for number in range(1, 11))
GREY_SLIDE, FILM, LOST, BROKEN = (f"2.25.31{number:02}" for number in range(11, 15))
DOCUMENT = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SLICES, SIZE, TILE = 3, 64, 128
# Scaled CIELab of pure green.
GREEN = [57460, 10737, 54240]


def dataset(series: str, number: int, sop_class: str, modality: str, **values: Any) -> Dataset:
    """One object of the study with what every object has."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = STORAGE + sop_class, f"{series}.{number}"
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, series
    made.PatientID, made.PatientName, made.PatientIdentityRemoved = "SUBJ-0002", "", "YES"
    made.Modality, made.StudyDate = modality, "20200401"
    made.SeriesNumber, made.InstanceNumber = int(series[-2:]), number
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def item(**values: Any) -> Dataset:
    """An item of a sequence."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def code(meaning: str, value: str = "1", scheme: str = "99TEST") -> list[Dataset]:
    """A code sequence of one code."""
    return [item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)]


def write(made: Dataset, folder: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """The object as a file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    path = folder / f"{made.SOPInstanceUID}.dcm"
    FileDataset(str(path), made, file_meta=meta, preamble=bytes(128)).save_as(path, enforce_file_format=True)
    return path


def _grey(made: Dataset, values: np.ndarray, bits: int) -> Dataset:
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = values.shape[-2:]
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = bits, bits, bits - 1, 0
    return made


def slices() -> Iterator[Dataset]:
    """A CT of a few dark slices, 1 mm pixels, 2 mm apart."""
    for number in range(SLICES):
        made = _grey(dataset(CT, number + 1, "2", "CT", SeriesDescription="Dark chest"), np.zeros((SIZE, SIZE)), 16)
        made.ImageOrientationPatient, made.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2 * number]
        made.PixelSpacing, made.SliceThickness, made.FrameOfReferenceUID = [1, 1], 2, "2.25.9"
        made.RescaleSlope, made.RescaleIntercept, made.WindowCenter, made.WindowWidth = 1, 0, 500, 1000
        made.PixelData = np.zeros((SIZE, SIZE), "<u2").tobytes()
        yield made


def segments() -> Dataset:
    """Two segments on the middle slice: the left half in green, one pixel column at the right edge in no stated colour."""
    masks = np.zeros((2, SIZE, SIZE), np.uint8)
    masks[0, :, : SIZE // 2], masks[1, :, -1] = 1, 1
    made = _grey(dataset(SEGMENTS, 1, "66.4", "SEG", SeriesDescription="Lungs"), masks, 1)
    made.SegmentationType, made.NumberOfFrames, made.FrameOfReferenceUID = "BINARY", 2, "2.25.9"
    made.ReferencedSeriesSequence = [item(SeriesInstanceUID=CT)]
    made.SegmentSequence = [
        item(SegmentNumber=1, SegmentLabel="Left half", RecommendedDisplayCIELabValue=GREEN),
        item(SegmentNumber=2, SegmentLabel="Right edge"),
    ]
    measures = item(PixelSpacing=[1, 1], SliceThickness=2)
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    made.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[plane])]
    made.PerFrameFunctionalGroupsSequence = [
        item(
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 2])],
        )
        for number in (1, 2)
    ]
    made.PixelData = np.packbits(masks.reshape(-1), bitorder="little").tobytes()
    return made


def contours() -> Dataset:
    """One red square on the last slice."""
    corners = [(16, 16), (48, 16), (48, 48), (16, 48)]
    contour = item(
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=4,
        ContourData=[value for x, y in corners for value in (x, y, 4)],
    )
    reference = item(SeriesInstanceUID=CT)
    made = dataset(CONTOURS, 1, "481.3", "RTSTRUCT", SeriesDescription="Square")
    made.ReferencedFrameOfReferenceSequence = [
        item(RTReferencedStudySequence=[item(RTReferencedSeriesSequence=[reference])])
    ]
    made.StructureSetROISequence = [item(ROINumber=7, ROIName="Red square")]
    made.ROIContourSequence = [item(ReferencedROINumber=7, ROIDisplayColor=[255, 0, 0], ContourSequence=[contour])]
    return made


def film() -> Dataset:
    """Three frames of a film in colour, red, green and blue, 10 ms apart."""
    values = np.zeros((SLICES, SIZE, SIZE, 3), np.uint8)
    for frame in range(SLICES):
        values[frame, :, :, frame] = 200
    made = dataset(FILM, 1, "3.1", "US", SeriesDescription="Flow", NumberOfFrames=SLICES, FrameTime="10")
    made.SamplesPerPixel, made.PlanarConfiguration, made.PhotometricInterpretation = 3, 0, "RGB"
    made.Rows = made.Columns = SIZE
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.PixelData = values.tobytes()
    return made


def undecodable() -> Dataset:
    """A picture that says it is JPEG 2000 and is none; in a study of its own."""
    made = _grey(dataset(BROKEN, 1, "2", "CT", SeriesDescription="Broken"), np.zeros((SIZE, SIZE)), 16)
    made.StudyInstanceUID = OTHER_STUDY
    made.PixelData = encapsulate([b"no codestream "])
    return made


def contours_without_images() -> Dataset:
    """The red square again, drawn on a series that is nowhere."""
    made = contours()
    made.SeriesInstanceUID, made.SOPInstanceUID = LOST, f"{LOST}.1"
    drawn = made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    drawn.SeriesInstanceUID = "2.25.9999"
    return made


def ecg() -> Dataset:
    """Ten seconds of twelve leads at 100 samples a second: a pulse of 1 mV each second, twice as high in lead II."""
    values = np.zeros((1000, 12), "<i2")
    values[50::100, :] = 1000
    values[50::100, 1] = 2000
    channels = [
        item(
            ChannelSourceSequence=code(f"Lead {lead}"),
            ChannelSensitivity="1",
            ChannelSensitivityUnitsSequence=code("microvolt", "uV", "UCUM"),
            ChannelSensitivityCorrectionFactor="1",
            ChannelBaseline="0",
            WaveformBitsStored=16,
        )
        for lead in LEADS
    ]
    group = item(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=12,
        NumberOfWaveformSamples=1000,
        SamplingFrequency="100",
        MultiplexGroupLabel="RHYTHM",
        ChannelDefinitionSequence=channels,
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        WaveformData=values.tobytes(),
    )
    note = item(UnformattedTextValue="Sinus rhythm")
    return dataset(ECG, 1, "9.1.1", "ECG", WaveformSequence=[group], WaveformAnnotationSequence=[note])


def _content(kind: str, name: str, **values: Any) -> Dataset:
    return item(RelationshipType="CONTAINS", ValueType=kind, ConceptNameCodeSequence=code(name), **values)


def _image(number: int) -> Dataset:
    return item(ReferencedSOPClassUID=f"{STORAGE}2", ReferencedSOPInstanceUID=f"{CT}.{number}")


def report() -> Dataset:
    """A report with a finding in words, a measurement on the second slice, and an image that is nowhere."""
    value = item(NumericValue="24.3", MeasurementUnitsCodeSequence=code("millimeter", "mm", "UCUM"))
    below = [
        _content("TEXT", "Finding", TextValue="<b>Consolidation</b> & effusion"),
        _content("NUM", "Long axis", MeasuredValueSequence=[value]),
        _content("IMAGE", "Drawn on", ReferencedSOPSequence=[_image(2)]),
        _content("IMAGE", "Compared with", ReferencedSOPSequence=[_image(99)]),
    ]
    made = dataset(REPORT, 1, "88.22", "SR", SeriesDescription="Measurements", CompletionFlag="COMPLETE")
    made.ValueType, made.ConceptNameCodeSequence, made.ContentSequence = "CONTAINER", code("Imaging report"), below
    return made


def others() -> Iterator[Dataset]:
    """A key object selection, a document, a presentation state and a plan."""
    keys = dataset(KEYS, 1, "88.59", "KO")
    keys.ValueType, keys.ConceptNameCodeSequence = "CONTAINER", code("For Teaching")
    keys.ContentSequence = [_content("IMAGE", "", ReferencedSOPSequence=[_image(1)])]
    yield keys
    document = dataset(
        PDF, 1, "104.1", "DOC", DocumentTitle="Protocol", MIMETypeOfEncapsulatedDocument="application/pdf"
    )
    document.EncapsulatedDocument = DOCUMENT + bytes(len(DOCUMENT) % 2)
    document.EncapsulatedDocumentLength = len(DOCUMENT)
    yield document
    state = dataset(STATE, 1, "11.1", "PR", ContentLabel="LUNGS", ContentDescription="Wide window")
    state.SoftcopyVOILUTSequence = [item(WindowCenter="-600", WindowWidth="1500")]
    state.ReferencedSeriesSequence = [item(SeriesInstanceUID=CT, ReferencedImageSequence=[_image(3)])]
    yield state
    yield dataset(PLAN, 1, "481.5", "RTPLAN", RTPlanLabel="Boost")


def slide(folder: Path) -> list[Path]:
    """Three levels of a slide, red at the left and blue at the right, and a picture of its label; as files.

    The largest level is JPEG with edge tiles beyond the slide, the middle one sparse, the smallest one tile.
    """
    files = [
        _level(folder, 1, (480, 320), is_jpeg=True),
        _level(folder, 2, (240, 160), is_sparse=True),
        _level(folder, 3, (120, 80)),
    ]
    label = _level(folder, 4, (60, 40), flavour="LABEL")
    return [*files, label]


def grey_slide() -> Dataset:
    """A slide of two tiles that states no window, the left one dark and the right one bright, each of one value."""
    values = np.repeat(np.array([100, 300], "<u2"), TILE * TILE).reshape(2, TILE, TILE)
    made = _grey(
        dataset(GREY_SLIDE, 1, "77.1.6", "SM", ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]), values, 16
    )
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows, made.NumberOfFrames = 2 * TILE, TILE, 2
    made.DimensionOrganizationType = "TILED_FULL"
    made.PixelData = values.tobytes()
    return made


def _level(
    folder: Path,
    number: int,
    size: tuple[int, int],
    *,
    flavour: str = "VOLUME",
    is_jpeg: bool = False,
    is_sparse: bool = False,
) -> Path:
    columns, rows = size
    across, down = -(-columns // TILE), -(-rows // TILE)
    made = dataset(SLIDE, number, "77.1.6", "SM", ImageType=["ORIGINAL", "PRIMARY", flavour, "NONE"])
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows, made.NumberOfFrames = columns, rows, across * down
    made.Rows = made.Columns = TILE
    made.SamplesPerPixel, made.PlanarConfiguration = 3, 0
    made.PhotometricInterpretation = "YBR_FULL_422" if is_jpeg else "RGB"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.DimensionOrganizationType = "TILED_SPARSE" if is_sparse else "TILED_FULL"
    spacing = 4.8 / columns
    made.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[item(PixelSpacing=[spacing, spacing])])]
    made.OpticalPathSequence = [item(OpticalPathIdentifier="1", OpticalPathDescription="Bright field")]
    whole = np.full((down * TILE, across * TILE, 3), 255, np.uint8)
    whole[:rows, : columns // 2] = (220, 20, 20)
    whole[:rows, columns // 2 : columns] = (20, 20, 220)
    places = [(row, column) for row in range(down) for column in range(across)]
    if is_sparse:
        places.reverse()
        made.PerFrameFunctionalGroupsSequence = [
            item(
                PlanePositionSlideSequence=[
                    item(
                        ColumnPositionInTotalImagePixelMatrix=column * TILE + 1,
                        RowPositionInTotalImagePixelMatrix=row * TILE + 1,
                    )
                ]
            )
            for row, column in places
        ]
    tiles = [whole[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE] for row, column in places]
    made.PixelData = encapsulate([_jpeg(tile) for tile in tiles]) if is_jpeg else b"".join(t.tobytes() for t in tiles)
    return write(made, folder, JPEGBaseline8Bit if is_jpeg else ExplicitVRLittleEndian)


def _jpeg(tile: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, "JPEG", quality=90)
    data = stream.getvalue()
    return data + bytes(len(data) % 2)
