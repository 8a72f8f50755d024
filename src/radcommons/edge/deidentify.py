"""From a hospital's folder to an OUT folder of de-identified instances: in parallel, resumable, with a second look.

The same key and the same input give the same bytes. OUT always equals what the current folder, selection, profile and
key ask for: results of sources that are gone are removed.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from radcommons import __version__
from radcommons.deid.engine import PatientMapping
from radcommons.deid.profile import Profile, engine_digest, load_profile
from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.dicom.isolation import LimitedPool
from radcommons.edge import findings as stored
from radcommons.edge import journal
from radcommons.edge.clinical import take_clinical_table
from radcommons.edge.crosswalk import Subject, map_patients
from radcommons.edge.database import database, transaction
from radcommons.edge.faces import settle_faces
from radcommons.edge.grouping import UsableInstance
from radcommons.edge.held import Overtaking, held_instances, held_roots
from radcommons.edge.home import EdgeHome, exclusive
from radcommons.edge.journal import Origin
from radcommons.edge.outfolder import OutFolder, claim
from radcommons.edge.pixels.looking import LookMeans, digest_of_means, memory_bytes
from radcommons.edge.pixels.memory import PixelMemory
from radcommons.edge.report import profile_stamp, write_report
from radcommons.edge.scan import Progress, refresh, seen_in
from radcommons.edge.selection import has_selection, selected_instances
from radcommons.edge.series_writing import only_of, suspect_series
from radcommons.edge.sources import Source
from radcommons.edge.text_memory import TextMemory
from radcommons.edge.walk import Root
from radcommons.edge.work import REJECTED, Made, Task, deidentify_source, refused

_TIMEOUT_S = 300.0
_NOTED_TOGETHER = 64
_LISTED = 500


@dataclass(frozen=True, slots=True)
class DeidentifyOptions:
    """How to de-identify.

    Parameters
    ----------
    profile
        Name or path of a profile; the home's when ``None``.
    clinical_table
        CSV file with the columns ``patient_id`` and ``covid19_status``.
    processes
        Instances worked on at the same time.
    """

    profile: str | None = None
    clinical_table: Path | None = None
    processes: int = 1


@dataclass(frozen=True, slots=True)
class DeidentifyResult:
    """What an OUT folder holds now.

    Parameters
    ----------
    seen
        Files and archive members of the folder.
    asked
        Instances among them that should be in OUT; ``edge scan`` and ``edge select`` say why the others should not.
    is_selection_used
        Whether ``edge select`` decided that, or everything readable was taken.
    made, unchanged
        Instances worked on now, and those whose earlier result still stands.
    kept_out
        Instances that could not be made, each with a finding.
    removed
        Results of earlier runs that are no longer asked for.
    instances, size_bytes, subjects, studies, series
        What OUT holds.
    pixel_text_not_checked
        Instances that wait for a person to look at their pixels.
    distinct_texts
        Kept text values that a person should read once.
    report_sha256
        Digest of the report of actions.
    findings_by_code
        Findings about made and kept-out instances and about the clinical table.
    findings
        The first few hundred about kept-out instances (``where`` is a path in the hospital's folder) and the table.
    """

    seen: int
    asked: int
    is_selection_used: bool
    made: int
    unchanged: int
    kept_out: int
    removed: int
    instances: int
    size_bytes: int
    subjects: int
    studies: int
    series: int
    pixel_text_not_checked: int
    distinct_texts: int
    report_sha256: str
    findings_by_code: Mapping[str, int]
    findings: tuple[Finding, ...]


def deidentify_folder(
    home: EdgeHome,
    folder: Path,
    *,
    out: Path,
    options: DeidentifyOptions | None = None,
    progress: Progress | None = None,
) -> DeidentifyResult:
    """De-identify the selected instances of ``folder`` into ``out``; after any interruption the same call goes on.

    Raises
    ------
    RadCommonsError
        ``edge.no-such-folder``, ``edge.busy``, ``edge.out-…``, ``edge.invalid-clinical-table``, errors of the profile
        and of the key.
    """
    options = options or DeidentifyOptions()
    root = Root.of(folder)
    profile = load_profile(options.profile or home.profile)
    out_folder = claim(home, out, root=root)
    with exclusive(home), database(home) as connection:
        refresh(connection, home, root=root, processes=options.processes, progress=progress)
        instances = partial(selected_instances, connection, root)
        worker = _Worker(connection, home, root=root, out=out_folder, profile=profile, instances=instances)
        worker.run(processes=options.processes, progress=progress)
        removed = journal.forget_unwanted(connection, out_folder, root=root.name, run=worker.journal_run)
        suspects = suspect_series(
            connection, out_folder, means=worker.means, processes=options.processes, progress=progress
        )
        if suspects:
            chosen = partial(only_of, instances, suspects)
            anew = _Worker(connection, home, root=root, out=out_folder, profile=profile, instances=chosen)
            anew.run(processes=options.processes, progress=progress)
        clinical: tuple[Finding, ...] = ()
        if options.clinical_table is not None:
            clinical = take_clinical_table(connection, home, out=out_folder, path=options.clinical_table)
        stamp = profile_stamp(profile)
        _remember_profile(connection, out_folder, profile=profile)
        settle_faces(connection, home, out=out_folder, profile=profile, processes=options.processes, progress=progress)
        report = write_report(connection, out_folder, profile=stamp, progress=progress)
        counts = {**report.findings_by_code, **stored.count(clinical)}
        result = _result(connection, worker, removed=removed, report_sha256=report.sha256, findings_by_code=counts)
        kept_out = islice(journal.kept_out(connection, out_folder), _LISTED)
        return replace(result, findings=(*clinical, *kept_out)[:_LISTED])


def make_again(connection: sqlite3.Connection, home: EdgeHome, *, out: OutFolder, profile: Profile) -> int:
    """Make anew what decisions about pixels held back in an OUT folder; the caller holds the home.

    Returns
    -------
    How many instances were worked on. What only waits for a person to finish, and what is gone, is left as it is.
    """
    made = 0
    for name in held_roots(connection, out):
        try:
            root = Root.of(Path(name))
        except RadCommonsError:
            continue
        instances = partial(held_instances, connection, out, root)
        worker = _Worker(connection, home, root=root, out=out, profile=profile, instances=instances)
        worker.run(processes=1, progress=None)
        made += worker.made
    settle_faces(connection, home, out=out, profile=profile)
    return made


class _Worker:
    """One run over the selected instances of one folder."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        home: EdgeHome,
        *,
        root: Root,
        out: OutFolder,
        profile: Profile,
        instances: Callable[[], Iterable[UsableInstance]],
    ) -> None:
        self._connection = connection
        self._home = home
        self.root = root
        self.release = profile.pixels.release
        self.out = out
        self._profile = profile
        self._key = home.key()
        self._instances = instances
        self.journal_run = journal.next_run(connection)
        self._memory = PixelMemory(connection, means=digest_of_means(profile.pixels))
        self._house = self._memory.house_rules(markers=profile.pixels.markers)
        self.means = LookMeans(profile.pixels, self._house)
        self._texts = TextMemory(connection)
        self._overtaking = Overtaking(connection, self._memory, markers=profile.pixels.markers)
        self._origins: dict[int, Origin] = {}
        self._last_folder: Path | None = None
        self.asked = self.made = self.unchanged = 0

    def run(self, *, processes: int, progress: Progress | None) -> None:
        """Work on every selected instance that has no result yet."""
        shutil.rmtree(self.out.staging_path, ignore_errors=True)
        self.out.staging_path.mkdir()
        studies = set[tuple[str, str]]()
        for instance in self._instances():
            self.asked += 1
            studies.add((instance.patient_key, instance.header.study_instance_uid))
        subjects = map_patients(self._connection, self._home, studies)
        function = partial(
            deidentify_source, profile=self._profile, key=self._key, means=self.means, texts=self._texts.replacements
        )
        answers: list[tuple[Task, Made]] = []
        with LimitedPool(function, processes=processes, timeout_s=_TIMEOUT_S, memory_bytes=memory_bytes()) as pool:
            for task, answer in pool.run(self._tasks(subjects)):
                answers.append((task, refused(answer) if isinstance(answer, Finding) else answer))
                if len(answers) == _NOTED_TOGETHER:
                    self._note(answers)
                    answers = []
                if progress is not None:
                    progress("deidentify", self.unchanged + self.made + len(answers), self.asked)
        self._note(answers)
        shutil.rmtree(self.out.staging_path)

    def _tasks(self, subjects: Mapping[str, Subject]) -> Iterator[Task]:
        """One task for each instance without a result, patient by patient."""
        patient: _Patient | None = None
        for instance in self._instances():
            if patient is None or patient.patient_key != instance.patient_key:
                patient = self._patient(instance.patient_key, subjects[instance.patient_key])
            origin = self._origin(instance, patient)
            if journal.is_done(self._connection, self.out, origin=origin, house=self._house, texts=self._texts):
                self.unchanged += 1
                continue
            if origin.order.state == "rejected":
                self._keep_out(origin)
                continue
            self._origins[instance.source_id] = origin
            yield Task(
                source=Source(
                    instance.source_id,
                    str(self.root.folder / instance.path),
                    instance.member,
                    str(self._home.scratch_path),
                ),
                recipe=origin.recipe,
                destination=str(self.out.staging_path / f"{instance.source_id}.dcm"),
                patient=PatientMapping(
                    original_patient_id=instance.header.patient_id,
                    subject_id=patient.subject_id,
                    date_shift_days=patient.date_shift_days,
                    known_identifiers=patient.identifiers,
                ),
                sop_class_uid=instance.header.sop_class_uid,
                order=origin.order,
            )

    def _patient(self, patient_key: str, subject: Subject) -> "_Patient":
        rows = self._connection.execute(
            "SELECT unseal(value) FROM identifier WHERE patient_key = seal(?) ORDER BY 1", (patient_key,)
        )
        identifiers = tuple(row[0] for row in rows)
        shift, key_mark = subject.date_shift_days, self._key.derive("recipe").hex()
        described = "\x1f".join(
            (subject.subject_id, str(shift), key_mark, self._profile.digest, engine_digest(), __version__, *identifiers)
        )
        return _Patient(
            patient_key, subject.subject_id, shift, identifiers, hashlib.sha256(described.encode()).hexdigest()
        )

    def _origin(self, instance: UsableInstance, patient: "_Patient") -> Origin:
        place = f"{instance.path}\x1f{instance.member}"
        return Origin(
            root=self.root.name,
            path=instance.path,
            member=instance.member,
            token="source:" + self._key.derive(f"source/{place}")[:8].hex(),
            subject_id=patient.subject_id,
            recipe=hashlib.sha256(f"{instance.sha256}/{patient.digest}".encode()).hexdigest(),
            run=self.journal_run,
            source_sha256=instance.sha256,
            order=self._memory.order(instance.sha256),
            new_study_uid=self._key.map_uid(instance.header.study_instance_uid),
            new_series_uid=self._key.map_uid(instance.header.series_instance_uid),
            sop_class_uid=instance.header.sop_class_uid,
            modality=instance.header.modality,
        )

    def _note(self, answers: list[tuple[Task, Made]]) -> None:
        """Move finished instances to their places, then write all down: a file without a note is merely made again."""
        sources: list[str] = []
        with transaction(self._connection):
            for task, made in answers:
                origin = self._origins.pop(task.source.source_id)
                if made.look is not None:
                    self._memory.keep_look(origin.source_sha256, made.look)
                placed = self._placed(task, made, origin=origin)
                journal.note(self._connection, self.out, origin=origin, made=placed, texts=self._texts)
                sources.append(origin.source_sha256)
                self.made += 1
            self._overtaking.hold(sources)

    def _keep_out(self, origin: Origin) -> None:
        """Note a source that a person keeps out; a file made of it before is removed with all that nobody asks for."""
        with transaction(self._connection):
            journal.note(self._connection, self.out, origin=origin, made=refused(REJECTED), texts=self._texts)
            self._overtaking.hold([origin.source_sha256])
        self.made += 1

    def _placed(self, task: Task, made: Made, *, origin: Origin) -> Made:
        if made.instance is None:
            return made
        staged = Path(task.destination)
        refusal = journal.clash(self._connection, self.out, origin=origin, instance=made.instance)
        if refusal is not None:
            staged.unlink()
            return refused(refusal)
        path = self.out.instance_path(
            made.instance.study_instance_uid,
            made.instance.series_instance_uid,
            sop_uid=made.instance.sop_instance_uid,
        )
        if path.parent != self._last_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._last_folder = path.parent
        staged.replace(path)
        return made


@dataclass(frozen=True, slots=True)
class _Patient:
    patient_key: str
    subject_id: str
    date_shift_days: int
    identifiers: tuple[str, ...]
    digest: str


def _remember_profile(connection: sqlite3.Connection, out: OutFolder, *, profile: Profile) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO out_profile (out, name, version, digest, engine, pixel_release) VALUES (?, ?, ?, ?, ?, ?)",
        (out.name, profile.name, profile.version, profile.digest, engine_digest(), profile.pixels.release),
    )


def _result(
    connection: sqlite3.Connection,
    worker: _Worker,
    *,
    removed: int,
    report_sha256: str,
    findings_by_code: Mapping[str, int],
) -> DeidentifyResult:
    totals = connection.execute(
        "SELECT count(*) FILTER (WHERE is_kept) AS instances, coalesce(sum(size_bytes), 0) AS size_bytes,"
        " count(DISTINCT subject_id) FILTER (WHERE is_kept) AS subjects,"
        " count(DISTINCT study_uid) FILTER (WHERE is_kept) AS studies,"
        " count(DISTINCT series_uid) FILTER (WHERE is_kept) AS series, count(*) FILTER (WHERE NOT is_kept) AS kept_out,"
        " count(*) FILTER (WHERE is_kept AND pixel_text IN ('not_checked', 'needs_person', ?, ?)) AS not_checked"
        " FROM output WHERE out = ?",
        (*(("clean", "redacted") if worker.release == "person" else ("", "")), worker.out.name),
    ).fetchone()
    texts = connection.execute(
        "SELECT count(DISTINCT value) FROM kept_text WHERE out = ?", (worker.out.name,)
    ).fetchone()
    return DeidentifyResult(
        seen=seen_in(connection, worker.root),
        asked=worker.asked,
        is_selection_used=has_selection(connection, worker.root),
        made=worker.made,
        unchanged=worker.unchanged,
        kept_out=totals["kept_out"],
        removed=removed,
        instances=totals["instances"],
        size_bytes=totals["size_bytes"],
        subjects=totals["subjects"],
        studies=totals["studies"],
        series=totals["series"],
        pixel_text_not_checked=totals["not_checked"],
        distinct_texts=texts[0],
        report_sha256=report_sha256,
        findings_by_code=dict(findings_by_code),
        findings=(),
    )
