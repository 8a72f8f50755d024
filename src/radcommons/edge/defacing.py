"""The plug-in point for a tool that takes faces away: a command of the hospital's own, which changes pixels only.

The command gets a folder of de-identified DICOM files and the name of an empty one, and writes files of the same names
there. Of what it writes only pixels are taken: headers stay as this program made them.
"""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence as Items

from radcommons.deid.profile import OPTION_CODES, Profile
from radcommons.deid.verify import verify_deidentified
from radcommons.transfer.sender import file_sha256

_TIMEOUT_S = 3600.0
_SHAPE = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel")


def deface_series(
    command: Sequence[str], paths: Sequence[Path], *, profile: Profile, scratch: Path
) -> Mapping[Path, tuple[str, int]]:
    """Run the hospital's tool over one series and put its pixels in place.

    Parameters
    ----------
    command
        The tool; ``{in}`` and ``{out}`` stand for the folders.
    paths
        The de-identified instances.
    profile
        By whose rules the result is looked at again.
    scratch
        Where the folders lie for the while.

    Returns
    -------
    Digest and size of every instance, all of which changed place together; empty when there is no tool, when it failed,
    when it changed no pixel or left one out, or when its result does not verify. Nothing was changed then.
    """
    if not command:
        return {}
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as work:
        given, taken = Path(work) / "in", Path(work) / "out"
        given.mkdir()
        taken.mkdir()
        for path in paths:
            (given / path.name).write_bytes(path.read_bytes())
        if not _run(command, given, taken):
            return {}
        made = [_merged(path, taken / path.name) for path in paths]
        if any(each is None for each in made) or not any(each is not None and each[1] for each in made):
            return {}
        for path, each in zip(paths, made, strict=True):
            if each is None or not _written(each[0], given / path.name, profile):
                return {}
        for path in paths:
            temporary = path.with_suffix(".part")
            temporary.write_bytes((given / path.name).read_bytes())
            temporary.replace(path)
    return {path: (file_sha256(path), path.stat().st_size) for path in paths}


def _run(command: Sequence[str], given: Path, taken: Path) -> bool:
    words = [word.replace("{in}", str(given)).replace("{out}", str(taken)) for word in command]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _merged(ours: Path, theirs: Path) -> tuple[FileDataset, bool] | None:
    """Our object with their pixels, and whether these differ; ``None`` when they are of another shape or unreadable."""
    try:
        kept, changed = pydicom.dcmread(ours), pydicom.dcmread(theirs)
        if any(kept.get(name) != changed.get(name) for name in (*_SHAPE, "SOPInstanceUID", "NumberOfFrames")):
            return None
        if changed.file_meta.TransferSyntaxUID != kept.file_meta.TransferSyntaxUID:
            changed.decompress()
            kept.decompress()
        is_changed = bool(changed.PixelData != kept.PixelData)
        kept.PixelData = changed.PixelData
    except (InvalidDicomError, AttributeError, OSError, ValueError, NotImplementedError, RuntimeError):
        return None
    kept.RecognizableVisualFeatures = "NO"
    kept.DeidentificationMethodCodeSequence = Items([*kept.get("DeidentificationMethodCodeSequence", []), _code()])
    return kept, is_changed


def _code() -> Dataset:
    value, meaning = OPTION_CODES["clean_recognizable_visual_features"]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _written(dataset: FileDataset, path: Path, profile: Profile) -> bool:
    dataset.save_as(path, enforce_file_format=True)
    return not any(finding.is_error for finding in verify_deidentified(path, profile=profile))
