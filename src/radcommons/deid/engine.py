"""De-identifying one file: read within limits, apply the profile, write anew, look again, and only then put in place.

There are two ways with one meaning. Ordinary files go the short one (:mod:`radcommons.deid.fast`), which remembers what
was decided for the same bytes before; whatever it does not take goes the long one here, element by element. The same
input, key, profile, patient and cleaning always give the same bytes.
"""

from pathlib import Path

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.fast.engine import deidentify_ordinary
from radcommons.deid.hidden_pixels import overlay_findings, without_tail
from radcommons.deid.identifiers import harvest_identifiers, pattern_of
from radcommons.deid.job import Job
from radcommons.deid.last_look import look_again
from radcommons.deid.marks import marks_of
from radcommons.deid.outcome import Outcome
from radcommons.deid.pixels.redaction import redact
from radcommons.deid.profile import Profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.pydicom_reading import read_with_pydicom
from radcommons.deid.refused_classes import refusal_of_class
from radcommons.deid.rewriting import PatientMapping, ReportLine
from radcommons.deid.unused_bits import with_empty_bits
from radcommons.deid.writing import write_object
from radcommons.dicom.elements import FormatError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.instance import identity_findings
from radcommons.dicom.part10 import Part10File, open_part10

__all__ = ["Outcome", "PatientMapping", "ReportLine", "deidentify_file", "harvest_file"]

_NOTHING_DECIDED = Cleaning()


def harvest_file(path: Path) -> tuple[str, ...]:
    """The identifiers a file carries in its own attributes, for the other files of the same patient; none when unreadable."""
    try:
        file = open_part10(path)
    except FormatError:
        return ()
    return tuple(sorted(harvest_identifiers(file.elements)))


def deidentify_file(
    source: Path,
    destination: Path,
    *,
    profile: Profile,
    key: PseudonymKey,
    patient: PatientMapping,
    cleaning: Cleaning = _NOTHING_DECIDED,
) -> Outcome:
    """De-identify one file by PS3.15 annex E.

    Parameters
    ----------
    source
        Any file of a stranger.
    destination
        Where the new file goes; its folder exists. It appears whole or not at all.
    profile, key, patient
        What to do, with which secret, for whom.
    cleaning
        What was found and decided about this object beyond the profile.

    Returns
    -------
    The outcome. Odd data is never raised: a file that cannot be de-identified is refused with findings of severity
    ``error``, and nothing is written.
    """
    job = Job(profile, key, patient, cleaning)
    return deidentify_ordinary(source, destination, job) or deidentify_at_length(source, destination, job)


def deidentify_at_length(source: Path, destination: Path, job: Job) -> Outcome:
    """De-identify one file element by element; see :func:`deidentify_file`."""
    try:
        file = _read(source)
    except FormatError as error:
        return Outcome(None, findings=(Finding(Severity.ERROR, error.code, error.where, error.message),))
    return deidentify_read(file, destination, job)


def deidentify_read(file: Part10File, destination: Path, job: Job) -> Outcome:
    """De-identify a file that was read already; see :func:`deidentify_file`."""
    file, findings = _prepared(file, job, scratch=destination.parent)
    if any(finding.is_error for finding in findings):
        return Outcome(None, findings=tuple(findings))
    identifiers = job.identifiers(harvest_identifiers(file.elements))
    rewriter = job.rewriter(Header(file.elements, file.encoding).text(0x00080016), pattern_of(identifiers))
    has_seen_pixels = job.has_seen_pixels and file.pixel_element() is not None
    rewritten = rewriter.rewrite(file.elements)
    marks = marks_of(
        job.profile,
        job.patient.subject_id,
        has_cleaned_content=rewriter.has_cleaned_content,
        has_seen_pixels=has_seen_pixels,
    )
    partial = destination.with_name(destination.name + ".part")
    try:
        write_object(partial, marks.added_to(rewritten), file.transfer_syntax_uid)
        look = look_again(partial, file, identifiers, profile=job.profile, cleaning=job.cleaning)
        findings.extend(each for each in look.findings if each not in findings)
        if look.description is None:
            return Outcome(None, tuple(rewriter.report), tuple(findings))
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return Outcome(
        look.description,
        tuple(rewriter.report),
        tuple(findings),
        look.pixel_text,
        tuple(rewriter.kept_texts),
        rewriter.redactions,
    )


def _read(source: Path) -> Part10File:
    """Read a file; one that breaks the rules is tried with a reader that bears more, though never one that is cut short."""
    try:
        return open_part10(source)
    except FormatError as error:
        if error.code != "dicom.malformed":
            raise
        return read_with_pydicom(source)


def _prepared(file: Part10File, job: Job, *, scratch: Path) -> tuple[Part10File, list[Finding]]:
    """The file with its pixels as they may leave, and what is odd about it."""
    file, cut = without_tail(file)
    overlays = overlay_findings(file)
    file, emptied = with_empty_bits(file, scratch=scratch)
    findings = [*file.findings, *cut, *emptied, *identity_findings(file), *overlays]
    sop_class_uid = Header(file.elements, file.encoding).text(0x00080016)
    if not any(finding.is_error for finding in findings):
        findings.extend(refusal_of_class(sop_class_uid, job.cleaning.released_classes))
    if not any(finding.is_error for finding in findings) and job.cleaning.boxes:
        redaction = redact(file, job.cleaning.boxes, scratch=scratch)
        findings.extend(redaction.findings)
        file = redaction.file
    return file, findings
