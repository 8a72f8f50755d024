"""Classes of objects that nothing here de-identifies. Pure, and light: who only asks this need not hold what looks into files."""

from radcommons.dicom import uids
from radcommons.dicom.finding import Finding, Severity

_REFUSED_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.104.1": "an encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.104.2": "an encapsulated CDA document",
    "1.2.840.10008.5.1.4.1.1.104.3": "an encapsulated STL model",
    "1.2.840.10008.5.1.4.1.1.104.4": "an encapsulated OBJ model",
    "1.2.840.10008.5.1.4.1.1.104.5": "an encapsulated MTL file",
    "1.2.840.10008.5.1.4.1.1.66": "raw data of a device",
    "1.2.840.10008.1.3.10": "a directory of a medium",
}


def refusal_of_class(sop_class_uid: str, released_classes: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Why objects of a class cannot be de-identified; empty when they can, or when a person released the class.

    Documents inside objects, raw data and objects of private or unknown classes may hold anything anywhere.
    """
    if sop_class_uid in released_classes and sop_class_uid != uids.MEDIA_STORAGE_DIRECTORY:
        return ()
    what = _REFUSED_CLASSES.get(sop_class_uid)
    if what is not None:
        return (
            Finding(
                Severity.ERROR,
                "deid.unsupported-object",
                "(0008,0016)",
                f"The object is {what}, which cannot be de-identified.",
            ),
        )
    if not uids.is_registered_uid(sop_class_uid):
        return (
            Finding(
                Severity.ERROR,
                "deid.private-object",
                "(0008,0016)",
                "The object is of a private class and may hold anything.",
            ),
        )
    if not uids.is_storage_sop_class(sop_class_uid):
        return (
            Finding(
                Severity.ERROR,
                "deid.unknown-object",
                "(0008,0016)",
                "The object is of a class this software does not know.",
            ),
        )
    return ()
