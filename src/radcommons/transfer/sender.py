"""Sending a sealed batch: ask what is missing, send that in parallel, seal; after any interruption the same call goes on.

No state is kept on the sending side: the centre says what it has, by digest. A sender killed at any moment loses at
most the parts that were on their way.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.transfer.centre import Centre, SendOptions
from radcommons.transfer.manifest import BatchFile, BatchManifest
from radcommons.transfer.parts import AnnouncedPart

SendProgress = Callable[[int, int, int, int], None]
"""Called with files done, files to send, bytes done, bytes to send."""

_CHUNK_BYTES = 2**20
_ROUNDS = 5
_OPEN_STATES = frozenset({"receiving"})
_FINAL_STATES = frozenset({"verified", "refused", "held"})
_LOOK_AHEAD = 2
# What travels in one request: enough to be worth one, little enough that a broken line costs moments.
_TOGETHER_BYTES = 8 * 2**20
_MOST_TOGETHER = 256


@dataclass(frozen=True, slots=True)
class SendResult:
    """What one call of :func:`send_batch` did.

    Parameters
    ----------
    batch_id
        SHA-256 of the manifest.
    state
        The centre's word for the batch, ``sealed`` or later.
    files
        Files of the batch.
    sent, sent_bytes
        Files and bytes that this call sent.
    already_there
        Files the centre had before.
    """

    batch_id: str
    state: str
    files: int
    sent: int
    sent_bytes: int
    already_there: int


def send_batch(
    manifest: BatchManifest,
    files: Mapping[str, Path],
    *,
    envelope: bytes,
    url: str,
    token: str,
    options: SendOptions | None = None,
    progress: SendProgress | None = None,
) -> SendResult:
    """Send every part of ``manifest`` that the centre lacks, then seal the batch.

    Parameters
    ----------
    manifest
        The sealed batch.
    files
        Where the bytes of each digest lie.
    envelope
        The signed summary (:mod:`radcommons.transfer.summary`).
    url, token
        The centre's address and the site's contributor token.
    options
        Threads, time-outs and patience.
    progress
        Told after each part; called from one thread at a time.

    Raises
    ------
    RadCommonsError
        ``transfer.file-changed`` when a file is not what the manifest says, ``transfer.incomplete`` when the centre
        keeps losing parts, and every refusal of the centre.
    """
    options = options or SendOptions()
    meter = _Meter(progress)
    with Centre(url, token, options=options) as centre:
        answer = centre.open_batch(manifest)
        first_missing = len(answer.missing)
        for _ in range(_ROUNDS):
            if answer.state not in _OPEN_STATES:
                return _result(manifest, answer.state, meter=meter, missing_at_first=first_missing)
            wanted = _Wanted(manifest, answer.missing)
            meter.expect(len(wanted), wanted.size_bytes)
            courier = _Courier(centre, manifest.batch_id, files, takes_many=answer.takes_many)
            _send_parts(courier, wanted, threads=options.threads, meter=meter)
            try:
                state = centre.seal(manifest.batch_id, envelope=envelope, files=len(manifest.files))
                return _result(manifest, state, meter=meter, missing_at_first=first_missing)
            except RadCommonsError as error:
                if error.kind is not Kind.CONFLICT:
                    raise
            answer = centre.open_batch(manifest)
    raise RadCommonsError(
        Kind.UNAVAILABLE,
        "transfer.incomplete",
        "The centre still reports missing parts after several rounds. Send again later, or ask the centre.",
        missing=len(answer.missing),
    )


def batch_state(batch_id: str, *, url: str, token: str, options: SendOptions | None = None) -> dict[str, object]:
    """What the centre says became of a batch: state, counts, findings by code, studies."""
    with Centre(url, token, options=options or SendOptions(patience_s=10)) as centre:
        return centre.batch(batch_id)


def wait_until_verified(
    batch_id: str, *, url: str, token: str, timeout_s: float = 600.0, options: SendOptions | None = None
) -> dict[str, object]:
    """Ask every second or so until the centre has verified, refused or held a batch, and return its last word.

    Raises
    ------
    RadCommonsError
        ``transfer.not-verified-yet`` (kind unavailable) when ``timeout_s`` passed.
    """
    give_up_at = time.monotonic() + timeout_s
    with Centre(url, token, options=options or SendOptions()) as centre:
        while True:
            found = centre.batch(batch_id)
            if found.get("state") in _FINAL_STATES:
                return found
            if time.monotonic() > give_up_at:
                raise RadCommonsError(
                    Kind.UNAVAILABLE,
                    "transfer.not-verified-yet",
                    "The centre has the batch and is still verifying it. Ask again with `radcommons edge status`.",
                )
            time.sleep(0.5)


class _Meter:
    """Counts what was sent, from many threads."""

    def __init__(self, progress: SendProgress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self.files = self.files_total = self.bytes = self.bytes_total = 0

    def expect(self, files: int, size_bytes: int) -> None:
        with self._lock:
            self.files_total += files
            self.bytes_total += size_bytes
            self._tell()

    def done(self, file: BatchFile) -> None:
        with self._lock:
            self.files += 1
            self.bytes += file.size_bytes
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self.files, self.files_total, self.bytes, self.bytes_total)


class _Wanted:
    """The files that the centre lacks, one after the other in the manifest's order."""

    def __init__(self, manifest: BatchManifest, missing: Iterable[str]) -> None:
        self._files = manifest.files
        self._missing = frozenset(missing)
        sizes = [each.size_bytes for each in self]
        if len(sizes) != len(self._missing):
            raise RadCommonsError(
                Kind.CONFLICT, "transfer.other-batch", "The centre asks for parts that are not in this batch."
            )
        self.size_bytes = sum(sizes)

    def __len__(self) -> int:
        return len(self._missing)

    def __iter__(self) -> Iterator[BatchFile]:
        return (each for each in self._files if each.sha256 in self._missing)


class _Courier:
    """Carries groups of files to the centre, as many a request as it takes."""

    def __init__(self, centre: Centre, batch_id: str, files: Mapping[str, Path], *, takes_many: bool) -> None:
        self.centre = centre
        self._batch_id = batch_id
        self._files = files
        self._takes_many = takes_many

    def groups(self, wanted: Iterable[BatchFile]) -> Iterator[list[BatchFile]]:
        """Files that travel together."""
        group: list[BatchFile] = []
        size_bytes = 0
        for file in wanted:
            is_full = len(group) == _MOST_TOGETHER or size_bytes + file.size_bytes > _TOGETHER_BYTES
            if group and (is_full or not self._takes_many):
                yield group
                group, size_bytes = [], 0
            group.append(file)
            size_bytes += file.size_bytes
        if group:
            yield group

    def send(self, group: Sequence[BatchFile]) -> None:
        """Send a group; it is on the centre's disk when this returns."""
        if not self._takes_many:
            for file in group:
                self.centre.put_part(self._batch_id, file.sha256, content=self._verified(file))
            return
        by_digest = {each.sha256: each for each in group}
        announced = [AnnouncedPart(each.sha256, each.size_bytes) for each in group]
        self.centre.send_parts(self._batch_id, announced, pieces=lambda part: self._pieces(by_digest[part.sha256]))

    def _pieces(self, file: BatchFile) -> Iterator[bytes]:
        content = self._verified(file)
        if isinstance(content, bytes):
            yield content
            return
        with content.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk

    def _verified(self, file: BatchFile) -> bytes | Path:
        """The bytes of a small file or where a large one lies, read to see that it still is what was reviewed."""
        path, is_small = self._files.get(file.sha256), file.size_bytes <= _CHUNK_BYTES
        if path is not None and path.is_file():
            if not is_small and file_sha256(path) == file.sha256:
                return path
            if is_small and hashlib.sha256(content := path.read_bytes()).hexdigest() == file.sha256:
                return content
        raise RadCommonsError(
            Kind.CONFLICT,
            "transfer.file-changed",
            "An instance is missing or changed since the batch was sealed. De-identify and review again.",
            sop_instance_uid=file.sop_instance_uid,
        )


def _send_parts(courier: _Courier, wanted: _Wanted, *, threads: int, meter: _Meter) -> None:
    """Send the wanted parts from a few threads with a short look-ahead; the first failure stops all and is raised."""

    def send(group: Sequence[BatchFile]) -> None:
        courier.send(group)
        for file in group:
            meter.done(file)

    remaining = courier.groups(wanted)
    with ThreadPoolExecutor(threads, thread_name_prefix="send") as pool:
        try:
            running = {pool.submit(send, each) for each in islice(remaining, threads * _LOOK_AHEAD)}
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                running |= {pool.submit(send, each) for each in islice(remaining, len(finished))}
        except BaseException:
            courier.centre.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _result(manifest: BatchManifest, state: str, *, meter: _Meter, missing_at_first: int) -> SendResult:
    return SendResult(
        batch_id=manifest.batch_id,
        state=state,
        files=len(manifest.files),
        sent=meter.files,
        sent_bytes=meter.bytes,
        already_there=len(manifest.files) - missing_at_first,
    )
