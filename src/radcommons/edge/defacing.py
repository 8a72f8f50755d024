"""The plug-in point for a tool that takes faces away: a command of the hospital's own, which changes pixels only.

The command gets a folder of de-identified DICOM files and the name of an empty one, and writes files of the same names
there. Of what it writes only pixels are taken, and only when they changed at the head and nowhere else: headers stay as
this program made them. Objects say that recognizable visual features were cleaned (PS3.15 E.3.2) when this was done to
them, and never otherwise.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence as Items

from radcommons.deid.pixels.defaced import DEFACING_CODES, defacing_findings
from radcommons.deid.pixels.heads import HeadEvidence
from radcommons.deid.profile import OPTION_CODES, Profile
from radcommons.deid.verify import verify_deidentified
from radcommons.dicom.finding import Finding, Severity
from radcommons.transfer.sender import file_sha256

_TIMEOUT_S = 3600.0
_MESSAGES = {
    "edge.no-defacer": "No tool is named that takes faces away; name one in edge.toml, keep the face, or keep it out.",
    "edge.defacer-failed": "The tool that takes faces away failed, did not end in time, or could not be started.",
    "edge.defacer-result": "What the tool that takes faces away made is of another shape, or does not verify.",
}
REFUSALS = frozenset({*_MESSAGES, *DEFACING_CODES})
"""Codes of the findings that say why a face was not taken away."""
_SHAPE = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel")


@dataclass(frozen=True, slots=True)
class Defaced:
    """What came of one series.

    Parameters
    ----------
    files
        Digest and size of every instance, all of which changed place together; empty when nothing was changed.
    findings
        Why nothing was changed.
    """

    files: Mapping[Path, tuple[str, int]]
    findings: tuple[Finding, ...] = ()


def deface_series(
    command: Sequence[str], paths: Sequence[Path], *, evidence: HeadEvidence, profile: Profile, scratch: Path
) -> Defaced:
    """Run the hospital's tool over one series and put its pixels in place.

    Parameters
    ----------
    command
        The tool; ``{in}`` and ``{out}`` stand for the folders.
    paths
        The de-identified instances.
    evidence
        Where the head of the series is.
    profile
        By whose rules the result is looked at again.
    scratch
        Where the folders lie for the while.

    Returns
    -------
    The changed files; none, and why, when there is no tool, when it failed or left an instance out, when it changed
    nothing, too much or pixels elsewhere, or when the result does not verify.
    """
    if not command:
        return _refused("edge.no-defacer")
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as work:
        given, taken = Path(work) / "in", Path(work) / "out"
        given.mkdir()
        taken.mkdir()
        for path in paths:
            (given / path.name).write_bytes(path.read_bytes())
        if not _run(command, given, taken):
            return _refused("edge.defacer-failed")
        refusal = defacing_findings([(path, taken / path.name) for path in paths], evidence)
        if refusal:
            return Defaced({}, refusal)
        # Each is written as soon as it is merged: a series of a thousand slices is never in memory as a whole.
        for path in paths:
            merged = _merged(path, taken / path.name)
            if merged is None or not _written(merged, given / path.name, profile):
                return _refused("edge.defacer-result")
        for path in paths:
            temporary = path.with_suffix(".part")
            shutil.copyfile(given / path.name, temporary)
            temporary.replace(path)
    return Defaced({path: (file_sha256(path), path.stat().st_size) for path in paths})


def _refused(code: str) -> Defaced:
    return Defaced({}, (Finding(Severity.WARNING, code, "series", _MESSAGES[code]),))


def _run(command: Sequence[str], given: Path, taken: Path) -> bool:
    words = [word.replace("{in}", str(given)).replace("{out}", str(taken)) for word in command]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _merged(ours: Path, theirs: Path) -> FileDataset | None:
    """Our object with their pixels; ``None`` when they are of another shape or unreadable."""
    try:
        kept, changed = pydicom.dcmread(ours), pydicom.dcmread(theirs)
        if any(kept.get(name) != changed.get(name) for name in (*_SHAPE, "SOPInstanceUID", "NumberOfFrames")):
            return None
        if changed.file_meta.TransferSyntaxUID != kept.file_meta.TransferSyntaxUID:
            changed.decompress()
            kept.decompress()
        kept.PixelData = changed.PixelData
    except (InvalidDicomError, AttributeError, OSError, ValueError, NotImplementedError, RuntimeError):
        return None
    kept.RecognizableVisualFeatures = "NO"
    value, meaning = OPTION_CODES["clean_recognizable_visual_features"]
    claimed = [each for each in kept.get("DeidentificationMethodCodeSequence", []) if each.get("CodeValue") != value]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    kept.DeidentificationMethodCodeSequence = Items([*claimed, code])
    return kept


def _written(dataset: FileDataset, path: Path, profile: Profile) -> bool:
    dataset.save_as(path, enforce_file_format=True)
    return not any(finding.is_error for finding in verify_deidentified(path, profile=profile))
