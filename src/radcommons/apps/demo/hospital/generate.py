"""The door of the generator: folders of hospitals that never were, the same for the same seed."""

from collections.abc import Sequence
from pathlib import Path

from radcommons.apps.demo.hospital.answer_key import AnswerKey
from radcommons.apps.demo.hospital.export import Export
from radcommons.apps.demo.hospital.images import Scale
from radcommons.apps.demo.hospital.roster import HOSPITALS
from radcommons.dicom.errors import Kind, RadCommonsError

DEFAULT_SEED = 20200312
ANSWER_KEY_NAME = "answer-key.json"
SCALES = {
    "tiny": Scale(matrix=64, fine_matrix=96, planes=5, slice_mm=40.0, radiograph=(200, 220)),
    "small": Scale(matrix=256, fine_matrix=512, planes=40, slice_mm=5.0, radiograph=(800, 880)),
    "large": Scale(matrix=512, fine_matrix=512, planes=100, slice_mm=2.0, radiograph=(2000, 2200)),
}


def generate(
    folder: Path, *, seed: int = DEFAULT_SEED, sites: Sequence[str] | None = None, scale: str = "small"
) -> AnswerKey:
    """Write the exports of the demonstration hospitals and return the answer key, which also lies in ``folder``.

    Parameters
    ----------
    folder
        Where ``<site>/pacs-export/``, ``<site>/clinical.csv`` and ``answer-key.json`` are written; made when absent. It must hold
        nothing of an earlier run, which could survive beside the new export.
    seed
        Another seed gives other bodies, lesions, grain and UIDs; people and dates stay.
    sites
        Codes of the hospitals wanted; all three of them by default.
    scale
        ``tiny`` (some 80 instances, a second), ``small`` (some 490, about ten seconds) or ``large`` (some 1,300 of 512 × 512).

    Raises
    ------
    RadCommonsError
        ``demo.unknown-site``, ``demo.unknown-scale`` or ``demo.not-empty``.
    """
    wanted = tuple(sites) if sites is not None else tuple(HOSPITALS)
    if unknown := set(wanted) - set(HOSPITALS):
        raise RadCommonsError(Kind.INVALID, "demo.unknown-site", f"There is no demonstration site {min(unknown)!r}.")
    if scale not in SCALES:
        raise RadCommonsError(Kind.INVALID, "demo.unknown-scale", f"The scale is one of {', '.join(SCALES)}.")
    if folder.exists() and any((folder / code.lower() / "pacs-export").exists() for code in wanted):
        raise RadCommonsError(Kind.CONFLICT, "demo.not-empty", "The folder already holds demonstration hospitals.")
    folder.mkdir(parents=True, exist_ok=True)
    key = AnswerKey(seed, scale)
    for code in wanted:
        Export(folder, HOSPITALS[code], key, SCALES[scale]).write()
    key.write(folder / ANSWER_KEY_NAME)
    return key
