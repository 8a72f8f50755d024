"""Fetching a list: ask, have sent, count, try again; stopped at any moment it goes on where it was."""

import csv
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from radcommons.deid.writing import PREAMBLE, meta_bytes
from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.fetch import pacs as peer
from radcommons.edge.fetch.journal import Journal, StudyEntry, StudyState, WishState, opened
from radcommons.edge.fetch.pace import Pace
from radcommons.edge.fetch.pacs import Pacs, Sent
from radcommons.edge.fetch.wishes import Wish
from radcommons.edge.listen import dimse
from radcommons.edge.listen.errors import OutOfSpaceError
from radcommons.edge.listen.folder import ReceivedFolder
from radcommons.edge.listen.identity import identity_of, is_usable
from radcommons.edge.listen.server import ListenOptions, running

logger = logging.getLogger(__name__)

REPORT_COLUMNS = (
    "accession_number",
    "patient_id",
    "study_date",
    "study_instance_uid",
    "state",
    "expected",
    "received",
    "reason",
)
# Some servers say that a study is sent while its last instances are still on their way.
_STRAGGLERS_S = 10.0
_LOOK_EVERY_S = 0.5
_REST_S = (2.0, 10.0, 60.0)
Progress = Callable[[str, int, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How to fetch.

    Parameters
    ----------
    listen
        How our own listener listens, for C-MOVE; ``None`` fetches by C-GET.
    attempts
        How often a study that did not come whole is asked for.
    patience
        After how many refused associations in a row the fetch gives up.
    is_dry
        Ask only what there is; nothing is sent.
    is_retried
        Ask again about every line: for what an earlier run did not find or get whole, and for studies that grew.
    """

    pacs: Pacs
    listen: ListenOptions | None
    pace: Pace = field(default_factory=Pace)
    attempts: int = 3
    patience: int = 4
    is_dry: bool = False
    is_retried: bool = False


@dataclass(frozen=True, slots=True)
class FetchResult:
    """How far a fetch is.

    Parameters
    ----------
    asked
        Lines of the list.
    not_found
        Lines for which the PACS has no study.
    partial
        Studies of which instances are missing after all attempts.
    expected, instances
        How many instances the PACS says there are, and how many are here.
    """

    asked: int
    waiting: int
    not_found: int
    studies: int
    complete: int
    partial: int
    failed: int
    expected: int
    instances: int

    @property
    def is_whole(self) -> bool:
        """Whether everything that was asked for is here."""
        return not (self.waiting or self.not_found or self.partial or self.failed)


def fetch(
    folder: Path,
    wishes: Sequence[Wish],
    options: FetchOptions,
    *,
    stopped: threading.Event,
    progress: Progress | None = None,
) -> FetchResult:
    """Fetch into a folder what a list names.

    Parameters
    ----------
    stopped
        Ends the fetch after the study on its way.

    Raises
    ------
    RadCommonsError
        ``edge.pacs-unreachable``, ``edge.busy``, ``edge.port-taken``.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened(folder) as journal:
        journal.add(wishes)
        if options.is_retried:
            journal.retry(wishes)
        work = _Fetch(journal, options, stopped, progress)
        work.ask(wishes)
        if not options.is_dry:
            work.have_sent(folder)
        return _result(journal, wishes)


def write_report(folder: Path, path: Path) -> int:
    """Write what became of each line as CSV, for the hospital alone; returns how many lines.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    with opened(folder.expanduser().resolve()) as journal, path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(REPORT_COLUMNS)
        rows = list(journal.report())
        writer.writerows(rows)
    return len(rows)


class _Fetch:
    def __init__(
        self, journal: Journal, options: FetchOptions, stopped: threading.Event, progress: Progress | None
    ) -> None:
        self._journal, self._options, self._stopped = journal, options, stopped
        self._progress = progress or (lambda _step, _done, _total: None)
        self._last: datetime | None = None

    def ask(self, wishes: Sequence[Wish]) -> None:
        """Ask what there is for every line that was not asked for yet."""
        waiting = self._journal.waiting_wishes(wishes)
        for number, (wish_id, wish) in enumerate(waiting, start=1):
            if self._stopped.is_set():
                return
            try:
                studies = self._patiently(lambda: peer.find_studies(self._options.pacs, wish))  # noqa: B023
            except RadCommonsError as error:
                if error.code == "edge.pacs-unreachable":
                    raise
                self._journal.note_wish(wish_id, WishState.FAILED)
            else:
                state = WishState.FOUND if studies else WishState.NOT_FOUND
                self._journal.note_wish(wish_id, state, studies)
            self._progress("find", number, len(waiting))

    def have_sent(self, folder: Path) -> None:
        """Have the studies sent that are not here whole, at the pace that was agreed."""
        listen = self._options.listen
        if listen is None:
            received = ReceivedFolder(folder)
            with received.held():
                try:
                    self._all_studies(received, lambda uid: peer.get_study(self._options.pacs, uid, _keeping(received)))
                finally:
                    received.settle()
                    received.close()
            return
        with running(folder, listen) as listener:
            self._all_studies(listener.folder, lambda uid: peer.move_study(self._options.pacs, uid))

    def _all_studies(self, received: ReceivedFolder, send: Callable[[str], Sent]) -> None:
        while not self._stopped.is_set():
            study = self._journal.next_study(attempts=self._options.attempts)
            if study is None or not self._has_waited():
                return
            # Started before the study is sent: the next one keeps its distance from the beginning of this one.
            self._last = datetime.now().astimezone()
            sent = self._patiently(lambda: send(study.study_instance_uid))  # noqa: B023
            self._note(study, sent, received)
            counts = self._journal.counts()
            total = sum(counts[f"study_{state}"] for state in StudyState)
            self._progress("fetch", total - counts["study_waiting"], total)

    def _has_waited(self) -> bool:
        """Wait until the pace allows another study; whether the fetch was not stopped meanwhile."""
        wait_s = self._options.pace.wait_s(datetime.now().astimezone(), self._last)
        return not self._stopped.wait(wait_s)

    def _note(self, study: StudyEntry, sent: Sent, received: ReceivedFolder) -> None:
        wanted = study.expected if study.expected >= 0 else sent.completed + sent.failed + sent.warned
        deadline = time.monotonic() + _STRAGGLERS_S
        here = len(received.instances_of(study.study_instance_uid))
        while here < wanted - sent.failed and time.monotonic() < deadline and not self._stopped.is_set():
            time.sleep(_LOOK_EVERY_S)
            here = len(received.instances_of(study.study_instance_uid))
        state = StudyState.PARTIAL if here else StudyState.FAILED
        if here and here >= wanted:
            state = StudyState.COMPLETE
        self._journal.note_study(study.study_instance_uid, state, received=here, reason=sent.reason)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Do something that needs the PACS; one that does not answer is given some rest and asked again."""
        for rest_s in _REST_S[: self._options.patience - 1]:
            try:
                return work()
            except RadCommonsError as error:
                if error.code != "edge.pacs-unreachable" or self._stopped.wait(rest_s):
                    raise
        return work()


def _keeping(received: ReceivedFolder) -> peer.Keep:
    """What stores an instance that came on our own association."""

    def keep(data: bytes, sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> int:
        if not is_usable(sop_instance_uid) or not is_usable(sop_class_uid):
            return dimse.INVALID_INSTANCE
        try:
            incoming = received.begin()
        except OutOfSpaceError:
            return dimse.OUT_OF_RESOURCES
        try:
            incoming.write_head(PREAMBLE + meta_bytes(sop_class_uid, sop_instance_uid, transfer_syntax))
            incoming.write(memoryview(data))
            identity = identity_of(incoming, transfer_syntax)
            if identity is None or identity.sop_instance_uid != sop_instance_uid:
                return dimse.CANNOT_UNDERSTAND
            received.place(incoming, identity, calling="")
        except OSError:
            return dimse.OUT_OF_RESOURCES
        finally:
            incoming.drop()
        return dimse.SUCCESS

    return keep


def _result(journal: Journal, wishes: Sequence[Wish]) -> FetchResult:
    counts = journal.counts()
    studies = {state: counts[f"study_{state}"] for state in StudyState}
    return FetchResult(
        asked=len(wishes),
        waiting=counts["wish_waiting"] + studies[StudyState.WAITING],
        not_found=counts["wish_not_found"],
        studies=sum(studies.values()),
        complete=studies[StudyState.COMPLETE],
        partial=studies[StudyState.PARTIAL],
        failed=studies[StudyState.FAILED] + counts["wish_failed"],
        expected=counts["expected"],
        instances=counts["instances"],
    )
