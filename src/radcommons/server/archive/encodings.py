"""Which transfer syntaxes are decoded here, and which are written; what is said to clients, without what does it."""

from collections.abc import Mapping
from types import MappingProxyType

from radcommons.dicom import uids

# Transfer syntaxes that are written, with the media types of their frames (PS3.18 Table 8.7.3-5).
FRAME_ENCODINGS: Mapping[str, str] = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.80": "image/jls",
        "1.2.840.10008.1.2.4.90": "image/jp2",
        "1.2.840.10008.1.2.4.201": "image/jphc",
        "1.2.840.10008.1.2.5": "image/dicom-rle",
    }
)
WRITTEN = frozenset(FRAME_ENCODINGS) | {uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN}
# What can be decoded here; JPEG XL, other retired processes of JPEG, and video are missing.
DECODED = frozenset(
    {
        *(uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN),
        *(uids.EXPLICIT_VR_BIG_ENDIAN, uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN),
        "1.2.840.10008.1.2.5",
        *(f"1.2.840.10008.1.2.4.{process}" for process in (50, 51, 53, 55, 57, 70, 80, 81, 90, 91, 201, 202, 203)),
    }
)
