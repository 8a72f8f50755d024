"""Which value representation an element is judged by, when what a writer declared does not fit its attribute.

Explicit encodings let a file call a date a code or a description bytes; the rules for dates, names and texts must not be
escaped by that.
"""

import re
from dataclasses import replace

from radcommons.dicom.elements import KNOWN_VRS, Element, vr_of_tag
from radcommons.dicom.text import STRING_VRS, is_numeric

# Their values are treated by their form, so that any other name for them would pass them by.
_FORMED_VRS = frozenset({"AS", "DA", "DT", "PN", "TM", "UI"})
NUMBER_TEXT_VRS = frozenset({"DS", "IS"})
# A number or several, as devices write them who do not keep to the form: with a comma, a unit, as a fraction or a range.
_NUMBERS = re.compile(rb"[-\d\s.,/:;x*+()<>=~^\\\0]*+(?:[eE][+-]?\d++)?\s*+[A-Za-z%\xb0\xb5]{0,3}+[\s\0]*+")
_BYTES = frozenset({"OB", "OW", "UN"})
_UID = re.compile(rb"[0-9][0-9.]{1,62}[0-9]\0?")


def judged(element: Element) -> Element:
    """The element with the value representation its attribute has, ``UN`` when its bytes cannot be trusted at all.

    Private and unknown attributes stay as they are declared, and so do texts that merely carry another name.
    """
    proper = vr_of_tag(element.tag)
    is_proper = proper == element.vr and proper not in NUMBER_TEXT_VRS
    if is_proper or proper == "UN" or element.items is not None:
        return element
    vr = element.vr
    if vr not in KNOWN_VRS and " or " not in vr:
        vr = proper if proper in STRING_VRS else "UN"
    elif proper == "SQ" or (proper in STRING_VRS - NUMBER_TEXT_VRS and vr not in STRING_VRS):
        vr = "UI" if proper == "UI" and _UID.fullmatch(element.value) else "UN"
    elif proper in _FORMED_VRS:
        vr = proper
    elif _is_no_number(element, proper):
        vr = "UN"
    return element if vr == element.vr else replace(element, vr=vr)


def _is_no_number(element: Element, proper: str) -> bool:
    """Whether a text stands where only numbers can, written ones or binary ones; large values of bytes are not read for it."""
    if proper in NUMBER_TEXT_VRS:
        is_read = element.vr in STRING_VRS or element.vr in _BYTES
        return is_read and not is_numeric(element.value) and _NUMBERS.fullmatch(element.value) is None
    return proper not in STRING_VRS and element.vr in STRING_VRS and not is_numeric(element.value)
