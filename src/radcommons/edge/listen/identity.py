"""What a received data set is: its identifiers, read from its first groups and no further."""

import struct

from radcommons.deid.writing import encoding_of
from radcommons.dicom import uids
from radcommons.dicom.elements import ElementReader, FormatError
from radcommons.dicom.part10 import inflate, map_file
from radcommons.edge.listen.folder import Identity, Incoming

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WANTED = frozenset({_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES})
_LAST_GROUP = 0x0020
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
    values = [found.get(tag, "") for tag in (_STUDY, _SERIES, _SOP_INSTANCE, _SOP_CLASS)]
    if not all(is_usable(value) for value in values):
        return None
    return Identity(*values, transfer_syntax_uid)


def is_usable(uid: str) -> bool:
    """Whether a UID may name a folder or a file: digits and dots, and not dots alone."""
    return uids.is_harmless_uid(uid) and any(each.isdigit() for each in uid)


def _first_groups(data_set: memoryview, transfer_syntax_uid: str) -> dict[int, str]:
    encoding = encoding_of(transfer_syntax_uid)
    reader, position, found = ElementReader(data_set, encoding), 0, {}
    while position + 8 <= len(data_set):
        (group,) = struct.unpack_from(encoding.order + "H", data_set, position)
        if group > _LAST_GROUP:
            break
        elements, position = reader.read_group(position, group)
        for element in elements:
            if element.tag in _WANTED and element.items is None:
                found[element.tag] = bytes(element.value).decode("latin-1").strip("\0 ")
    return found
