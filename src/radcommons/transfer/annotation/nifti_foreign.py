"""Label maps of other programs without a sidecar, laid on the series they were made from (NIfTI-1.1).

Converters turn and mirror axes as they like. The affine tells where each voxel lies; a map belongs to a series when its voxels
lie on the series' own, whatever the order of axes. A map that was resampled does not, and is refused.
"""

import gzip
import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from radcommons.transfer.annotation.geometry import FrameMask, FrameReference
from radcommons.transfer.annotation.nifti import affine_of, demand_even_slices
from radcommons.transfer.annotation.objects import SourceStack
from radcommons.transfer.annotation.raster import runs_of_mask
from radcommons.transfer.annotation.untyped import AnnotationFormatError

_HEADER_BYTES = 348
_LEAST_OFFSET = 352
_LARGEST_OFFSET = 2**20
_LARGEST_VOLUME_BYTES = 2**31
_GZIP = b"\x1f\x8b"
_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_HIGHEST_LABEL = 65_535
# How far, in voxels, a voxel may lie from its place in the series.
_TOLERANCE = 0.25
_AXES = 3


@dataclass(frozen=True, slots=True)
class _Map:
    """Voxels by column, row and slice of the file, and its affine to millimetres in RAS."""

    voxels: NDArray[np.generic]
    affine: NDArray[np.float64]


def read_label_map(data: bytes, stack: SourceStack) -> dict[int, tuple[FrameMask, ...]]:
    """The masks of each number but 0 that a label map has, on the slices of a series.

    Raises
    ------
    RadCommonsError
        ``annotation.uneven-slices`` when the slices of the series are not evenly spaced.
    AnnotationFormatError
        When it is no label map of three axes, or its voxels are not those of the series.
    """
    demand_even_slices(stack)
    volume = _laid_on(_opened(data), stack)
    is_whole = volume.dtype.kind in "iu" or np.array_equal(volume, np.round(volume))
    if not is_whole or volume.min() < 0 or volume.max() > _HIGHEST_LABEL:
        raise AnnotationFormatError("volume", "holds numbers that are no labels; give a label map, not probabilities")
    found: dict[int, list[FrameMask]] = {}
    for plane, uid in zip(volume, stack.instance_uids, strict=True):
        labels = plane.astype(np.uint16)
        is_there = np.zeros(_HIGHEST_LABEL + 1, dtype=bool)
        is_there[labels] = True
        for number in np.flatnonzero(is_there[1:]) + 1:
            found.setdefault(int(number), []).append(runs_of_mask(labels == number, FrameReference(uid)))
    return {number: tuple(masks) for number, masks in sorted(found.items())}


def _opened(data: bytes) -> _Map:
    try:
        with _stream(data) as stream:
            return _read(stream)
    except (OSError, EOFError, zlib.error):
        raise AnnotationFormatError("volume", "is not compressed by gzip, or cut short") from None


def _stream(data: bytes) -> BinaryIO:
    whole = io.BytesIO(data)
    return cast(BinaryIO, gzip.open(whole)) if data.startswith(_GZIP) else whole


def _read(stream: BinaryIO) -> _Map:
    raw = stream.read(_LEAST_OFFSET)
    order = "<" if raw[:4] == struct.pack("<i", _HEADER_BYTES) else ">"
    if len(raw) < _LEAST_OFFSET or struct.unpack_from(f"{order}i", raw)[0] != _HEADER_BYTES or raw[344:347] != b"n+1":
        raise AnnotationFormatError("volume", "is no NIfTI file")
    dimensions = struct.unpack_from(f"{order}8h", raw, 40)
    kind = _TYPES.get(struct.unpack_from(f"{order}h", raw, 70)[0])
    count = dimensions[0]
    if kind is None or not _AXES <= count < len(dimensions) or min(dimensions[1 : count + 1]) < 1:
        raise AnnotationFormatError("volume", "is no label map of three axes")
    if any(size != 1 for size in dimensions[_AXES + 1 : count + 1]):
        raise AnnotationFormatError("volume", "has more than three axes")
    slope, intercept = struct.unpack_from(f"{order}2f", raw, 112)
    if (np.isfinite(slope) and slope not in {0.0, 1.0}) or (np.isfinite(intercept) and intercept != 0.0):
        raise AnnotationFormatError("volume", "has scaled numbers, which are no labels")
    columns, rows, slices = dimensions[1 : _AXES + 1]
    element = np.dtype(f"{order}{kind}")
    size, start = columns * rows * slices * element.itemsize, struct.unpack_from(f"{order}f", raw, 108)[0]
    if size > _LARGEST_VOLUME_BYTES or not _LEAST_OFFSET <= start <= _LARGEST_OFFSET:
        raise AnnotationFormatError("volume", "is too large, or begins nowhere")
    stream.read(int(start) - _LEAST_OFFSET)
    voxels = stream.read(size)
    if len(voxels) != size:
        raise AnnotationFormatError("volume", "is cut short")
    flat = np.frombuffer(voxels, dtype=element)
    return _Map(flat.reshape(slices, rows, columns).T, _affine(raw, order))


def _affine(raw: bytes, order: str) -> NDArray[np.float64]:
    """The affine of the file: sform first, then qform (NIfTI-1 methods 3 and 2)."""
    by_quaternion, by_rows = struct.unpack_from(f"{order}2h", raw, 252)
    affine = np.eye(4)
    if by_rows > 0:
        affine[:3] = np.array(struct.unpack_from(f"{order}12f", raw, 280)).reshape(3, 4)
    elif by_quaternion > 0:
        b, c, d, *offset = struct.unpack_from(f"{order}6f", raw, 256)
        sign, *spacing = struct.unpack_from(f"{order}4f", raw, 76)
        affine[:3, :3] = _rotation(b, c, d) * np.array([spacing[0], spacing[1], spacing[2] * (-1 if sign < 0 else 1)])
        affine[:3, 3] = offset
    else:
        raise AnnotationFormatError("volume", "does not say where it lies in the patient")
    if not np.isfinite(affine).all():
        raise AnnotationFormatError("volume", "does not say where it lies in the patient")
    return affine


def _rotation(b: float, c: float, d: float) -> NDArray[np.float64]:
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def _laid_on(found: _Map, stack: SourceStack) -> NDArray[np.generic]:
    """The voxels in the order of the series; shape (slices, rows, columns)."""
    to_series = np.linalg.inv(affine_of(stack)) @ found.affine
    axes = np.abs(to_series[:3, :3]).argmax(axis=1)
    if sorted(axes.tolist()) != list(range(_AXES)):
        raise AnnotationFormatError("volume", "is turned against the series")
    turned = found.voxels.transpose(axes)
    if turned.shape != (stack.columns, stack.rows, len(stack.headers)):
        raise AnnotationFormatError("volume", "has another size than the series")
    is_mirrored = [to_series[axis, axes[axis]] < 0 for axis in range(_AXES)]
    expected = np.eye(4)
    for axis, mirrored in enumerate(is_mirrored):
        expected[axis, :3] = 0
        expected[axis, axes[axis]] = -1 if mirrored else 1
        expected[axis, 3] = turned.shape[axis] - 1 if mirrored else 0
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=np.float64)
    corners[:, :3] *= np.array(found.voxels.shape) - 1
    if np.abs(corners @ (to_series - expected)[:3].T).max() > _TOLERANCE:
        raise AnnotationFormatError("volume", "does not lie on the voxels of the series")
    flips = tuple(slice(None, None, -1) if mirrored else slice(None) for mirrored in is_mirrored)
    return turned[flips].transpose(2, 1, 0)
