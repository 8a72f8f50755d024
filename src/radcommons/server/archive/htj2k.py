"""High-throughput JPEG 2000 without loss (ISO/IEC 15444-15; PS3.5 8.2.14), which pydicom has no encoder for."""

import numpy as np
from imagecodecs import Htj2kError, htj2k_encode
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
_BITS = frozenset({8, 16})


def encode_htj2k(samples: NDArray[np.generic]) -> bytes:
    """The codestream of one frame; colour as it is given, without a colour transformation.

    Parameters
    ----------
    samples
        Whole numbers of 8 or 16 bits: rows by columns, or rows by columns by 3.

    Raises
    ------
    ValueError
        When they are of another kind, or the encoder refuses them.
    """
    if samples.dtype.kind not in "iu" or samples.dtype.itemsize * 8 not in _BITS:
        raise ValueError("HTJ2K is written for whole numbers of 8 or 16 bits.")
    native = np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))
    try:
        return bytes(htj2k_encode(native, reversible=True, rgb=False))
    except Htj2kError as error:
        raise ValueError("The encoder refuses the frame.") from error


def put_htj2k(dataset: Dataset, frames: list[NDArray[np.generic]]) -> None:
    """Give an object its frames as HTJ2K, and the attributes that say so.

    The encoder writes whole bytes as the precision of a codestream. Bits Stored must agree with it (PS3.5 A.4.4), so unused bits
    are declared stored; the values stay what they were.

    Parameters
    ----------
    frames
        See :func:`encode_htj2k`; colour is RGB.
    """
    first = frames[0]
    dataset.PixelData = encapsulate([encode_htj2k(frame) for frame in frames])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    bits = first.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(first.dtype.kind == "i")
    if first.ndim > 2:  # noqa: PLR2004  rows, columns, samples
        dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.file_meta.TransferSyntaxUID = UID(HTJ2K_LOSSLESS)
