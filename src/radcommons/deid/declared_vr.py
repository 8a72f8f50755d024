"""Which value representation an element is judged by, when what a writer declared does not fit its attribute.

Explicit encodings let a file call a date a code or a description bytes; the rules for dates, names and texts must not be
escaped by that.
"""

from dataclasses import replace

from radcommons.dicom.elements import KNOWN_VRS, Element, vr_of_tag
from radcommons.dicom.text import STRING_VRS

# Their values are treated by their form, so that any other name for them would pass them by.
_FORMED_VRS = frozenset({"AS", "DA", "DT", "PN", "TM", "UI"})
NUMBER_TEXT_VRS = frozenset({"DS", "IS"})


def judged(element: Element) -> Element:
    """The element with the value representation its attribute has, ``UN`` when its bytes cannot be trusted at all.

    Private and unknown attributes stay as they are declared, and so do texts that merely carry another name.
    """
    proper = vr_of_tag(element.tag)
    if proper in {element.vr, "UN"} or element.items is not None:
        return element
    vr = element.vr
    if vr not in KNOWN_VRS and " or " not in vr:
        vr = proper if proper in STRING_VRS else "UN"
    elif proper == "SQ" or (proper in STRING_VRS - NUMBER_TEXT_VRS and vr not in STRING_VRS):
        vr = "UN"
    elif proper in _FORMED_VRS:
        vr = proper
    return element if vr == element.vr else replace(element, vr=vr)
