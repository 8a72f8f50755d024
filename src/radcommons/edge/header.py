"""What a scan remembers of one instance: the values that selection and grouping need; stored in the home only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from radcommons.dicom.header import Header as Attributes
from radcommons.dicom.instance import InstanceDescription
from radcommons.dicom.part10 import Part10File

_CODE_VALUE = 0x00080100
_CODING_SCHEME_DESIGNATOR = 0x00080102
_CODE_SEQUENCES = (
    0x00081032,  # Procedure Code Sequence
    0x00081084,  # Admitting Diagnoses Code Sequence
    0x00082218,  # Anatomic Region Sequence
    0x00321064,  # Requested Procedure Code Sequence
    0x0040100A,  # Reason for Requested Procedure Code Sequence
    0x00401012,  # Reason for Performed Procedure Code Sequence
)
_IMAGE_ORIENTATION = 0x00200037
_PLANE_ORIENTATION_SEQUENCE = 0x00209116
_FUNCTIONAL_GROUPS = (0x52009229, 0x52009230)
_COSINES = 6


@dataclass(frozen=True, slots=True)
class Header:
    """The remembered values of one instance; texts are empty and numbers ``None`` when absent."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    patient_id: str
    modality: str
    body_part_examined: str
    study_date: str
    study_description: str
    series_description: str
    protocol_name: str
    patient_sex: str
    patient_age: str
    patient_birth_date: str
    slice_thickness_mm: float | None
    image_type: tuple[str, ...]
    codes: tuple[str, ...]
    """Code values with their scheme, ``value|scheme``."""
    orientation: tuple[float, ...]
    """ImageOrientationPatient (PS3.3 C.7.6.2.1.1), six direction cosines, or empty."""
    is_image: bool

    def to_json(self) -> str:
        """The header as stored."""
        return orjson.dumps(self).decode("utf-8")

    @classmethod
    def from_json(cls, stored: str) -> "Header":
        """Read what :meth:`to_json` wrote."""
        value: dict[str, Any] = orjson.loads(stored)
        for name in ("image_type", "codes", "orientation"):
            value[name] = tuple(value[name])
        return cls(**value)


def header_of(description: InstanceDescription, file: Part10File) -> Header:
    """The remembered values of a described instance and its parsed file."""
    attributes = Attributes(file.elements, file.encoding)
    return Header(
        study_instance_uid=description.study_instance_uid,
        series_instance_uid=description.series_instance_uid,
        sop_instance_uid=description.sop_instance_uid,
        sop_class_uid=description.sop_class_uid,
        patient_id=description.patient_id,
        modality=description.modality.upper(),
        body_part_examined=description.body_part_examined.upper(),
        study_date=description.study_date,
        study_description=description.study_description,
        series_description=description.series_description,
        protocol_name=description.protocol_name,
        patient_sex=description.patient_sex.upper(),
        patient_age=description.patient_age,
        patient_birth_date=description.patient_birth_date,
        slice_thickness_mm=description.slice_thickness_mm,
        image_type=tuple(each.strip().upper() for each in description.image_type),
        codes=tuple(sorted(set(_codes(attributes, file)))),
        orientation=_orientation(attributes, file),
        is_image=description.is_image,
    )


def _codes(attributes: Attributes, file: Part10File) -> Iterator[str]:
    for tag in _CODE_SEQUENCES:
        for elements in attributes.items(tag):
            item = Attributes(elements, file.encoding, attributes.encodings)
            if value := item.text(_CODE_VALUE):
                yield f"{value}|{item.text(_CODING_SCHEME_DESIGNATOR)}"


def _orientation(attributes: Attributes, file: Part10File) -> tuple[float, ...]:
    """The plane of the image, for multi-frame images that of the shared or first functional group."""
    found = _cosines(attributes)
    for tag in _FUNCTIONAL_GROUPS:
        for group in attributes.items(tag)[:1]:
            for plane in Attributes(group, file.encoding).items(_PLANE_ORIENTATION_SEQUENCE)[:1]:
                found = found or _cosines(Attributes(plane, file.encoding))
    return found


def _cosines(attributes: Attributes) -> tuple[float, ...]:
    try:
        numbers = tuple(float(each) for each in attributes.texts(_IMAGE_ORIENTATION))
    except ValueError:
        return ()
    return numbers if len(numbers) == _COSINES else ()
