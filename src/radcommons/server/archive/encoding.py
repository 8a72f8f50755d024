"""Encoding pixel data anew for a client that asks for another transfer syntax (PS3.18 8.7.3, PS3.5 8 and Annex A).

Only without loss; what is stored never changes. Done in limited processes (see :mod:`.pixel_work`), for files and for single
frames. The SOP Instance UID stays, as it does for every lossless change of encoding (PS3.3 C.12.4.1.1).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.encoders.base import get_encoder
from pydicom.pixels.utils import compress, decompress
from pydicom.uid import UID

from radcommons.dicom import uids
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.gdcm_frames import is_for_gdcm
from radcommons.dicom.header import Header
from radcommons.dicom.part10 import open_part10
from radcommons.dicom.pixels import FrameReader, PixelDecodeError
from radcommons.dicom.skim import PIXEL_GROUPS
from radcommons.server.archive.encodings import FRAME_ENCODINGS
from radcommons.server.archive.htj2k import HTJ2K_LOSSLESS, encode_htj2k, put_htj2k

_SWAPPED = {"OW": "u2", "OF": "u4", "OL": "u4", "OD": "u8", "OV": "u8"}
_COLOUR = 3
# Where pydicom has the choice it takes GDCM for RLE, which ends the process over 8-bit frames of an odd number of pixels.
_ENCODERS = {"1.2.840.10008.1.2.5": "pylibjpeg"}
# Encoders and writers fail on odd objects in as many ways as decoders do.
_FAILURES = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def encode_frame(path: Path, frame_index: int, transfer_syntax_uid: str) -> bytes:
    """One frame in another encoding; colour as RGB.

    Raises
    ------
    PixelDecodeError
        When it cannot be decoded, or not be encoded so.
    """
    reader = FrameReader(open_part10(path, groups=PIXEL_GROUPS))
    samples = reader.decode(frame_index)
    try:
        if transfer_syntax_uid == HTJ2K_LOSSLESS:
            return encode_htj2k(samples)
        return _encoded_by_pydicom(samples, reader.header, transfer_syntax_uid)
    except _FAILURES as error:
        raise _undone() from error


def _encoded_by_pydicom(samples: NDArray[np.generic], header: Header, transfer_syntax_uid: str) -> bytes:
    bits_allocated = samples.dtype.itemsize * 8
    is_colour = samples.ndim == _COLOUR
    layout: dict[str, Any] = {"planar_configuration": 0} if is_colour else {}
    encoded = get_encoder(UID(transfer_syntax_uid)).encode(
        np.ascontiguousarray(samples),
        rows=samples.shape[0],
        columns=samples.shape[1],
        samples_per_pixel=_COLOUR if is_colour else 1,
        number_of_frames=1,
        bits_allocated=bits_allocated,
        bits_stored=min(header.integer(0x00280101) or bits_allocated, bits_allocated),
        pixel_representation=int(samples.dtype.kind == "i"),
        photometric_interpretation="RGB" if is_colour else header.text(0x00280004) or "MONOCHROME2",
        encoding_plugin=_ENCODERS.get(transfer_syntax_uid, ""),
        **layout,
    )
    return bytes(encoded)


def transcode_file(path: Path, transfer_syntax_uid: str, target: Path) -> None:
    """Write a file in another transfer syntax; nothing else of it changes.

    Raises
    ------
    PixelDecodeError
        When it has no pixels to encode, or they cannot be decoded or encoded so.
    """
    try:
        dataset = _read(path)
        stored = UID(dataset.file_meta.TransferSyntaxUID)
        if "PixelData" in dataset and stored.is_encapsulated:
            _decompress(dataset, path, stored)
        if transfer_syntax_uid in FRAME_ENCODINGS and "PixelData" not in dataset:
            raise _undone()
        if transfer_syntax_uid == HTJ2K_LOSSLESS:
            reader = FrameReader(open_part10(path, groups=PIXEL_GROUPS))
            put_htj2k(dataset, [reader.decode(index) for index in range(reader.number_of_frames)])
        elif transfer_syntax_uid in FRAME_ENCODINGS:
            # Uncompressed objects of any layout are little endian from here on.
            dataset.file_meta.TransferSyntaxUID = UID(uids.EXPLICIT_VR_LITTLE_ENDIAN)
            plugin = _ENCODERS.get(transfer_syntax_uid, "")
            compress(dataset, transfer_syntax_uid, encoding_plugin=plugin, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
        dataset.save_as(target, enforce_file_format=True)
    except RadCommonsError:
        raise
    except _FAILURES as error:
        raise _undone() from error


def _read(path: Path) -> Dataset:
    """A file with every value read, so that it can be written in any layout."""
    file = dcmread(path)
    is_swapped = file.file_meta.TransferSyntaxUID == uids.EXPLICIT_VR_BIG_ENDIAN
    file.walk(_swap if is_swapped else _touch)
    dataset = Dataset(file)
    dataset.file_meta = file.file_meta
    if is_swapped:
        dataset.file_meta.TransferSyntaxUID = UID(uids.EXPLICIT_VR_LITTLE_ENDIAN)
    return dataset


def _decompress(dataset: Dataset, path: Path, stored: str) -> None:
    if not is_for_gdcm(stored, bits_stored=dataset.BitsStored, samples_per_pixel=dataset.SamplesPerPixel):
        decompress(dataset, generate_instance_uid=False)
        return
    reader = FrameReader(open_part10(path, groups=PIXEL_GROUPS))
    frames = [reader.decode(index) for index in range(reader.number_of_frames)]
    # The values are what the header says, only no longer encoded.
    dataset.PixelData = b"".join(frame.astype(f"<u{dataset.BitsAllocated // 8}").tobytes() for frame in frames)
    dataset["PixelData"].is_undefined_length = False
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = UID(uids.EXPLICIT_VR_LITTLE_ENDIAN)


def _touch(_: Dataset, __: DataElement) -> None:
    """Nothing: walking reads."""


def _swap(_: Dataset, element: DataElement) -> None:
    """Turn the words of a value that stays bytes; numbers are turned by the writer."""
    kind = _SWAPPED.get(element.VR)
    if kind and isinstance(element.value, bytes):
        element.value = np.frombuffer(element.value, f">{kind}").astype(f"<{kind}").tobytes()


def _undone() -> PixelDecodeError:
    return PixelDecodeError("dicom.pixels-not-encoded", "The object cannot be given in this transfer syntax.")
