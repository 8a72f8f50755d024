"""The folder of de-identified instances: whose it is, and where in it things lie."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.deid.pseudonyms import PseudonymKey
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.home import EdgeHome
from radcommons.edge.walk import Root

_SCHEMA = "radcommons.out/1"
_MARKER = "out.json"
_DOCUMENTS = frozenset({".css", ".csv", ".html", ".js", ".json", ".jsonl", ".txt"})


@dataclass(frozen=True, slots=True)
class OutFolder:
    """One OUT folder of one home. Nothing in it names a patient, a file or a folder of the hospital."""

    path: Path
    name: bytes
    """The folder's name in the home's database: its path, sealed."""

    @property
    def instances_path(self) -> Path:
        """Where the instances lie, ``<study>/<series>/<sop>.dcm`` by new UIDs."""
        return self.path / "instances"

    @property
    def staging_path(self) -> Path:
        """Where an instance lies until it is known to be fit."""
        return self.path / ".staging"

    @property
    def report_path(self) -> Path:
        """Actions on every instance, without values."""
        return self.path / "report.jsonl"

    @property
    def findings_path(self) -> Path:
        """Findings about instances made and sources kept out."""
        return self.path / "findings.jsonl"

    @property
    def review_path(self) -> Path:
        """Decisions of named persons."""
        return self.path / "review.json"

    @property
    def page_path(self) -> Path:
        """Folder of the review page and its pictures."""
        return self.path / "review"

    @property
    def manifest_path(self) -> Path:
        """The sealed batch."""
        return self.path / "manifest.json"

    @property
    def summary_path(self) -> Path:
        """What was done to the sealed batch, signed."""
        return self.path / "summary.json"

    def instance_path(self, study_uid: str, series_uid: str, *, sop_uid: str) -> Path:
        """Where one instance lies."""
        return self.instances_path / study_uid / series_uid / f"{sop_uid}.dcm"

    def documents(self) -> Iterator[Path]:
        """Every text beside the instances: reports, decisions, the sealed batch, the review page."""
        for beside in sorted(self.path.iterdir()):
            if beside in {self.instances_path, self.staging_path}:
                continue
            paths = sorted(beside.rglob("*")) if beside.is_dir() else [beside]
            yield from (path for path in paths if path.suffix in _DOCUMENTS and path.is_file())

    def instance_files(self) -> Iterator[Path]:
        """Every file under :attr:`instances_path`."""
        for folder, _, names in os.walk(self.instances_path):
            for name in names:
                yield Path(folder) / name


def claim(home: EdgeHome, out: Path, *, root: Root) -> OutFolder:
    """The OUT folder for this home, made when it is new.

    Raises
    ------
    RadCommonsError
        ``edge.out-overlaps`` when it lies inside the source, the home or the other way round; ``edge.out-not-empty``
        when it holds something else; ``edge.out-of-another-home`` when another home made it. One that this home made
        with an earlier secret is taken over: nothing of it is used, everything is made anew.
    """
    path = out.expanduser().resolve()
    # A single file or archive may lie beside its OUT folder; only a whole folder is walked.
    others = [home.path] if root.only is not None else [home.path, root.folder]
    is_inside = any(path.is_relative_to(each) for each in others)
    is_around = any(each.is_relative_to(path) for each in (home.path, root.folder))
    if is_inside or is_around or any((each / _MARKER).is_file() for each in path.parents):
        raise RadCommonsError(
            Kind.INVALID,
            "edge.out-overlaps",
            "OUT must lie outside the source folder, the home folder and other OUT folders, and must not contain them.",
        )
    marker = path / _MARKER
    if not marker.exists():
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RadCommonsError(
                Kind.CONFLICT, "edge.out-not-empty", "OUT holds something else already. Name a new or empty folder."
            )
        path.mkdir(parents=True, exist_ok=True)
        _mark(home, marker)
    elif _found_marker(marker) in _earlier_markers(home):
        _mark(home, marker)
    return opened(home, path)


def opened(home: EdgeHome, out: Path) -> OutFolder:
    """An OUT folder that this home made.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-out``, ``edge.out-of-earlier-key`` or ``edge.out-of-another-home``.
    """
    path = out.expanduser().resolve()
    marker = path / _MARKER
    if not marker.is_file():
        raise RadCommonsError(
            Kind.NOT_FOUND, "edge.no-such-out", "This is no folder that `radcommons edge deidentify` made."
        )
    found = _found_marker(marker)
    if found in _earlier_markers(home):
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.out-of-earlier-key",
            "This OUT folder was made before the secret key was rotated. Make it anew with `radcommons edge deidentify`.",
        )
    if found != _marker(home):
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.out-of-another-home",
            "Another home folder or key made this OUT folder. Name the home that made it, or a new OUT folder.",
        )
    return OutFolder(path, home.sealer().seal(str(path)))


def write_atomically(path: Path, content: str | Iterable[bytes]) -> None:
    """Replace a file as a whole: a reader sees the old or the new content, a text or its pieces, never a part."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as stream:
        stream.writelines([content.encode("utf-8")] if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def fingerprint_of(key: PseudonymKey) -> str:
    """How OUT folders name the secret that made them; nothing can be learned from it."""
    return key.derive("out-folder")[:16].hex()


def _mark(home: EdgeHome, marker: Path) -> None:
    write_atomically(marker, json.dumps(_marker(home), indent=1, sort_keys=True) + "\n")


def _found_marker(marker: Path) -> object:
    try:
        return json.loads(marker.read_text("utf-8"))
    except ValueError:
        return None


def _marker(home: EdgeHome, fingerprint: str | None = None) -> dict[str, str]:
    fingerprint = fingerprint or fingerprint_of(home.key())
    return {"schema": _SCHEMA, "site": home.site, "project": home.project, "home": fingerprint}


def _earlier_markers(home: EdgeHome) -> list[dict[str, str]]:
    return [_marker(home, fingerprint) for fingerprint in home.key_file().earlier]
