"""Frames that only GDCM decodes: JPEG of twelve bits and its progressive processes (PS3.5 A.4.1)."""

import gdcm
import numpy as np
from numpy.typing import NDArray

EXTENDED = "1.2.840.10008.1.2.4.51"
# Retired processes that other decoders do not know: spectral selection and full progression.
PROGRESSIVE = frozenset({"1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"})
_TWELVE_BITS = 12


def is_for_gdcm(transfer_syntax_uid: str, *, bits_stored: int, samples_per_pixel: int) -> bool:
    """Whether a frame is decoded here and nowhere else: grey values of these processes."""
    if samples_per_pixel != 1:
        return False
    is_deep = transfer_syntax_uid == EXTENDED and bits_stored == _TWELVE_BITS
    return is_deep or transfer_syntax_uid in PROGRESSIVE


def decode_with_gdcm(
    encoded: bytes, transfer_syntax_uid: str, shape: tuple[int, int], *, bits_allocated: int, bits_stored: int
) -> NDArray[np.generic]:
    """Decode the codestream of one frame of unsigned grey values.

    Parameters
    ----------
    shape
        Rows and columns.

    Returns
    -------
    Stored values, rows by columns.

    Raises
    ------
    ValueError
        When it is not what it should be.
    """
    rows, columns = shape
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(encoded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(transfer_syntax_uid)))
    image.SetPixelFormat(gdcm.PixelFormat(1, bits_allocated, bits_stored, bits_stored - 1, 0))
    text = image.GetBuffer()
    if text is None:
        raise ValueError("The codestream cannot be decoded.")
    decoded = text.encode("utf-8", "surrogateescape")
    # GDCM may find other bits in the codestream than the header says.
    found = image.GetPixelFormat()
    samples = np.frombuffer(decoded, np.dtype(f"<u{found.GetBitsAllocated() // 8}"))
    if samples.size != rows * columns:
        raise ValueError("The codestream holds another number of samples than the frame.")
    return samples.reshape(rows, columns)
