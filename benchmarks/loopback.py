"""The barest HTTP server there is here: the same bytes for every request. The baseline of everything that answers requests."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from benchmarks.programs import free_port


def serve(body: bytes, port: int) -> None:
    """Answer every request with ``body`` until killed."""
    import uvicorn  # noqa: PLC0415  the measuring side never needs it

    async def answer(scope: dict, receive: Callable, send: Callable) -> None:  # noqa: ARG001
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(answer, port=port, log_level="error", access_log=False, lifespan="off")


@contextmanager
def running(body_file: Path) -> Iterator[str]:
    """Run the server in a process of its own and yield its address."""
    port = free_port()
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.loopback", str(body_file), str(port)])
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(url)
        yield url
    finally:
        child.terminate()
        child.wait(timeout=10)


def wait_for(url: str, *, timeout_s: float = 90, process_id: int | None = None) -> None:
    """Wait until an address answers, or give up at once when the process that should answer has ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            if process_id is not None and psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE:
                raise SystemExit("The server ended before it answered; its log says why.") from None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def ask(urls: list[str], *, accept: str, threads: int = 4) -> tuple[float, int]:
    """Get all addresses, several at once over kept connections; returns seconds and bytes received."""
    with httpx.Client(headers={"Accept": accept}, timeout=60, limits=httpx.Limits(max_connections=threads)) as client:

        def get(url: str) -> int:
            answer = client.get(url)
            answer.raise_for_status()
            return len(answer.content)

        get(urls[0])
        begin = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            received = sum(pool.map(get, urls))
        return time.perf_counter() - begin, received


if __name__ == "__main__":
    serve(Path(sys.argv[1]).read_bytes(), int(sys.argv[2]))
