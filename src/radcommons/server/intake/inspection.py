"""Looking into a stranger's file: runs in a limited child process, never in the web process (DESIGN, invariant 6)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from radcommons.deid.declared_vr import judged as judged_vr
from radcommons.deid.levels import Level
from radcommons.deid.look_memory import LookMemory
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.deid.verify import verify_parsed
from radcommons.dicom.dicom_json import JsonMemory
from radcommons.dicom.element_memory import ElementMemory
from radcommons.dicom.elements import Element, FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.instance import describe_parsed, sha256_of
from radcommons.dicom.part10 import map_file, parse_part10
from radcommons.dicom.text import texts_of
from radcommons.server.intake.profile_files import profile_at
from radcommons.server.intake.rules import (
    Inspection,
    PartClaim,
    TextsWanted,
    compare,
    judged,
    lost,
    places_of_own_names,
    released,
    unknown_profile,
    unreadable,
    without_own_names,
)

# Of one child process, which looks into the files of a batch one after the other.
_ELEMENTS = ElementMemory()
_LOOKS, _JSON = LookMemory(_ELEMENTS), JsonMemory(_ELEMENTS)


def texts_at(wanted: TextsWanted) -> tuple[tuple[str, str], ...]:
    """The distinct texts in some attributes of a file, with the attribute; none when the file cannot be read."""
    try:
        file = parse_part10(map_file(Path(wanted.path)))
    except FormatError:
        return ()
    return tuple(dict.fromkeys(_texts(file.elements, Level(), frozenset(wanted.places))))


def _texts(elements: tuple[Element, ...], level: Level, places: frozenset[str]) -> Iterator[tuple[str, str]]:
    own = level.holding(elements)
    for element in elements:
        where = "/".join(tag_text(tag) for tag in (*own.parents, element.tag))
        if element.items is not None:
            for item in element.items:
                yield from _texts(item, own.inside(element.tag), places)
        elif where in places:
            yield from ((where, text.strip()) for text in texts_of(judged_vr(element), own.encodings))


def inspect_part(claim: PartClaim) -> Inspection:
    """Describe one file, verify its de-identification again and hold it against its manifest.

    Whatever is wrong comes back as findings; only the limits of the child process end it otherwise.
    """
    path = Path(claim.path)
    if not path.is_file():
        return Inspection(None, (lost(),))
    if not claim.profile:
        return Inspection(None, (unknown_profile(),))
    try:
        buffer = map_file(path)
        file = parse_part10(buffer, memory=_ELEMENTS)
    except FormatError as error:
        return Inspection(None, (Finding(Severity.ERROR, error.code, error.where, error.message),))
    description, findings = describe_parsed(file, buffer, with_digest=False, memory=_JSON)
    if description is None:
        return Inspection(None, findings if any(each.is_error for each in findings) else (*findings, unreadable()))
    description = replace(description, sha256=claim.sha256 if claim.is_fresh else sha256_of(buffer))
    # Only the class that the signed manifest names: another one inside is a mismatch and refused besides.
    released_classes = frozenset({claim.sop_class_uid} if claim.is_released else ())
    seen = verify_parsed(buffer, file, profile_at(claim.profile), released_classes=released_classes, memory=_LOOKS)
    if claim.observers:
        said = _texts(file.elements, Level(), frozenset(places_of_own_names(seen)))
        seen = without_own_names(seen, said, claim)
    told = (released(),) if claim.is_released and refusal_of_class(claim.sop_class_uid) else ()
    return Inspection(
        description,
        (
            *(*findings, *told),
            *judged(seen, are_texts_approved=claim.are_texts_approved),
            *compare(claim, description),
        ),
    )
