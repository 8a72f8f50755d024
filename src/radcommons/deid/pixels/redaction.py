"""Blackening boxes in the pixels of one object, every other pixel untouched (PS3.15 E.3.1, Clean Pixel Data Option).

Uncompressed pixels are patched where they lie. Compressed frames are decoded, patched and compressed again without loss;
an object whose frames cannot be decoded here is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.native import CannotRedactError, blacken_native
from radcommons.deid.pixels.recoding import blacken_encapsulated
from radcommons.deid.pixels.spool import Spool
from radcommons.dicom import uids
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.part10 import Part10File

_PIXELS = "(7FE0,0010)"
# They describe pixels as they were, or show them: extremes of the values, icons.
_STALE = frozenset({0x00280104, 0x00280105, 0x00280106, 0x00280107, 0x00280110, 0x00280111, 0x00880200})


@dataclass(frozen=True, slots=True)
class Redaction:
    """What blackening gave.

    Parameters
    ----------
    file
        The object with the boxes blackened; the unchanged one when that was impossible, which an error in ``findings``
        (``deid.cannot-redact``) tells.
    findings
        What was odd or refused; never any text that was in the pixels.
    """

    file: Part10File
    findings: tuple[Finding, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether nothing was blackened because it cannot be done."""
        return any(finding.is_error for finding in self.findings)


def redact(file: Part10File, boxes: Sequence[Box], *, scratch: Path | None = None) -> Redaction:
    """Blacken boxes.

    Parameters
    ----------
    file
        Any object with pixels; it is not changed.
    boxes
        What to blacken, in pixels of the stored matrix; parts outside of it are ignored.
    scratch
        Folder for values too large for memory; the system's own when not given.
    """
    if not boxes:
        return Redaction(file)
    pixels = file.pixel_element()
    if pixels is None:
        return _refused(file, "The object has no pixels that could be blackened.")
    try:
        if pixels.is_encapsulated:
            changed = blacken_encapsulated(file, pixels, boxes, scratch=scratch)
        elif uids.is_native_syntax(file.transfer_syntax_uid):
            patched = blacken_native(file, pixels, boxes, Spool(scratch))
            elements = tuple(patched if element is pixels else element for element in file.elements)
            changed = replace(file, elements=elements)
        else:
            return _refused(file, "The pixel data are not what their transfer syntax says.")
    except CannotRedactError as error:
        return _refused(file, error.message)
    kept = tuple(element for element in changed.elements if element.tag not in _STALE)
    return Redaction(replace(changed, elements=kept))


def _refused(file: Part10File, message: str) -> Redaction:
    return Redaction(file, (Finding(Severity.ERROR, "deid.cannot-redact", _PIXELS, message),))
