"""The hospitals' side of the demonstration: original studies, keys and crosswalks stay below ``hospitals/``."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

from radcommons.apps.demo.hospital.generate import generate
from radcommons.apps.demo.hospital.roster import HOSPITALS
from radcommons.edge.criteria import Criteria, load_criteria
from radcommons.edge.deidentify import DeidentifyOptions, DeidentifyResult, deidentify_folder
from radcommons.edge.home import EdgeHome, init_home, is_initialised, open_home
from radcommons.edge.review.verbs import Decision, ReviewResult, record_review
from radcommons.edge.scan import ScanResult, scan_folder
from radcommons.edge.selection import select_studies
from radcommons.edge.sending import EdgeSendResult
from radcommons.edge.sending import send as send_out

PROJECT = "covid19"
OWN_SITE = "OWN"
REVIEWER = "demonstration"
# At these made-up hospitals a reviewer is played who confirms what the recogniser proposes. The first hospital's pictures
# wait for the eyes of whoever runs the demonstration.
PLAYED_REVIEWERS = frozenset({"BRAVO", "CHARLIE"})
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Hospital:
    """One hospital of the demonstration."""

    code: str
    name: str
    country: str
    folder: Path
    export: Path
    clinical_table: Path | None
    is_made_up: bool

    @property
    def home(self) -> Path:
        """Where its secret key and crosswalk lie."""
        return self.folder / "edge-home"

    @property
    def out(self) -> Path:
        """Where its de-identified studies lie until they are sent."""
        return self.folder / "out"


@dataclass(slots=True)
class Tally:
    """What the hospitals did, summed up."""

    scanned: int = 0
    deidentified: int = 0
    sent: int = 0
    held: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)


def made_up(root: Path) -> list[Hospital]:
    """The three demonstration hospitals; generated aside and renamed, so that an interrupted run starts afresh."""
    if not root.exists():
        aside = root.with_name(f".{root.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        generate(aside)
        aside.rename(root)
    return [
        Hospital(
            code=code,
            name=profile.name,
            country=profile.country,
            folder=root / code.lower(),
            export=root / code.lower() / "pacs-export",
            clinical_table=root / code.lower() / "clinical.csv",
            is_made_up=True,
        )
        for code, profile in HOSPITALS.items()
    ]


def own(root: Path, source: Path) -> list[Hospital]:
    """One hospital whose originals are the user's own folder, read where it lies."""
    folder = root / OWN_SITE.lower()
    folder.mkdir(parents=True, exist_ok=True)
    table = source / "clinical.csv"
    return [
        Hospital(
            code=OWN_SITE,
            name="Your own studies",
            country="US",
            folder=folder,
            export=source,
            clinical_table=table if table.is_file() else None,
            is_made_up=False,
        )
    ]


def content_key(hospitals: list[Hospital], purpose: str) -> bytes:
    """A 32-byte secret that follows from the originals alone.

    Two demonstrations on the same originals thus give the same pseudonyms and the same release, and nobody without the
    originals can compute it: it is a digest of all their bytes. A real hospital's key is random; see ``edge init``.
    """
    digest = hashlib.sha256(f"radcommons.demonstration.{purpose}".encode())
    for hospital in hospitals:
        for inner in sorted(_digests(hospital.export)):
            digest.update(inner)
    return digest.digest()


def _digests(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as source:
                yield hashlib.file_digest(source, "sha256").digest()


def home_of(hospital: Hospital, secret: bytes) -> EdgeHome:
    """The hospital's state, made on the first run."""
    if is_initialised(hospital.home):
        return open_home(hospital.home)
    site_secret = hashlib.sha256(secret + hospital.code.encode()).digest()
    return init_home(hospital.home, site=hospital.code, project=PROJECT, secret=site_secret)


def scan(hospital: Hospital, home: EdgeHome, processes: int) -> tuple[ScanResult, Counter[str]]:
    """Look at the export and, at the made-up hospitals, apply RICORD's inclusion criteria.

    Returns
    -------
    result, findings
        What lies there, and how often each finding was made; an instance that a criterion leaves out counts as
        ``edge.not-selected.<criterion>``.
    """
    result = scan_folder(home, hospital.export, processes=processes)
    findings = Counter(result.findings_by_code)
    if hospital.is_made_up:
        chosen = select_studies(home, hospital.export, criteria=_criteria(), processes=processes)
        findings.update({f"edge.not-selected.{name}": count for name, count in chosen.rejected_instances.items()})
    return result, findings


def _criteria() -> Criteria:
    with as_file(files("radcommons.edge").joinpath("criteria/covid19_chest.toml")) as path:
        return load_criteria(path)


def deidentify(hospital: Hospital, home: EdgeHome, processes: int) -> DeidentifyResult:
    """De-identify what was selected."""
    options = DeidentifyOptions(clinical_table=hospital.clinical_table, processes=processes)
    return deidentify_folder(home, hospital.export, out=hospital.out, options=options)


def review(hospital: Hospital, home: EdgeHome) -> ReviewResult:
    """Approve what can be judged without eyes and, where a reviewer is played, the proposals for pixels."""
    is_played = hospital.is_made_up and hospital.code in PLAYED_REVIEWERS
    decision = Decision(by=REVIEWER, is_approval=True, approve_pixels=("all",) if is_played else ())
    return record_review(home, hospital.out, decision=decision)


def send(hospital: Hospital, home: EdgeHome, *, url: str, token: str) -> EdgeSendResult:
    """Seal and send; what the centre has already is not sent again."""
    return send_out(home, hospital.out, url=url, token=token)
