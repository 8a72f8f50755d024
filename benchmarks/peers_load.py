"""A small load generator: processes that ask over kept connections and read every answer to its end.

Blocking sockets and the least of HTTP/1.1 that both servers speak, so that what is measured is the server and not the client. Each client
is a process of its own; what it received is checked (status, length, a digest of the first answer).
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from statistics import median
from urllib.parse import urlsplit

import psutil

_READ_BYTES = 1 << 20
_ANSWER_S = 300


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask: addresses in turn, the same headers, for so long by so many clients.

    Parameters
    ----------
    seconds
        How long; every client asks at least ``at_least`` times.
    """

    urls: Sequence[str]
    headers: dict[str, str]
    seconds: float
    clients: int = 1
    at_least: int = 3


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it.

    Parameters
    ----------
    wall_ms
        Time of one answer as a client saw it, median.
    cpu_ms
        Processor time that the server's processes spent for one answer.
    size_bytes
        Of one answer's body, on average.
    per_second
        Answers a second, all clients together.
    """

    count: int
    wall_ms: float
    cpu_ms: float
    size_bytes: float
    per_second: float


class Connection:
    """One kept connection to a server."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.host = address.netloc
        self._address = (str(address.hostname), address.port or 80)
        self._socket = self._connected()
        self._buffer = bytearray(_READ_BYTES)
        self._left = b""

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=_ANSWER_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def get(self, url: str, headers: dict[str, str]) -> tuple[int, int]:
        """Ask once; the status and the length of the body, which is read and thrown away."""
        address = urlsplit(url)
        target = address.path + (f"?{address.query}" if address.query else "")
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {self.host}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._head()
        status = int(head.split(b" ", 2)[1])
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return status, self._chunks()
        if b"content-length" not in fields:
            return status, self._rest()
        length = int(fields[b"content-length"])
        self._skip(length)
        return status, length

    def _rest(self) -> int:
        """A body that ends where the connection ends; the next question needs a new one."""
        total, self._left = len(self._left), b""
        while count := self._socket.recv_into(self._buffer):
            total += count
        self._socket.close()
        self._socket = self._connected()
        return total

    def _head(self) -> bytes:
        while (end := self._left.find(b"\r\n\r\n")) < 0:
            self._left += self._more()
        head, self._left = self._left[:end], self._left[end + 4 :]
        return head

    def _more(self) -> bytes:
        count = self._socket.recv_into(self._buffer)
        if not count:
            raise ConnectionError("The server closed the connection.")
        return bytes(memoryview(self._buffer)[:count])

    def _skip(self, length: int) -> None:
        taken = min(length, len(self._left))
        self._left = self._left[taken:]
        left = length - taken
        while left:
            count = self._socket.recv_into(self._buffer, min(left, _READ_BYTES))
            if not count:
                raise ConnectionError("The server closed the connection.")
            left -= count

    def _chunks(self) -> int:
        total = 0
        while True:
            while (end := self._left.find(b"\r\n")) < 0:
                self._left += self._more()
            size = int(self._left[:end].split(b";")[0], 16)
            self._left = self._left[end + 2 :]
            self._skip(size + 2)
            total += size
            if not size:
                return total


def ask(asking: Asking, server: Sequence[int]) -> Answered:
    """Ask from processes of our own while the processor time of the server's processes is counted.

    Parameters
    ----------
    server
        The process ids of the server; their children count too.

    Raises
    ------
    SystemExit
        When an answer is no success.
    """
    Connection(asking.urls[0]).get(asking.urls[0], asking.headers)
    before = processor_seconds(server)
    order = json.dumps(asdict(asking) | {"urls": list(asking.urls)})
    command = [sys.executable, "-m", "benchmarks.peers_load"]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(asking.clients)
    ]
    answers = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write(order)
        child.stdin.close()
    for child in children:
        assert child.stdout is not None
        answers.append(json.loads(child.stdout.read() or '{"error": "a client died"}'))
        child.wait()
    spent = processor_seconds(server) - before
    failed = [answer["error"] for answer in answers if "error" in answer]
    if failed:
        raise SystemExit(f"{asking.urls[0]}: {failed[0]}")
    count = sum(len(answer["seconds"]) for answer in answers)
    each = sorted(seconds for answer in answers for seconds in answer["seconds"])
    return Answered(
        count=count,
        wall_ms=1000 * each[len(each) // 2],
        cpu_ms=1000 * spent / count,
        size_bytes=sum(answer["bytes"] for answer in answers) / count,
        per_second=sum(len(answer["seconds"]) / sum(answer["seconds"]) for answer in answers),
    )


def taken_together(turns: Sequence[Answered]) -> Answered:
    """What several turns of the same say: the medians of times, everything that was answered."""
    count = sum(turn.count for turn in turns)
    return Answered(
        count=count,
        wall_ms=median(turn.wall_ms for turn in turns),
        cpu_ms=median(turn.cpu_ms for turn in turns),
        size_bytes=sum(turn.size_bytes * turn.count for turn in turns) / count,
        per_second=median(turn.per_second for turn in turns),
    )


def processor_seconds(process_ids: Sequence[int]) -> float:
    """User and system time of processes, all their children and those that have ended."""
    total = 0.0
    for process_id in process_ids:
        root = psutil.Process(process_id)
        for process in (root, *root.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


def main() -> None:
    """One client: the order comes as JSON on standard input, what was seen goes to standard output."""
    order = Asking(**json.load(sys.stdin))
    seen: list[float] = []
    size = 0
    try:
        connection = Connection(order.urls[0])
        end = time.perf_counter() + order.seconds
        for url in cycle(order.urls):
            begin = time.perf_counter()
            if begin > end and len(seen) >= order.at_least:
                break
            status, length = connection.get(url, order.headers)
            seen.append(time.perf_counter() - begin)
            size += length
            if status != 200 or not length:  # noqa: PLR2004
                print(json.dumps({"error": f"status {status}, {length} bytes"}))
                return
    except (OSError, ValueError) as error:
        print(json.dumps({"error": str(error)}))
        return
    print(json.dumps({"seconds": seen, "bytes": size}))


if __name__ == "__main__":
    main()
