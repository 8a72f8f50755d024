"""The listener: a socket, a thread for each association, limits, and an end that loses nothing (PS3.8 9)."""

import contextlib
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.listen.association import Association, House, Rules
from radcommons.edge.listen.commitment import Committer
from radcommons.edge.listen.counts import Counts
from radcommons.edge.listen.folder import ReceivedFolder
from radcommons.edge.listen.negotiation import TOO_MANY

logger = logging.getLogger(__name__)

_BACKLOG = 128
_GRACE_S = 30.0
_TURNED_AWAY_TIMEOUT_S = 2.0
_TURNED_AWAY_AT_ONCE = 8
_HANDSHAKE_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """How to listen.

    Parameters
    ----------
    title
        Our own application entity title.
    bind, port
        The address; port 0 takes a free one.
    maximum_associations
        How many are served side by side; more are asked to come again.
    reserve_bytes
        Instances are refused when less than this is free on the disk.
    callers
        Where to call peers back with reports of storage commitment, by title.
    tls
        A TLS context for the server's side; ``None`` listens in plain.
    """

    title: str
    rules: Rules
    bind: str = "127.0.0.1"
    port: int = 11112
    maximum_associations: int = 32
    reserve_bytes: int = 1 << 30
    callers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None


class Listener:
    """A listener that is running; made by :func:`running`."""

    def __init__(self, root: Path, options: ListenOptions) -> None:
        self._socket = _bound(options)
        self.folder = ReceivedFolder(root, reserve_bytes=options.reserve_bytes)
        self.counts = Counts()
        self._options = options
        self._committer = Committer(self.folder, title=options.title, peers=options.callers)
        self._house = House(self.folder, options.rules, self._committer, self.counts)
        self._lock = threading.Lock()
        self._associations: dict[Association, threading.Thread] = {}
        self._turning_away = threading.BoundedSemaphore(_TURNED_AWAY_AT_ONCE)
        self._is_stopping = False
        self._thread = threading.Thread(target=self._accept, name="listen", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def active(self) -> int:
        """How many associations are served at the moment."""
        return len(self._associations)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """Accept nobody any more, let instances on their way be stored, then end what is left."""
        self._is_stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._committer.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._end_all(grace_s)

    def close(self) -> None:
        """Let go of the port and the index."""
        self._socket.close()
        self.folder.close()

    def _end_all(self, grace_s: float) -> None:
        with self._lock:
            running = dict(self._associations)
        deadline = time.monotonic() + grace_s
        for association in running:
            association.end()
        for association, thread in running.items():
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                association.cut()
                thread.join(timeout=1.0)

    def _accept(self) -> None:
        while not self._is_stopping:
            try:
                connection, address = self._socket.accept()
            except OSError:
                if self._is_stopping:
                    return
                # Too many open files, most likely: those that are open will end.
                logger.warning("a connection could not be accepted")
                time.sleep(0.1)
                continue
            self._admit(connection, _numeric(address))

    def _admit(self, connection: socket.socket, address: str) -> None:
        with self._lock:
            is_room = len(self._associations) < self._options.maximum_associations
        if not is_room or not self._options.rules.admission.may_connect(address):
            self.counts.add(turned_away=1)
            self._turn_away(connection, is_told=not is_room and self._options.tls is None)
            return
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            secured = self._secured(connection)
        except OSError:
            connection.close()
            return
        association = Association(secured, address, self._house)
        thread = threading.Thread(target=self._serve, args=(association, secured), name="association", daemon=True)
        with self._lock:
            self._associations[association] = thread
        thread.start()

    def _turn_away(self, connection: socket.socket, *, is_told: bool) -> None:
        """Close a connection; one that came at a bad time is told to come again, unless there are many of them."""
        if not is_told or not self._turning_away.acquire(blocking=False):
            connection.close()
            return
        threading.Thread(target=self._tell_to_come_again, args=(connection,), name="turn-away", daemon=True).start()

    def _tell_to_come_again(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_TURNED_AWAY_TIMEOUT_S)
                connection.recv(1 << 16)
                connection.sendall(TOO_MANY)
        finally:
            self._turning_away.release()

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._options.tls is None:
            return connection
        connection.settimeout(_HANDSHAKE_TIMEOUT_S)
        # The handshake happens with the first read, in the thread of the association.
        return self._options.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def _serve(self, association: Association, connection: socket.socket) -> None:
        try:
            association.serve()
        finally:
            connection.close()
            with contextlib.suppress(OSError):
                self.folder.settle()
            with self._lock:
                del self._associations[association]


@contextmanager
def running(root: Path, options: ListenOptions) -> Iterator[Listener]:
    """Listen until the block ends.

    Raises
    ------
    RadCommonsError
        ``edge.busy`` when another listener has the folder, ``edge.port-taken`` when the address cannot be had.
    """
    listener = Listener(root, options)
    try:
        with listener.folder.held():
            listener.start()
            try:
                yield listener
            finally:
                listener.stop()
    finally:
        listener.close()


def _bound(options: ListenOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.bind else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((options.bind, options.port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        message = (
            "The address cannot be listened on: another program has the port, or this machine has no such address."
        )
        raise RadCommonsError(Kind.UNAVAILABLE, "edge.port-taken", message) from error
    return bound


def _numeric(address: tuple[object, ...]) -> str:
    """The peer's address, an IPv4 one as such even on a socket for both families."""
    found = ipaddress.ip_address(str(address[0]).partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
