"""Sealing: the approved instances of an OUT folder become one batch, named by the digest of its manifest and signed."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import overload

from radcommons import __version__
from radcommons.deid.pixel_text import PixelText
from radcommons.deid.profile import ENGINE_VERSION
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.edge import journal
from radcommons.edge.clinical import subject_statuses
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome
from radcommons.edge.outfolder import OutFolder, opened, write_atomically
from radcommons.edge.outprofile import demand_engine
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.pixels.orders import Order
from radcommons.edge.report import action_counts, write_report
from radcommons.edge.review.decisions import Review, content_of, is_approved, read_review
from radcommons.edge.review.waiting import may_leave, release_rule
from radcommons.edge.scan import Progress
from radcommons.edge.text_memory import HELD
from radcommons.transfer.manifest import BatchFile, BatchManifest, ProfileStamp, ReviewStamp, SoftwareStamp
from radcommons.transfer.sender import file_sha256
from radcommons.transfer.summary import sign_summary, summarise

_LISTED = 500
_DIGEST_BYTES = 32
_ROW_BYTES = 8


@dataclass(frozen=True, slots=True)
class SealResult:
    """What was sealed and what was not.

    Parameters
    ----------
    batch_id
        SHA-256 of the manifest.
    manifest_path
        ``manifest.json`` in OUT; ``summary.json`` with the signed summary lies beside it.
    files, size_bytes, subjects
        What the batch holds.
    held_back
        The first few hundred instances whose pixels nobody approved, one Finding each; ``where`` is the new SOP
        Instance UID.
    excluded
        Instances of series that a named person keeps out.
    findings_by_code
        All that were held back, by code.
    """

    batch_id: str
    manifest_path: Path
    files: int
    size_bytes: int
    subjects: int
    held_back: tuple[Finding, ...]
    excluded: int
    findings_by_code: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A manifest, read anew from the file it was written to, with the place of every file in it."""

    manifest: BatchManifest
    out: OutFolder
    envelope: bytes
    paths: Mapping[str, Path]
    result: SealResult


def seal(home: EdgeHome, out: Path) -> SealResult:
    """Write ``OUT/manifest.json`` for what was approved.

    Raises
    ------
    RadCommonsError
        ``edge.not-approved`` without an approved review of exactly this content, ``edge.nothing-to-send`` when every
        instance is held back or excluded, and those of an OUT folder.
    """
    return sealed(home, out).result


def sealed(home: EdgeHome, out: Path, *, progress: Progress | None = None) -> Sealed:
    """Seal, and tell where the files lie; see :func:`seal`. Memory does not grow with the instances but by 80 bytes each."""
    folder = opened(home, out)
    if not folder.report_path.exists():
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-made",
            "De-identification has not finished. Run `radcommons edge deidentify` again.",
        )
    with database(home) as connection:
        content, review = content_of(connection, folder), read_review(folder)
        if review.approval is None or not is_approved(review, content):
            raise RadCommonsError(
                Kind.FORBIDDEN,
                "edge.not-approved",
                "Nobody approved exactly this content. Look at `radcommons edge review OUT`, then approve it.",
            )
        # Decisions since it was written are in the report that is sealed.
        write_report(connection, folder, profile=_profile(connection, folder), progress=progress)
        chosen = _Chosen(review, release=release_rule(connection, folder))
        for row in journal.kept(connection, folder):
            chosen.take(row)
        return _sealed(connection, home, folder=folder, chosen=chosen, by=review.approval.by, progress=progress)


class _Places(Mapping[str, Path]):
    """Where the file of each digest lies, worked out when it is asked for."""

    def __init__(self, folder: OutFolder, manifest: BatchManifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def __getitem__(self, sha256: str) -> Path:
        file = self._manifest.file(sha256)
        return self._folder.instance_path(
            file.study_instance_uid, file.series_instance_uid, sop_uid=file.sop_instance_uid
        )

    def __iter__(self) -> Iterator[str]:
        return (file.sha256 for file in self._manifest.files)

    def __len__(self) -> int:
        return len(self._manifest.files)


class _Chosen:
    """The instances of one OUT folder, sorted into sent, held back and excluded.

    Of one that is sent only its digest and its row's number are kept, in one value that sorts by digest.
    """

    def __init__(self, review: Review, *, release: str) -> None:
        self._review = review
        self._release = release
        self.marks: list[bytes] = []
        self.action_lists: Counter[str] = Counter()
        self.subjects: set[str] = set()
        self.held_back: list[Finding] = []
        self.held_back_by_code: Counter[str] = Counter()
        self.excluded = 0

    def take(self, row: sqlite3.Row) -> None:
        """Sort one instance."""
        if row["series_uid"] in self._review.exclusions:
            self.excluded += 1
        elif not may_leave(row, release=self._release):
            self._hold_back(_held_back(row))
        elif row["text_recipe"] == HELD:
            self._hold_back(_overtaken(row["sop_uid"]))
        else:
            self.subjects.add(row["subject_id"])
            self.action_lists[row["actions"]] += 1
            self.marks.append(bytes.fromhex(row["sha256"]) + row["output_id"].to_bytes(_ROW_BYTES, "big"))

    def _hold_back(self, finding: Finding) -> None:
        self.held_back_by_code[finding.code] += 1
        if len(self.held_back) < _LISTED:
            self.held_back.append(finding)


class _JournalFiles(Sequence[BatchFile]):
    """The chosen instances by digest, each looked up in the journal when it is asked for."""

    def __init__(self, connection: sqlite3.Connection, marks: Sequence[bytes], *, told: Callable[[int], None]) -> None:
        self._connection = connection
        # Two sources of the very same bytes are one file.
        self._marks = [next(same) for _, same in groupby(sorted(marks), key=itemgetter(slice(_DIGEST_BYTES)))]
        self._memory = PixelMemory(connection, means="")
        self._told = told

    def __len__(self) -> int:
        return len(self._marks)

    @overload
    def __getitem__(self, index: int) -> BatchFile: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[BatchFile, ...]: ...

    def __getitem__(self, index: int | slice) -> BatchFile | tuple[BatchFile, ...]:
        if isinstance(index, slice):
            self._told(index.stop)
            return tuple(map(self._file, self._marks[index]))
        return self._file(self._marks[index])

    def _file(self, mark: bytes) -> BatchFile:
        number = int.from_bytes(mark[_DIGEST_BYTES:], "big")
        row = self._connection.execute("SELECT * FROM output WHERE output_id = ?", (number,)).fetchone()
        return BatchFile(
            sha256=row["sha256"],
            size_bytes=row["size_bytes"],
            study_instance_uid=row["study_uid"],
            series_instance_uid=row["series_uid"],
            sop_instance_uid=row["sop_uid"],
            sop_class_uid=row["sop_class_uid"],
            pixel_text=PixelText(row["pixel_text"]),
            release=self._memory.release(row["source_sha256"]) if Order.has_released(row) else None,
        )


def _sealed(
    connection: sqlite3.Connection,
    home: EdgeHome,
    *,
    folder: OutFolder,
    chosen: _Chosen,
    by: str,
    progress: Progress | None,
) -> Sealed:
    count = len(chosen.marks)
    if not count:
        raise RadCommonsError(
            Kind.CONFLICT,
            "edge.nothing-to-send",
            "Every instance is held back or excluded. Approve pixels in `radcommons edge review`, or add data.",
            held_back=chosen.held_back_by_code.total(),
            excluded=chosen.excluded,
        )

    def told(done: int) -> None:
        if progress is not None:
            progress("seal", min(done, count), count)

    statuses = subject_statuses(connection, folder)
    draft = BatchManifest(
        site=home.site,
        project=home.project,
        profile=_profile(connection, folder),
        software=SoftwareStamp("radcommons", __version__),
        report_sha256=file_sha256(folder.report_path),
        review=ReviewStamp(by, "approved"),
        files=_JournalFiles(connection, chosen.marks, told=told),
        subjects={subject_id: status for subject_id, status in statuses.items() if subject_id in chosen.subjects},
    )
    write_atomically(folder.manifest_path, draft.pieces())
    # What is sent is what the file says, read as strictly as the centre reads it.
    manifest = BatchManifest.from_file(folder.manifest_path)
    actions, attributes = action_counts(connection, chosen.action_lists)
    summary = summarise(manifest, engine=str(ENGINE_VERSION), actions=actions, attributes=attributes)
    envelope = sign_summary(summary, home.signing_key())
    write_atomically(folder.summary_path, envelope.decode("utf-8"))
    return Sealed(manifest, folder, envelope, _Places(folder, manifest), _result(manifest, folder, chosen))


def _result(manifest: BatchManifest, folder: OutFolder, chosen: _Chosen) -> SealResult:
    return SealResult(
        batch_id=manifest.batch_id,
        manifest_path=folder.manifest_path,
        files=len(manifest.files),
        size_bytes=manifest.size_bytes,
        subjects=len(chosen.subjects),
        held_back=tuple(chosen.held_back),
        excluded=chosen.excluded,
        findings_by_code=dict(sorted(chosen.held_back_by_code.items())),
    )


def _held_back(row: sqlite3.Row) -> Finding:
    if row["face"] == "held":
        return Finding(
            Severity.WARNING,
            "deid.face-not-decided",
            row["sop_uid"],
            "A face could be made of this series and nobody has decided about it; the instance stays at the hospital.",
        )
    return Finding(
        Severity.WARNING,
        "deid.pixel-text-not-checked",
        row["sop_uid"],
        "Writing may be burned into the pixels and nobody has looked; the instance stays at the hospital.",
    )


def _overtaken(sop_instance_uid: str) -> Finding:
    return Finding(
        Severity.WARNING,
        "edge.text-decision-pending",
        sop_instance_uid,
        "Somebody decided about a text in it; run `radcommons edge deidentify` again to apply that.",
    )


def _profile(connection: sqlite3.Connection, out: OutFolder) -> ProfileStamp:
    row = connection.execute("SELECT * FROM out_profile WHERE out = ?", (out.name,)).fetchone()
    demand_engine(row["engine"])
    return ProfileStamp(row["name"], row["version"], row["digest"])
