"""What a received data set is: its identifiers, read from its first groups and no further."""

import struct

from radcommons.deid.writing import encoding_of
from radcommons.dicom import uids
from radcommons.dicom.elements import KNOWN_VRS, LONG_FORM_VRS, UNDEFINED_LENGTH, ElementReader, FormatError
from radcommons.dicom.part10 import inflate, map_file
from radcommons.edge.listen.folder import Identity, Incoming

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WANTED = frozenset({_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES})
_LAST_GROUP = 0x0020
_FORMS = frozenset(each.encode() for each in KNOWN_VRS)
_LONG_FORMS = frozenset(each.encode() for each in LONG_FORM_VRS)
_LONGEST_HEAD, _LONGEST_VALUE = 12, 128
# Of a deflated data set no more is unpacked than holds the identifiers of any sensible object.
_INFLATED_BYTES = 64 * 2**20


def identity_of(incoming: Incoming, transfer_syntax_uid: str) -> Identity | None:
    """The identifiers of an instance whose bytes are whole; ``None`` when they cannot be read or are no UIDs."""
    try:
        data_set = map_file(incoming.path)[incoming.head_bytes :]
        if transfer_syntax_uid == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            data_set = memoryview(inflate(data_set, max_bytes=_INFLATED_BYTES)[0])
        found = _first_groups(data_set, transfer_syntax_uid)
    except FormatError:
        return None
    study, series, instance, sop_class = (found.get(tag, "") for tag in (_STUDY, _SERIES, _SOP_INSTANCE, _SOP_CLASS))
    if not all(map(is_usable, (study, series, instance, sop_class))):
        return None
    return Identity(study, series, instance, sop_class, transfer_syntax_uid)


def is_usable(uid: str) -> bool:
    """Whether a UID may name a folder or a file: digits and dots, and not dots alone."""
    return uids.is_harmless_uid(uid) and any(each.isdigit() for each in uid)


def _first_groups(data_set: memoryview, transfer_syntax_uid: str) -> dict[int, str]:
    """The identifiers, found by stepping over everything else; only nested items of unknown length are read."""
    encoding = encoding_of(transfer_syntax_uid)
    reader, position, found = ElementReader(data_set, encoding), 0, {}
    head = struct.Struct(encoding.order + ("HHI" if encoding.is_implicit else "HH2sH"))
    while position + _LONGEST_HEAD <= len(data_set):
        group, number, *form = head.unpack_from(data_set, position)
        if group > _LAST_GROUP:
            break
        tag, start, length = group << 16 | number, position + 8, form[-1]
        if not encoding.is_implicit and form[0] in _LONG_FORMS:
            start, length = position + 12, struct.unpack_from(encoding.order + "I", data_set, position + 8)[0]
        if length == UNDEFINED_LENGTH or (not encoding.is_implicit and form[0] not in _FORMS):
            _, position = reader.read_element(position)
            continue
        if tag in _WANTED:
            found[tag] = bytes(data_set[start : start + min(length, _LONGEST_VALUE)]).decode("latin-1").strip("\0 ")
        position = start + length
    return found
