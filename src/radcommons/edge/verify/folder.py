"""Looking at all of an OUT folder again.

Every file is read again: its digest against the journal, the rules of its profile, the names and numbers harvested from
the originals, the original UIDs of every patient of this home, and the verdict on its pixels against its own marks. The
documents beside the instances are searched too.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from radcommons import __version__
from radcommons.deid.profile import Profile, engine_digest
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.edge import findings as stored
from radcommons.edge.crosswalk import patients_by_subject
from radcommons.edge.database import database
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.outfolder import OutFolder, opened
from radcommons.edge.outprofile import profile_of
from radcommons.edge.pixels.orders import Order
from radcommons.edge.review.waiting import may_leave, release_rule
from radcommons.edge.scan import Progress
from radcommons.edge.verify.looking import Look, Seen, error, look_again
from radcommons.edge.verify.memory import LookMemory, mark_of
from radcommons.edge.verify.originals import Originals

_LISTED = 500
_KEPT_TOGETHER = 128
_TIMEOUT_S = 300.0


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
        Instances in OUT, and how many were looked at.
    seen_before
        How many of these a run saw that was stopped before its end.
    failed
        Instances with an error.
    waiting
        Instances that a person has to look at, for writing or a face; they do not leave the hospital before.
    profile
        Name and version of the profile that OUT was held against.
    findings_by_code
        How often each finding was made.
    findings
        The first few hundred, errors first; ``where`` names the new SOP Instance UID and the attribute, never a value.
    """

    instances: int
    looked_at: int
    seen_before: int
    failed: int
    waiting: int
    profile: str
    findings_by_code: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether no error was found."""
        return not any(each.is_error for each in self.findings)


def verify_folder(
    home: EdgeHome, out: Path, *, options: VerifyOptions | None = None, progress: Progress | None = None
) -> VerifyResult:
    """Look at every instance of OUT again; after any interruption the same call goes on.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-out``, ``edge.out-of-another-home``, ``edge.busy``, ``edge.nothing-made``,
        ``edge.unknown-profile``.
    """
    options = options or VerifyOptions()
    folder = opened(home, out)
    with exclusive(home), database(home) as connection:
        profile = profile_of(connection, home, folder, named=options.profile)
        originals = Originals(connection, patients_by_subject(connection, home))
        run = _Run(connection, folder, profile=profile, originals=originals, sample=options.sample)
        for finding in _folder_findings(connection, folder, originals):
            run.tally.add(finding)
        run.look(processes=options.processes, progress=progress)
        return run.result()


class _Run:
    """One run over one OUT folder."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        folder: OutFolder,
        *,
        profile: Profile,
        originals: Originals,
        sample: int | None,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._profile = profile
        self._originals = originals
        self._total = connection.execute(
            "SELECT count(*) FROM output WHERE out = ? AND is_kept", (folder.name,)
        ).fetchone()[0]
        self._wanted = self._total if sample is None else min(self._total, sample)
        means = f"{__version__}/{profile.digest}/{engine_digest()}/{self._wanted}"
        self._memory = LookMemory(connection, folder, means=hashlib.sha256(means.encode()).hexdigest())
        self._marks: dict[str, str] = {}
        self.tally = _Tally()

    def look(self, *, processes: int, progress: Progress | None) -> None:
        """Look at the wanted instances."""
        seen: list[tuple[str, str, tuple[Finding, ...]]] = []
        function = partial(look_again, profile=self._profile)
        with LimitedPool(function, processes=processes, timeout_s=_TIMEOUT_S) as pool:
            for look, answer in pool.run(self._looks()):
                findings = self._judged(Seen((answer,)) if isinstance(answer, Finding) else answer)
                self.tally.take(look.sop_instance_uid, findings)
                seen.append((look.sop_instance_uid, self._marks.pop(look.sop_instance_uid), findings))
                if len(seen) == _KEPT_TOGETHER:
                    self._memory.keep(seen)
                    seen = []
                if progress is not None:
                    progress("verify", self.tally.looked_at, self._wanted)
        self._memory.finish(looked_at=self.tally.looked_at, failed=self.tally.failed)

    def result(self) -> VerifyResult:
        """What was found."""
        release = release_rule(self._connection, self._folder)
        rows = self._connection.execute(
            "SELECT pixel_text, face, count(*) AS instances FROM output WHERE out = ? AND is_kept GROUP BY pixel_text, face",
            (self._folder.name,),
        )
        waiting = sum(row["instances"] for row in rows if not may_leave(row, release=release))
        return self.tally.result(
            instances=self._total, waiting=waiting, profile=f"{self._profile.name} {self._profile.version}"
        )

    def _looks(self) -> Iterator[Look]:
        """What to look at and was not seen before, study by study; a sample is spread evenly."""
        step = max(1, self._total // max(1, self._wanted))
        # In the order of an index: sorting a hundred thousand rows would hold them all in memory.
        rows = self._connection.execute(
            "SELECT * FROM output WHERE out = ? AND is_kept ORDER BY study_uid, series_uid", (self._folder.name,)
        )
        for row in islice(rows, 0, step * self._wanted, step):
            path = self._folder.instance_path(row["study_uid"], row["series_uid"], sop_uid=row["sop_uid"])
            is_released = Order.has_released(row)
            mark = mark_of(path, sha256=row["sha256"], is_released=is_released)
            if (known := self._memory.recall(row["sop_uid"], mark=mark)) is not None:
                self.tally.take(row["sop_uid"], known)
                self.tally.seen_before += 1
                continue
            self._marks[row["sop_uid"]] = mark
            yield Look(
                path=str(path),
                sha256=row["sha256"],
                study_instance_uid=row["study_uid"],
                series_instance_uid=row["series_uid"],
                sop_instance_uid=row["sop_uid"],
                subject_id=row["subject_id"],
                pixel_text=row["pixel_text"],
                identifiers=self._originals.identifiers(row["subject_id"]),
                released_class=row["sop_class_uid"] if is_released else "",
            )

    def _judged(self, seen: Seen) -> tuple[Finding, ...]:
        if self._profile.keeps_uids or not any(map(self._originals.has_uid, seen.uids)):
            return seen.findings
        return (*seen.findings, error("deid.uid-kept", "header", "A UID of the originals is still in the header."))


class _Tally:
    """Findings in numbers, the first few kept: errors before all others."""

    def __init__(self) -> None:
        self.looked_at = self.failed = self.seen_before = 0
        self._counts: dict[str, int] = {}
        self._errors: list[Finding] = []
        self._others: list[Finding] = []

    def take(self, sop_instance_uid: str, findings: tuple[Finding, ...]) -> None:
        self.looked_at += 1
        self.failed += any(each.is_error for each in findings)
        for finding in findings:
            self.add(stored.replace_where(finding, f"{sop_instance_uid} {finding.where}"))

    def add(self, finding: Finding) -> None:
        self._counts[finding.code] = self._counts.get(finding.code, 0) + 1
        kept = self._errors if finding.is_error else self._others
        if len(kept) < _LISTED:
            kept.append(finding)

    def result(self, *, instances: int, waiting: int, profile: str) -> VerifyResult:
        return VerifyResult(
            instances=instances,
            looked_at=self.looked_at,
            seen_before=self.seen_before,
            failed=self.failed,
            waiting=waiting,
            profile=profile,
            findings_by_code=dict(sorted(self._counts.items())),
            findings=(*self._errors, *self._others)[:_LISTED],
        )


def _folder_findings(connection: sqlite3.Connection, folder: OutFolder, originals: Originals) -> Iterator[Finding]:
    """Instances that nobody made, and originals named in the documents beside them."""
    for path in folder.instance_files():
        row = connection.execute(
            "SELECT study_uid, series_uid FROM output WHERE out = ? AND sop_uid = ? AND is_kept",
            (folder.name, path.stem),
        ).fetchone()
        if row is None or folder.instance_path(row["study_uid"], row["series_uid"], sop_uid=path.stem) != path:
            yield error(
                "edge.foreign-file", "instances", "A file lies among the instances that this home did not make."
            )
    for path in folder.documents():
        for kind in originals.is_named_in(path):
            message = f"A document beside the instances holds a {kind} identifier of the originals."
            yield error("edge.original-in-document", path.name, message)
