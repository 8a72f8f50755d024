"""De-identifying one file in every way there is, and what must then be the same."""

from dataclasses import replace
from pathlib import Path

from radcommons.deid.cleaning import Cleaning
from radcommons.deid.engine import deidentify_at_length, deidentify_read
from radcommons.deid.fast.engine import deidentify_ordinary
from radcommons.deid.fast.room import forget
from radcommons.deid.job import Job
from radcommons.deid.outcome import Outcome
from radcommons.deid.profile import load_profile
from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.deid.pydicom_reading import read_with_pydicom
from radcommons.deid.rewriting import PatientMapping
from radcommons.dicom.elements import FormatError

KEY = PseudonymKey(bytes(range(32)))
PATIENT = PatientMapping("MRN-7654321", "ALPHA-000001", -1000)


def made_job(profile: str = "ricord", *, patient: PatientMapping = PATIENT, cleaning: Cleaning | None = None) -> Job:
    """A job for one patient."""
    return Job(load_profile(profile), KEY, patient, cleaning or Cleaning())


def said(outcome: Outcome) -> tuple[object, ...]:
    """What an outcome says, without the order in which its parts were noticed."""
    return (
        outcome.description,
        frozenset(outcome.findings),
        frozenset(outcome.report),
        frozenset(outcome.kept_texts),
        outcome.redactions,
        outcome.pixel_text,
    )


def _taken(path: Path, outcome: Outcome | None) -> tuple[bytes, tuple[object, ...]] | None:
    if outcome is None or not outcome.is_written:
        assert not path.exists()
        assert not path.with_name(path.name + ".part").exists()
        return None
    content = path.read_bytes()
    path.unlink()
    return content, said(outcome)


def at_length(source: Path, folder: Path, job: Job) -> tuple[bytes, tuple[object, ...]] | None:
    """The bytes and the words of the long way, ``None`` when it refuses."""
    path = folder / "long.dcm"
    return _taken(path, deidentify_at_length(source, path, job))


def in_short(source: Path, folder: Path, job: Job) -> tuple[bytes, tuple[object, ...]] | None:
    """The bytes and the words of the short way, ``None`` when it leaves the file to the long one."""
    path = folder / "short.dcm"
    return _taken(path, deidentify_ordinary(source, path, job))


def read_by_pydicom(source: Path, folder: Path, job: Job) -> tuple[bytes, tuple[object, ...]] | None:
    """The bytes and the words with pydicom as the reader; ``None`` when it refuses."""
    path = folder / "oracle.dcm"
    try:
        file = read_with_pydicom(source)
    except FormatError:
        return None
    assert [finding.code for finding in file.findings] == ["dicom.read-leniently"]
    return _taken(path, deidentify_read(replace(file, findings=()), path, job))


__all__ = ["KEY", "PATIENT", "at_length", "forget", "in_short", "made_job", "read_by_pydicom", "said"]
