"""What is written into a picture on request: who, and how it was made (PS3.18 8.3.5.1.1). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from radcommons.server.archive import metadata

# Lines of attributes: name, identifier, sex and age; modality, date, description, slice thickness, tube voltage.
_WRITTEN = {
    "patient": (("00100010", "00100020"), ("00100040", "00101010")),
    "technique": (("00080060", "00080020"), ("0008103E",), ("00180050", "00180060")),
}
_LINE = 64


def captions(attributes: Mapping[str, Any], annotations: Sequence[str]) -> tuple[str, ...]:
    """Lines of text for a picture; nothing that is empty.

    Parameters
    ----------
    attributes
        An object in DICOM JSON.
    annotations
        What is wanted: ``patient``, ``technique``.
    """
    lines = [
        "  ".join(text for tag in tags if (text := metadata.text_of(attributes, tag)))[:_LINE]
        for name in annotations
        for tags in _WRITTEN[name]
    ]
    return tuple(line for line in lines if line)
