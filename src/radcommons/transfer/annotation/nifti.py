"""Masks of one CT series as a NIfTI label map with a sidecar, and back exactly (NIfTI-1.1, as ``.nii.gz``).

The array has axes (column, row, slice); its affine goes from array indices (pixel centres) to millimetres in RAS, as NIfTI
wants, while DICOM is LPS: the signs of x and y change. The sidecar names the segment of every number and the image of every
slice, without which a mask could not return to its series. A label map has one number a voxel: segments that overlap are
refused; :func:`apart` puts them into files of their own.
"""

import gzip
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.annotation.codes import Code
from radcommons.transfer.annotation.dicom_seg import Segment
from radcommons.transfer.annotation.documents import open_json
from radcommons.transfer.annotation.geometry import FrameReference, uid_of
from radcommons.transfer.annotation.objects import SourceStack
from radcommons.transfer.annotation.raster import mask_of_runs, runs_of_mask
from radcommons.transfer.annotation.untyped import AnnotationFormatError, Node

# Segment numbers by slice, row and column.
Volume = NDArray[np.uint8 | np.uint16]

SIDECAR_FORMAT = "radcommons.nifti-masks/1"
_HEADER_BYTES, _VOXEL_OFFSET = 348, 352
_SFORM_SCANNER, _MILLIMETRES = 1, 2
_ITEM_BYTES = {2: 1, 512: 2}
_LARGEST_VOLUME_BYTES = 4 * 2**30
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MOST_IN_A_BYTE = 255


@dataclass(frozen=True, slots=True)
class NiftiMasks:
    """A label map and its sidecar, as the bytes of ``.nii.gz`` and ``.json``."""

    volume: bytes
    sidecar: bytes


def affine_of(stack: SourceStack) -> NDArray[np.float64]:
    """From (column, row, slice) indices to millimetres in RAS; shape (4, 4). Slices are taken as evenly spaced."""
    affine = np.eye(4)
    row_mm, column_mm = stack.spacing_mm
    affine[:3, 0] = stack.orientation[0] * column_mm
    affine[:3, 1] = stack.orientation[1] * row_mm
    steps = len(stack.positions) - 1
    affine[:3, 2] = (stack.positions[-1] - stack.positions[0]) / steps if steps else stack.normal
    affine[:3, 3] = stack.positions[0]
    return _LPS_TO_RAS @ affine


def demand_even_slices(stack: SourceStack) -> None:
    """Refuse a stack that no affine describes.

    Raises
    ------
    RadCommonsError
        ``annotation.uneven-slices``.
    """
    gaps = np.diff(stack.positions @ stack.normal)
    if len(gaps) and np.ptp(gaps) > 1e-2 * gaps.mean():
        raise RadCommonsError(
            Kind.UNSUPPORTED,
            "annotation.uneven-slices",
            "The slices are not evenly spaced: NIfTI cannot say where they are.",
        )


def apart(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], ...]:
    """Segments in groups without a common voxel, as few as fit one after the other: each group is one label map."""
    groups: list[list[Segment]] = []
    taken: list[dict[tuple[FrameReference, int, int], NDArray[np.bool_]]] = []
    for segment in segments:
        own = {(mask.frame, mask.rows, mask.columns): mask_of_runs(mask) for mask in segment.masks}
        for group, covered in zip(groups, taken, strict=True):
            if not any(key in covered and (covered[key] & pixels).any() for key, pixels in own.items()):
                group.append(segment)
                break
        else:
            groups.append([segment])
            taken.append({})
            covered = taken[-1]
        for key, pixels in own.items():
            covered[key] = covered[key] | pixels if key in covered else pixels
    return tuple(map(tuple, groups))


def write_nifti(stack: SourceStack, segments: Sequence[Segment]) -> NiftiMasks:
    """Segments as the numbers 1, 2, … of one label map.

    Raises
    ------
    RadCommonsError
        ``annotation.overlap`` when two segments share a voxel, ``annotation.uneven-slices`` when slices are not evenly spaced.
    AnnotationFormatError
        When a mask is of an image that is not in the stack, or of another size.
    """
    demand_even_slices(stack)
    kind = np.uint8 if len(segments) <= _MOST_IN_A_BYTE else np.uint16
    volume = np.zeros((len(stack.headers), stack.rows, stack.columns), dtype=kind)
    index = {uid: number for number, uid in enumerate(stack.instance_uids)}
    for number, segment in enumerate(segments, start=1):
        for mask in segment.masks:
            if mask.frame.sop_instance_uid not in index or (mask.rows, mask.columns) != volume.shape[1:]:
                raise AnnotationFormatError(f"segments[{number - 1}]", "has a mask that does not fit the stack")
            plane, inside = volume[index[mask.frame.sop_instance_uid]], mask_of_runs(mask)
            if plane[inside].any():
                message = "Two segments share a voxel: write each to a file of its own."
                raise RadCommonsError(Kind.UNSUPPORTED, "annotation.overlap", message)
            plane[inside] = number
    # No time of writing in the stream: equal masks are equal bytes.
    packed = gzip.compress(_header(stack, volume) + volume.tobytes(), compresslevel=6, mtime=0)
    return NiftiMasks(packed, _sidecar(stack, segments))


def _header(stack: SourceStack, volume: Volume) -> bytes:
    header = bytearray(_VOXEL_OFFSET)
    slices, rows, columns = volume.shape
    affine = affine_of(stack)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    struct.pack_into("<i", header, 0, _HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 2 if volume.itemsize == 1 else 512, volume.itemsize * 8)
    struct.pack_into("<8f", header, 76, 1.0, *spacing, 1.0, 1.0, 1.0, 1.0)
    struct.pack_into("<3f", header, 108, _VOXEL_OFFSET, 1.0, 0.0)
    header[123] = _MILLIMETRES
    struct.pack_into("<hh", header, 252, 0, _SFORM_SCANNER)
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _sidecar(stack: SourceStack, segments: Sequence[Segment]) -> bytes:
    described = {
        "format": SIDECAR_FORMAT,
        "study_instance_uid": str(stack.headers[0].StudyInstanceUID),
        "series_instance_uid": str(stack.headers[0].SeriesInstanceUID),
        "axes": ["column", "row", "slice"],
        "affine_ras": affine_of(stack).tolist(),
        "slices": list(stack.instance_uids),
        "segments": [
            {
                "number": number,
                "label": segment.label,
                "description": segment.description,
                "tracking_id": segment.tracking_id,
                "tracking_uid": segment.tracking_uid,
                "type": _code_json(segment.concept),
                "category": _code_json(segment.category),
            }
            for number, segment in enumerate(segments, start=1)
        ],
    }
    return json.dumps(described, indent=1, ensure_ascii=False).encode()


def _code_json(found: Code) -> dict[str, str]:
    return {"scheme": found.scheme, "value": found.value, "meaning": found.meaning}


def read_nifti(masks: NiftiMasks) -> tuple[Segment, ...]:
    """The segments of a label map and its sidecar.

    Raises
    ------
    AnnotationFormatError
        When either is not what this program writes, they do not fit each other, or the map has unknown numbers.
    """
    from_sidecar = _read_sidecar(masks.sidecar)
    volume = _read_volume(masks.volume)
    slices = tuple(uid_of(found) for found in from_sidecar["slices"].each())
    segments = list(from_sidecar["segments"].each())
    if len(slices) != len(volume) or (volume.size and int(volume.max()) > len(segments)):
        raise AnnotationFormatError("volume", "does not fit its sidecar")
    return tuple(_read_segment(node, number, volume, slices) for number, node in enumerate(segments, start=1))


def _read_sidecar(data: bytes) -> Node:
    node = Node(open_json(data), "sidecar")
    if node["format"].value != SIDECAR_FORMAT:
        raise node["format"].wrong(f"is not {SIDECAR_FORMAT}")
    return node


def _read_volume(data: bytes) -> Volume:
    inflater = zlib.decompressobj(wbits=31)
    try:
        raw = inflater.decompress(data, _VOXEL_OFFSET)
        if len(raw) < _VOXEL_OFFSET or raw[344:348] != b"n+1\0":
            raise AnnotationFormatError("volume", "is no NIfTI file")
        dimensions = struct.unpack_from("<8h", raw, 40)
        item_bytes = _ITEM_BYTES.get(struct.unpack_from("<h", raw, 70)[0], 0)
        if dimensions[0] != 3 or min(dimensions[1:4]) < 1 or not item_bytes:  # noqa: PLR2004 - three axes
            raise AnnotationFormatError("volume", "is no label map of three axes and whole numbers")
        columns, rows, slices = dimensions[1:4]
        size = columns * rows * slices * item_bytes
        if size > _LARGEST_VOLUME_BYTES:
            raise AnnotationFormatError("volume", "is too large")
        voxels = inflater.decompress(inflater.unconsumed_tail, size)
    except zlib.error:
        raise AnnotationFormatError("volume", "is not compressed by gzip") from None
    if len(voxels) != size:
        raise AnnotationFormatError("volume", "is cut short")
    shape = slices, rows, columns
    if item_bytes == 1:
        return np.frombuffer(voxels, dtype=np.uint8).reshape(shape)
    return np.frombuffer(voxels, dtype="<u2").astype(np.uint16).reshape(shape)


def _read_segment(node: Node, number: int, volume: Volume, slices: Sequence[str]) -> Segment:
    masks = tuple(
        runs_of_mask(plane == number, FrameReference(uid))
        for plane, uid in zip(volume, slices, strict=True)
        if (plane == number).any()
    )
    codes = (
        Code(node[key]["scheme"].name(), node[key]["value"].name(), node[key]["meaning"].name())
        for key in ("type", "category")
    )
    concept, category = codes
    tracking_id, tracking_uid, description = (
        node[key].text() for key in ("tracking_id", "tracking_uid", "description")
    )
    return Segment(node["label"].name(), concept, masks, tracking_id, tracking_uid, description, category)
