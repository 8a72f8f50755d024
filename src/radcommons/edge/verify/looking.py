"""Looking at one instance of OUT again, in a limited process: nothing here knows how the instance was made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.element_look import kept_identifiers
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.profile import Profile
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.deid.verify import residual_findings, verify_parsed
from radcommons.dicom import uids
from radcommons.dicom.elements import FormatError, tag_text
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import sha256_of
from radcommons.dicom.part10 import Part10File, map_file, parse_part10
from radcommons.edge.findings import RELEASED

UID = re.compile(rb"(?<![0-9.])[0-9]{1,10}(?:\.[0-9]{1,39}){3,}(?![0-9.])")
"""Anything that has the form of a UID, in whatever bytes."""

_BURNED_IN_ANNOTATION = 0x00280301


@dataclass(frozen=True, slots=True)
class Look:
    """One instance to look at, with what must hold and what must not be found.

    Parameters
    ----------
    path
        Where it lies.
    sha256, study_instance_uid, series_instance_uid, sop_instance_uid, subject_id, pixel_text
        As the journal has it.
    identifiers
        Everything that was harvested from the originals of the patient.
    released_class
        The SOP Class of an object that a person let go although no program can clean it; empty for every other.
    """

    path: str
    sha256: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    subject_id: str
    pixel_text: str
    identifiers: frozenset[str]
    released_class: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found, and the UIDs that only the home can judge."""

    findings: tuple[Finding, ...]
    uids: frozenset[str] = frozenset()


def look_again(look: Look, *, profile: Profile) -> Seen:
    """Look at one instance; total on hostile bytes."""
    try:
        buffer = map_file(Path(look.path))
    except FormatError:
        return Seen((error("edge.file-lost", "file", "The instance is not in OUT, or it cannot be read."),))
    found = []
    if sha256_of(buffer) != look.sha256:
        found.append(error("edge.file-changed", "file", "The file is not the one that was made; make it again."))
    try:
        file = parse_part10(buffer)
    except FormatError as refusal:
        return Seen((*found, Finding(Severity.ERROR, refusal.code, refusal.where, refusal.message)))
    released = frozenset({look.released_class} - {""})
    found += verify_parsed(buffer, file, profile, released_classes=released)
    if released and refusal_of_class(look.released_class):
        found.append(RELEASED)
    found += residual_findings(file, look.identifiers, kept=kept_identifiers(profile))
    found += _identity(look, file)
    found += _pixel_verdict(look, file)
    return Seen(tuple(dict.fromkeys(found)), _uids(buffer, file))


def error(code: str, where: str, message: str) -> Finding:
    """A finding that keeps an instance at the hospital."""
    return Finding(Severity.ERROR, code, where, message)


def _identity(look: Look, file: Part10File) -> Iterator[Finding]:
    header = Header(file.elements, file.encoding)
    expected = {
        0x00080018: look.sop_instance_uid,
        0x0020000D: look.study_instance_uid,
        0x0020000E: look.series_instance_uid,
        0x00100020: look.subject_id,
    }
    for tag, value in expected.items():
        if header.text(tag) != value:
            message = "The object is not the one, or not of the subject, that the journal says."
            yield error("edge.other-identity", tag_text(tag), message)


def _pixel_verdict(look: Look, file: Part10File) -> Iterator[Finding]:
    verdict, burned_in = PixelText(look.pixel_text), Header(file.elements, file.encoding).text(_BURNED_IN_ANNOTATION)
    if verdict is PixelText.REDACTED and burned_in != "NO":
        message = "The journal says that text was blackened, and the object does not say so."
        yield error("edge.pixel-verdict", tag_text(_BURNED_IN_ANNOTATION), message)
    elif verdict in {PixelText.CLEAN, PixelText.APPROVED} and burned_in == "YES":
        message = "The object says that text is burned into its pixels, and the journal says that there is none."
        yield error("edge.pixel-verdict", tag_text(_BURNED_IN_ANNOTATION), message)


def _uids(buffer: memoryview, file: Part10File) -> frozenset[str]:
    """Every UID in the header, in whatever attribute, that is not registered."""
    pixels = file.pixel_element()
    end = len(buffer) if pixels is None or file.is_inflated else pixels.offset
    found = {match[0].decode("ascii") for match in UID.finditer(buffer[:end])}
    return frozenset(value for value in found if not uids.is_listed_uid(value))
