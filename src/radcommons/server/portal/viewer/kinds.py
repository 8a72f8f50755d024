"""What a series holds, and which view shows it: decided by SOP Class (PS3.4 Annex B.5), by modality where only that is known. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from radcommons.server.archive.rules import SLIDE_CLASS

PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"


class Kind(StrEnum):
    """What a series holds, in one word; also the name of its symbol in ``portal/kinds.svg``."""

    IMAGES = "images"
    SLIDE = "slide"
    SEGMENTATION = "segmentation"
    CONTOURS = "contours"
    WAVEFORM = "waveform"
    REPORT = "report"
    KEY_OBJECTS = "key-objects"
    DOCUMENT = "document"
    PRESENTATION = "presentation"
    OTHER = "other"

    @property
    def word(self) -> str:
        """The kind for people."""
        return _WORDS[self]

    @property
    def has_picture(self) -> bool:
        """Whether a small picture of such a series tells anything."""
        return self in {Kind.IMAGES, Kind.SLIDE, Kind.SEGMENTATION}

    @property
    def has_sheet(self) -> bool:
        """Whether its pictures are looked at one after the other: those of a slide are tiles of one."""
        return self in {Kind.IMAGES, Kind.SEGMENTATION}


@dataclass(frozen=True, slots=True)
class Held:
    """One kind of object in a series: its SOP Class, and whether it has pixel data."""

    sop_class_uid: str
    is_image: bool


_WORDS = {
    Kind.IMAGES: "Images",
    Kind.SLIDE: "Slide",
    Kind.SEGMENTATION: "Segmentation",
    Kind.CONTOURS: "Contours",
    Kind.WAVEFORM: "Waveform",
    Kind.REPORT: "Report",
    Kind.KEY_OBJECTS: "Key objects",
    Kind.DOCUMENT: "Document",
    Kind.PRESENTATION: "Presentation state",
    Kind.OTHER: "No picture",
}
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CLASSES = {
    SLIDE_CLASS: Kind.SLIDE,
    f"{_STORAGE}66.4": Kind.SEGMENTATION,
    f"{_STORAGE}66.7": Kind.SEGMENTATION,
    f"{_STORAGE}481.3": Kind.CONTOURS,
    f"{_STORAGE}88.59": Kind.KEY_OBJECTS,
}
_FAMILIES = {
    f"{_STORAGE}9.": Kind.WAVEFORM,
    f"{_STORAGE}11.": Kind.PRESENTATION,
    f"{_STORAGE}88.": Kind.REPORT,
    f"{_STORAGE}104.": Kind.DOCUMENT,
}
_MODALITIES = {
    "SM": Kind.SLIDE,
    "SEG": Kind.SEGMENTATION,
    "RTSTRUCT": Kind.CONTOURS,
    "ECG": Kind.WAVEFORM,
    "HD": Kind.WAVEFORM,
    "EPS": Kind.WAVEFORM,
    "RESP": Kind.WAVEFORM,
    "AU": Kind.WAVEFORM,
    "EEG": Kind.WAVEFORM,
    "EMG": Kind.WAVEFORM,
    "SR": Kind.REPORT,
    "KO": Kind.KEY_OBJECTS,
    "DOC": Kind.DOCUMENT,
    "M3D": Kind.DOCUMENT,
    "PR": Kind.PRESENTATION,
    **dict.fromkeys(("ANN", "FID", "PLAN", "REG", "RTPLAN", "RTRECORD", "RWV", "TEXTUREMAP"), Kind.OTHER),
}
# A series that mixes classes is shown as what says most of it.
_ORDER = tuple(Kind)


def kind_of(held: Iterable[Held]) -> Kind:
    """The kind of a series from the classes of its objects."""
    return min((_kind(one) for one in held), key=_ORDER.index, default=Kind.OTHER)


def kind_of_modality(modality: str, *, has_images: bool = True) -> Kind:
    """The kind of a series of which a list knows only the modality, and whether any of its objects has pixels."""
    return _MODALITIES.get(modality, Kind.IMAGES if has_images else Kind.OTHER)


def _kind(one: Held) -> Kind:
    if one.sop_class_uid in _CLASSES:
        return _CLASSES[one.sop_class_uid]
    family = next((kind for start, kind in _FAMILIES.items() if one.sop_class_uid.startswith(start)), None)
    return family or (Kind.IMAGES if one.is_image else Kind.OTHER)
