"""From the body of a request to whole parts in the staging folder, in constant memory; nothing of them is parsed here."""

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from radcommons.server.intake import staging
from radcommons.server.intake.errors import DigestMismatchError, PartTooLargeError
from radcommons.server.intake.services import PartTicket, note_staged, parts_to_receive
from radcommons.server.platform.errors import InvalidError
from radcommons.transfer.parts import OPENING_BYTES, announcement_size, read_announcement

# Files of one request that wait for the disk: each is open until it is written out.
_MOST_WAITING = 24


class Arrival:
    """Takes the body of one request piece by piece; the methods run in threads, one at a time.

    Parameters
    ----------
    batch_pk
        The batch of the parts.
    tickets
        What comes, when the address of the request says so; otherwise the body begins with a list of it.
    """

    def __init__(self, batch_pk: int, tickets: Sequence[PartTicket] | None = None) -> None:
        self._batch_pk = batch_pk
        self._head = b""
        self._tickets = tickets
        self._coming = deque(tickets or ())
        self._current: PartTicket | None = None
        self._sink: staging.PartSink | None = None
        self._left = 0
        self._keeping: deque[tuple[str, Future[None]]] = deque()
        self._kept: list[str] = []

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Take the next bytes, in pieces.

        Raises
        ------
        RadCommonsError
            ``intake.parts-announced`` when the list is malformed, and what the staging folder raises.
        """
        for piece in pieces:
            view = self._after_head(piece) if self._tickets is None else memoryview(piece)
            while view:
                if not self._left:
                    self._begin()
                taken, view = view[: self._left], view[self._left :]
                self._left -= len(taken)
                if self._sink is not None:
                    self._sink.write(taken)
                if not self._left:
                    self._end()

    def finish(self) -> tuple[str, ...]:
        """Wait for the disk and note what arrived, once the body has ended; the digests that did not come.

        Raises
        ------
        RadCommonsError
            ``intake.parts-announced`` when the list was cut short, and what the staging folder raises.
        """
        if self._tickets is None:
            raise _malformed("it ends within its list")
        if self._left:
            raise DigestMismatchError
        self._wait(at_most=0)
        if self._kept:
            note_staged(self._batch_pk, self._kept)
        came = frozenset(self._kept)
        return tuple(each.sha256 for each in self._tickets if not each.is_there and each.sha256 not in came)

    def close(self) -> None:
        """Leave nothing that is not whole."""
        if self._sink is not None:
            self._sink.abort()

    def _after_head(self, piece: bytes) -> memoryview:
        """Learn what comes; the bytes of a piece that are not of the list."""
        self._head += piece
        try:
            size_bytes = announcement_size(self._head[:OPENING_BYTES]) if len(self._head) >= OPENING_BYTES else None
            if size_bytes is None or len(self._head) < size_bytes:
                return memoryview(b"")
            announced = read_announcement(self._head[:size_bytes])
        except ValueError as error:
            raise _malformed(str(error)) from error
        tickets = parts_to_receive(self._batch_pk, [each.sha256 for each in announced])
        if any(part.size_bytes != ticket.size_bytes for part, ticket in zip(announced, tickets, strict=True)):
            raise _malformed("it announces another size than the manifest")
        self._tickets, self._coming = tickets, deque(tickets)
        return memoryview(self._head)[size_bytes:]

    def _begin(self) -> None:
        last = self._current
        while self._coming:
            self._current = self._coming.popleft()
            self._left = self._current.size_bytes
            if self._left:
                break
        else:
            raise PartTooLargeError(last.size_bytes if last else 0)
        if not self._current.is_there:
            self._sink = staging.PartSink(self._current.batch_id, self._current.sha256, size_bytes=self._left)

    def _end(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None and self._current is not None:
            try:
                self._keeping.append((self._current.sha256, sink.keep()))
            finally:
                sink.abort()
            self._wait(at_most=_MOST_WAITING)

    def _wait(self, *, at_most: int) -> None:
        while len(self._keeping) > at_most:
            sha256, written = self._keeping.popleft()
            written.result()
            self._kept.append(sha256)


def _malformed(why: str) -> InvalidError:
    return InvalidError(
        "intake.parts-announced", f"The list of parts that the request begins with cannot be used: {why}."
    )
