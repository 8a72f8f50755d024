"""Masks of one series as the bytes of a DICOM Segmentation (PS3.3 A.51, C.8.20); what is read back is in :mod:`.dicom_seg`.

Apart, because highdicom takes more memory than the web process has for what few people ask of it.
"""

import warnings
from collections.abc import Sequence

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.colors import cielab_of
from radcommons.transfer.annotation.dicom_seg import Segment
from radcommons.transfer.annotation.geometry import FrameMask
from radcommons.transfer.annotation.objects import (
    AnnotationObjectError,
    ObjectIdentity,
    SourceStack,
    algorithm_type,
    carry_marks,
    derived_uid,
    settled_bytes,
)
from radcommons.transfer.annotation.raster import mask_of_runs
from radcommons.transfer.annotation.record import Reading


def write_segmentation(
    stack: SourceStack, segments: Sequence[Segment], reading: Reading, identity: ObjectIdentity
) -> bytes:
    """A binary segmentation of one reading.

    Parameters
    ----------
    stack
        The series that was read.
    segments
        What to write; see :func:`segments_of`.
    reading
        Whose it is; its reader becomes the content creator, its sources make it a consensus.
    identity
        Its UIDs and date.

    Raises
    ------
    AnnotationObjectError
        When there is no pixel to write, or a mask is of another size or image.
    """
    touched = {mask.frame.sop_instance_uid for segment in segments for mask in segment.masks if mask.pixel_count}
    if not touched:
        raise AnnotationObjectError("annotation.empty", "The reading covers no pixel: there is nothing to segment.")
    sources = [header for header in stack.headers if header.SOPInstanceUID in touched]
    if len(sources) != len(touched):
        raise AnnotationObjectError("annotation.other-image", "A mask is of an image that is not in the stack.")
    with warnings.catch_warnings():
        # Pseudonyms are names of one component; highdicom warns of each.
        warnings.simplefilter("ignore", UserWarning)
        made = _made(sources, segments, stack, reading, identity)
    carry_marks(made, sources[0])
    made.PixelData = _packed(made, segments)
    _without_chance(made, identity)
    return settled_bytes(made, identity)


def _made(
    sources: Sequence[Dataset],
    segments: Sequence[Segment],
    stack: SourceStack,
    reading: Reading,
    identity: ObjectIdentity,
) -> hd.seg.Segmentation:
    return hd.seg.Segmentation(
        source_images=sources,
        pixel_array=_places([str(header.SOPInstanceUID) for header in sources], segments, (stack.rows, stack.columns)),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, segment, reading) for number, segment in enumerate(segments, start=1)
        ],
        series_instance_uid=identity.series_instance_uid,
        series_number=identity.series_number,
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=identity.instance_number,
        manufacturer=identity.manufacturer,
        manufacturer_model_name=identity.model_name,
        software_versions=identity.software_version,
        device_serial_number=identity.serial_number,
        content_creator_name=f"{reading.reader}^",
        content_label="SEGMENTATION",
        content_description=f"Regions of {reading.reader}"[:64],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=True,
    )


def _places(uids: list[str], segments: Sequence[Segment], size: tuple[int, int]) -> NDArray[np.uint16]:
    """Which segments touch which slice: the number of segment n at pixel n; shape (slices, rows, columns).

    Highdicom makes the frames and all that describes them from this; the pixels of masks that overlap would cost it one
    whole array a segment. :func:`_packed` then puts the masks themselves into the frames.
    """
    if len(segments) > size[0] * size[1]:
        raise AnnotationObjectError("annotation.too-many-segments", "There are more segments than pixels of a slice.")
    index = {uid: number for number, uid in enumerate(uids)}
    places = np.zeros((len(uids), size[0] * size[1]), dtype=np.uint16)
    for number, segment in enumerate(segments):
        for mask in segment.masks:
            if (mask.rows, mask.columns) != size:
                raise AnnotationObjectError("annotation.other-size", "A mask has another size than its image.")
            if mask.pixel_count:
                places[index[mask.frame.sop_instance_uid], number] = number + 1
    return places.reshape(len(uids), *size)


def _packed(made: Dataset, segments: Sequence[Segment]) -> bytes:
    """The masks in the order of the frames that describe them, eight pixels a byte, lowest bit first (PS3.5 8.1.1)."""
    masks = {
        (number, mask.frame.sop_instance_uid): mask
        for number, segment in enumerate(segments, start=1)
        for mask in segment.masks
    }
    # What all frames have in common stands in the shared groups, with one segment its number too.
    shared = made.SharedFunctionalGroupsSequence[0]

    def mask_of(group: Dataset) -> FrameMask:
        identified = group if "SegmentIdentificationSequence" in group else shared
        derived = group if "DerivationImageSequence" in group else shared
        number = int(identified.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        source = derived.DerivationImageSequence[0].SourceImageSequence[0]
        return masks[number, str(source.ReferencedSOPInstanceUID)]

    frames = (mask_of_runs(mask_of(group)).ravel() for group in made.PerFrameFunctionalGroupsSequence)
    if made.Rows * made.Columns % 8 == 0:
        packed = b"".join(np.packbits(frame, bitorder="little").tobytes() for frame in frames)
    else:
        packed = np.packbits(np.concatenate(list(frames)), bitorder="little").tobytes()
    return packed + b"\x00" * (len(packed) % 2)


def _coded(found: Code) -> DicomCode:
    return DicomCode(found.value, found.scheme, found.meaning[:64])


def _description(number: int, segment: Segment, reading: Reading) -> hd.seg.SegmentDescription:
    kind = algorithm_type(reading.method, is_consensus=bool(reading.sources))
    algorithm = None
    if kind != "MANUAL":
        algorithm = hd.AlgorithmIdentificationSequence(
            name=reading.reader,
            family=DicomCode("123109", "DCM", "Manual Processing")
            if reading.sources
            else DicomCode("123110", "DCM", "Artificial Intelligence"),
            version=reading.software or "unknown",
        )
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label[:64],
        segmented_property_category=_coded(segment.category),
        segmented_property_type=_coded(segment.concept),
        algorithm_type=kind,
        algorithm_identification=algorithm,
        display_color=hd.color.CIELabColor(*cielab_of(segment.color)) if segment.color else None,
        tracking_uid=segment.tracking_uid or None,
        tracking_id=segment.tracking_id or None,
    )
    if segment.description:
        described.SegmentDescription = segment.description
    return described


def _without_chance(made: Dataset, identity: ObjectIdentity) -> None:
    """Replace the UID of the dimension organization, which highdicom draws at random."""
    uid = derived_uid(identity.sop_instance_uid, "dimensions")
    for item in made.get("DimensionOrganizationSequence", []):
        item.DimensionOrganizationUID = uid
    for item in made.get("DimensionIndexSequence", []):
        item.DimensionOrganizationUID = uid
