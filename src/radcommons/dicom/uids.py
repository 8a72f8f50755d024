"""Unique identifiers: which are legal, which are registered, and what the registered ones are called (PS3.5 9, PS3.6)."""

import re

from pydicom._uid_dict import UID_dictionary

REGISTERED_ROOT = "1.2.840.10008."
MAX_UID_LENGTH = 64

DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

_NATIVE_SYNTAXES = frozenset(
    {
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        IMPLICIT_VR_LITTLE_ENDIAN,
    }
)
_TRANSFER_SYNTAX_ROOT = "1.2.840.10008.1.2"
# Storage classes of newer editions than the dictionary at hand.
_NEWER_STORAGE_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
        "1.2.840.10008.5.1.4.1.1.66.8",  # height map segmentation
    }
)
_LEGAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")


def is_valid_uid(uid: str) -> bool:
    """Whether a value is a legal UID: digits and dots, no leading zeros, at most 64 characters (PS3.5 9.1)."""
    return len(uid) <= MAX_UID_LENGTH and _LEGAL.fullmatch(uid) is not None


def is_harmless_uid(uid: str) -> bool:
    """Whether a value is made of digits and dots only and not too long: safe to carry, if not strictly legal."""
    return 0 < len(uid) <= MAX_UID_LENGTH and not uid.strip("0123456789.")


def is_registered_uid(uid: str) -> bool:
    """Whether a UID belongs to the DICOM standard itself and so says nothing about a patient."""
    return uid.startswith(REGISTERED_ROOT)


def is_listed_uid(uid: str) -> bool:
    """Whether the standard itself lists a UID (PS3.6 annex A); some writers number their own objects below its root."""
    return uid in UID_dictionary or uid in _NEWER_STORAGE_CLASSES


def is_native_syntax(transfer_syntax_uid: str) -> bool:
    """Whether pixel data are stored without compression, as one run of bytes."""
    return transfer_syntax_uid in _NATIVE_SYNTAXES


def is_standard_transfer_syntax(transfer_syntax_uid: str) -> bool:
    """Whether a transfer syntax is one of the standard's, known to this release of it or not."""
    return transfer_syntax_uid == _TRANSFER_SYNTAX_ROOT or (
        transfer_syntax_uid.startswith(_TRANSFER_SYNTAX_ROOT + ".") and is_valid_uid(transfer_syntax_uid)
    )


def name_of_uid(uid: str) -> str:
    """The name the standard gives a UID; the UID itself when it has none."""
    entry = UID_dictionary.get(uid)
    return entry[0] if entry else uid


def is_storage_sop_class(uid: str) -> bool:
    """Whether a UID names a Storage SOP Class of the standard, retired ones included (PS3.4 B.5)."""
    if uid in _NEWER_STORAGE_CLASSES:
        return True
    entry = UID_dictionary.get(uid)
    return entry is not None and entry[1] == "SOP Class" and "Storage" in entry[0] and "Commitment" not in entry[0]
