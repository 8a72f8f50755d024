"""What an object says of its de-identification: that it happened, by which method, and whose it now is (PS3.3 C.12.1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from radcommons import __version__
from radcommons.deid.profile import (
    BASIC_PROFILE_CODE,
    CLEAN_PIXEL_DATA_CODE,
    CLEAN_STRUCTURED_CONTENT_CODE,
    OPTION_CODES,
    Profile,
)
from radcommons.dicom.elements import Element
from radcommons.dicom.text import encode_text

_PATIENT_NAME = 0x00100010
_PATIENT_ID = 0x00100020
_BURNED_IN_ANNOTATION = 0x00280301


@dataclass(frozen=True, slots=True)
class Marks:
    """Elements to add to a rewritten object.

    Parameters
    ----------
    always
        They stand in place of whatever was there.
    if_absent
        What every object must have (PS3.3 C.7.1.1).
    """

    always: Mapping[int, Element]
    if_absent: Mapping[int, Element]

    def added_to(self, elements: tuple[Element, ...]) -> tuple[Element, ...]:
        """The elements with the marks, in ascending order of their tags."""
        by_tag = {**self.if_absent, **{element.tag: element for element in elements}, **self.always}
        return tuple(by_tag[tag] for tag in sorted(by_tag))


def marks_of(profile: Profile, subject_id: str, *, has_cleaned_content: bool, has_seen_pixels: bool) -> Marks:
    """The marks of one object.

    Parameters
    ----------
    profile, subject_id
        What it went through, and whom it now belongs to.
    has_cleaned_content
        Whether a content tree was cleaned item by item.
    has_seen_pixels
        Whether its pixels were looked at for writing, and blackened where there was any.
    """
    subject = subject_id.encode("ascii", "replace")
    codes = tuple(_method_codes(profile, has_cleaned_content=has_cleaned_content, has_seen_pixels=has_seen_pixels))
    always = [
        Element(0x00120062, "CS", b"YES"),
        Element(0x00120063, "LO", _method(profile)),
        Element(0x00120064, "SQ", items=codes),
        Element(0x00280303, "CS", encode_text(profile.dates_mark, "CS")),
    ]
    if has_seen_pixels:
        always.append(Element(_BURNED_IN_ANNOTATION, "CS", b"NO"))
    if_absent = [
        Element(_PATIENT_NAME, "PN", subject),
        Element(_PATIENT_ID, "LO", subject),
        Element(0x00100030, "DA"),
        Element(0x00100040, "CS"),
    ]
    return Marks({each.tag: each for each in always}, {each.tag: each for each in if_absent})


def _method(profile: Profile) -> bytes:
    texts = (f"RadCommons {__version__}"[:64], f"Profile {profile.name} {profile.version}"[:64], profile.digest)
    return encode_text("\\".join(texts), "LO")


def _method_codes(
    profile: Profile, *, has_cleaned_content: bool, has_seen_pixels: bool
) -> Iterator[tuple[Element, ...]]:
    codes = {BASIC_PROFILE_CODE, *(OPTION_CODES[option] for option in profile.header_options)}
    if has_cleaned_content:
        codes.add(CLEAN_STRUCTURED_CONTENT_CODE)
    if has_seen_pixels:
        codes.add(CLEAN_PIXEL_DATA_CODE)
    for value, meaning in sorted(codes):
        yield (
            Element(0x00080100, "SH", value.encode("ascii")),
            Element(0x00080102, "SH", b"DCM"),
            Element(0x00080104, "LO", meaning.encode("ascii")),
        )
