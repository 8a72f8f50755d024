"""A second look at an OUT folder, as the centre will look, and with what only the hospital knows.

Every file is read again: its digest against the journal, the rules of its profile, the names and numbers harvested from
the originals, the original UIDs of every patient of this home, and the verdict on its pixels against its own marks.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from radcommons.deid.element_look import kept_identifiers
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.profile import Profile, load_profile
from radcommons.deid.verify import residual_findings, verify_parsed
from radcommons.dicom import uids
from radcommons.dicom.elements import FormatError
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.dicom.header import Header
from radcommons.dicom.isolation import LimitedPool
from radcommons.dicom.part10 import Part10File, map_file, parse_part10
from radcommons.edge import findings as stored
from radcommons.edge.crosswalk import patients_by_subject
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.outfolder import OutFolder, opened
from radcommons.edge.scan import Progress

_LISTED = 500
_UID = re.compile(rb"(?<![0-9.])[0-9]{1,10}(?:\.[0-9]{1,39}){3,}(?![0-9.])")
_HASH_CHUNK_BYTES = 2**22
_SEEN = frozenset({PixelText.CLEAN, PixelText.APPROVED})


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How to look.

    Parameters
    ----------
    sample
        How many instances, spread evenly; all when ``None``.
    profile
        Name or path of the profile when neither the home's nor a packaged one made OUT.
    processes
        Instances looked at side by side.
    """

    sample: int | None = None
    profile: str | None = None
    processes: int = 1


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What the second look found.

    Parameters
    ----------
    instances, looked_at
        Instances in OUT, and how many were read.
    failed
        Instances with an error.
    waiting
        Instances whose pixels wait for a person; they do not leave the hospital before.
    profile
        Name and version of the profile that OUT was held against.
    findings_by_code
        How often each finding was made.
    findings
        The first few hundred; ``where`` names the new SOP Instance UID and the attribute, never a value.
    """

    instances: int
    looked_at: int
    failed: int
    waiting: int
    profile: str
    findings_by_code: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether no error was found."""
        return not any(each.is_error for each in self.findings) and not self.failed


@dataclass(frozen=True, slots=True)
class Look:
    """One instance to look at, with what must hold and what must not be found."""

    path: str
    sha256: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    subject_id: str
    pixel_text: str
    identifiers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found, and the UIDs that only the home can judge."""

    findings: tuple[Finding, ...]
    uids: frozenset[str]


def verify_folder(
    home: EdgeHome, out: Path, *, options: VerifyOptions | None = None, progress: Progress | None = None
) -> VerifyResult:
    """Look at every instance of OUT again.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-out``, ``edge.out-of-another-home``, ``edge.busy``, ``edge.unknown-profile``.
    """
    options = options or VerifyOptions()
    folder = opened(home, out)
    with exclusive(home), database(home) as connection:
        profile = profile_of(connection, home, folder, named=options.profile)
        tally, originals = _Tally(), _Originals(connection)
        total = connection.execute("SELECT count(*) FROM output WHERE out = ? AND is_kept", (folder.name,)).fetchone()[
            0
        ]
        wanted = total if options.sample is None else min(total, options.sample)
        for finding in _folder_findings(connection, folder):
            tally.add(finding)
        with LimitedPool(partial(look_again, profile=profile), processes=options.processes) as pool:
            for look, answer in pool.run(islice(_looks(connection, home, folder=folder, total=total, wanted=wanted), wanted)):
                seen = Seen((answer,), frozenset()) if isinstance(answer, Finding) else answer
                tally.take(look, (*seen.findings, *originals.findings(seen.uids)))
                if progress is not None:
                    progress("verify", tally.looked_at, wanted)
        return tally.result(instances=total, profile=f"{profile.name} {profile.version}")


def look_again(look: Look, *, profile: Profile) -> Seen:
    """Look at one instance; total on hostile bytes, meant for a limited process."""
    try:
        buffer = map_file(Path(look.path))
    except FormatError as error:
        return Seen(
            (_error("edge.file-lost", error.where, "The instance is not in OUT, or it cannot be read."),), frozenset()
        )
    found = []
    if _sha256(buffer) != look.sha256:
        found.append(_error("edge.file-changed", "file", "The file is not the one that was made; make it again."))
    try:
        file = parse_part10(buffer)
    except FormatError as error:
        return Seen((*found, Finding(Severity.ERROR, error.code, error.where, error.message)), frozenset())
    found += verify_parsed(buffer, file, profile)
    found += residual_findings(file, look.identifiers, kept=kept_identifiers(profile))
    found += _identity(look, file)
    found += _pixel_verdict(look, file)
    return Seen(tuple(dict.fromkeys(found)), _uids(buffer, file))


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
            where = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            yield _error("edge.other-identity", where, "The object is not the one, or not the subject's, it should be.")


def _pixel_verdict(look: Look, file: Part10File) -> Iterator[Finding]:
    verdict = PixelText(look.pixel_text)
    burned_in = Header(file.elements, file.encoding).text(0x00280301)
    if verdict in _SEEN and burned_in == "YES":
        message = "The object says that text is burned into its pixels, and the journal says that there is none."
        yield _error("edge.pixel-verdict", "(0028,0301)", message)


def _uids(buffer: memoryview, file: Part10File) -> frozenset[str]:
    """Every UID in the header, in whatever attribute, that is not registered."""
    pixels = file.pixel_element()
    end = len(buffer) if pixels is None or file.is_inflated else pixels.offset
    found = {match[0].decode("ascii") for match in _UID.finditer(buffer[:end])}
    return frozenset(value for value in found if not uids.is_listed_uid(value))


class _Originals:
    """The original UIDs of everything that was ever scanned from this home."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._roots = [row[0] for row in connection.execute("SELECT DISTINCT unseal(root) FROM source")]
        self._groups = {
            value
            for row in connection.execute("SELECT DISTINCT unseal(study_uid), unseal(series_uid) FROM source")
            for value in row
        }

    def findings(self, found: frozenset[str]) -> Iterator[Finding]:
        """One finding when an original UID is among those found."""
        if any(value in self._groups or self._is_instance(value) for value in found):
            yield _error("deid.uid-kept", "object", "A UID of the originals is still in the header.")

    def _is_instance(self, value: str) -> bool:
        return any(
            self._connection.execute(
                "SELECT 1 FROM source WHERE root = seal(?) AND sop_uid = seal(?) AND state = 'instance'", (root, value)
            ).fetchone()
            for root in self._roots
        )


class _Tally:
    """Findings in numbers, the first few kept."""

    def __init__(self) -> None:
        self.looked_at = self.failed = self.waiting = 0
        self._counts: dict[str, int] = {}
        self._listed: list[Finding] = []

    def take(self, look: Look, findings: tuple[Finding, ...]) -> None:
        self.looked_at += 1
        self.failed += any(each.is_error for each in findings)
        self.waiting += look.pixel_text in {"not_checked", "needs_person"}
        for finding in findings:
            self.add(stored.replace_where(finding, f"{look.sop_instance_uid} {finding.where}"))

    def add(self, finding: Finding) -> None:
        self._counts[finding.code] = self._counts.get(finding.code, 0) + 1
        if len(self._listed) < _LISTED:
            self._listed.append(finding)

    def result(self, *, instances: int, profile: str) -> VerifyResult:
        return VerifyResult(
            instances=instances,
            looked_at=self.looked_at,
            failed=self.failed,
            waiting=self.waiting,
            profile=profile,
            findings_by_code=dict(sorted(self._counts.items())),
            findings=tuple(self._listed),
        )


def _looks(
    connection: sqlite3.Connection, home: EdgeHome, *, folder: OutFolder, total: int, wanted: int
) -> Iterator[Look]:
    """The instances to look at, patient by patient; a sample is spread evenly over them."""
    patients = patients_by_subject(connection, home)
    identifiers: frozenset[str] = frozenset()
    subject_id = ""
    step = max(1, total // max(1, wanted))
    rows = connection.execute(
        "SELECT * FROM output WHERE out = ? AND is_kept ORDER BY subject_id, study_uid, series_uid, sop_uid",
        (folder.name,),
    )
    for position, row in enumerate(rows):
        if position % step:
            continue
        if row["subject_id"] != subject_id:
            subject_id = row["subject_id"]
            identifiers = _identifiers(connection, patients.get(subject_id, ()))
        path = folder.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"])
        yield Look(
            path=str(path),
            sha256=row["sha256"],
            study_instance_uid=row["study_uid"],
            series_instance_uid=row["series_uid"],
            sop_instance_uid=row["sop_uid"],
            subject_id=subject_id,
            pixel_text=row["pixel_text"],
            identifiers=identifiers,
        )


def _identifiers(connection: sqlite3.Connection, patient_keys: Iterable[str]) -> frozenset[str]:
    query = "SELECT unseal(value) FROM identifier WHERE patient_key = seal(?)"
    return frozenset(row[0] for each in patient_keys for row in connection.execute(query, (each,)))


def _folder_findings(connection: sqlite3.Connection, folder: OutFolder) -> Iterator[Finding]:
    """Files of OUT that nobody made."""
    for path in folder.instance_files():
        row = connection.execute(
            "SELECT study_uid, series_uid FROM output WHERE out = ? AND sop_uid = ? AND is_kept",
            (folder.name, path.stem),
        ).fetchone()
        if row is None or folder.instance_path(row["study_uid"], row["series_uid"], sop_uid=path.stem) != path:
            yield _error("edge.foreign-file", "OUT", "A file lies among the instances that this home did not make.")


def profile_of(
    connection: sqlite3.Connection, home: EdgeHome, folder: OutFolder, *, named: str | None = None
) -> Profile:
    """The profile that an OUT folder was made with.

    Raises
    ------
    RadCommonsError
        ``edge.nothing-made``, or ``edge.unknown-profile`` when it is not here or was changed since.
    """
    row = connection.execute("SELECT * FROM out_profile WHERE out = ?", (folder.name,)).fetchone()
    if row is None:
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-made",
            "De-identification has not finished. Run `radcommons edge deidentify` again.",
        )
    for name in (named, home.profile, row["name"]):
        if name is not None and (profile := _loaded(name)) is not None and profile.digest == row["digest"]:
            return profile
    raise RadCommonsError(
        Kind.CONFLICT,
        "edge.unknown-profile",
        "OUT was made with a profile that is not here or was changed since. Name it with --profile.",
    )


def _loaded(name: str) -> Profile | None:
    try:
        return load_profile(name)
    except RadCommonsError:
        return None


def _sha256(buffer: memoryview) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(buffer), _HASH_CHUNK_BYTES):
        digest.update(buffer[start : start + _HASH_CHUNK_BYTES])
    return digest.hexdigest()


def _error(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.ERROR, code, where, message)
