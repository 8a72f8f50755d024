"""A real S3 server for the tests: SeaweedFS from its wheel, on loopback, with a data folder of its own.

One server serves a whole session; a test that stops or kills its server starts one for itself.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import obstore
import psutil
from obstore.exceptions import BaseError
from obstore.store import S3Store

ACCESS_KEY, SECRET_KEY = "radcommonstests", "a-secret-of-the-tests"
BUCKET, PUBLIC_BUCKET = "archive", "public"
_PROGRAM = Path(sys.executable).with_name("weed")
_SERVICES = ("master", "volume", "filer", "s3")
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 10


class Seaweed:
    """One server: master, volume, filer and S3 gateway in one process, known by its process id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = _free_ports(2 * len(_SERVICES))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where the S3 gateway answers."""
        return f"http://127.0.0.1:{self._ports[_SERVICES.index('s3')]}"

    def url(self, prefix: str = "") -> str:
        """The address of a folder in the bucket, as ``RADCOMMONS_OBJECTS_URL`` takes it."""
        return f"s3://{BUCKET}/{prefix}?endpoint={quote(self.endpoint, safe='')}"

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time that it has used."""
        assert self._process is not None
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def start(self) -> None:
        """Start, or start again on the same ports and data, and wait until an object can be written and read."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        config = self.folder / "s3.json"
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        everybody = {"name": "anonymous", "actions": [f"{verb}:{PUBLIC_BUCKET}" for verb in ("Read", "List", "Write")]}
        identities = [{"name": "tests", "credentials": keys, "actions": ["Admin"]}, everybody]
        config.write_text(json.dumps({"identities": identities}))
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # A test run that is killed takes its server along.
                ["setpriv", "--pdeathsig", "KILL", str(_PROGRAM), *_arguments(self.folder, self._ports)],
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        """Ask it to stop; a server that does not is killed by its id."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9: what a power cut does to it."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Make it hang: connections are taken, nothing is answered."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        state = Path(f"/proc/{self._process.pid}/stat")
        while state.read_text().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.01)

    def resume(self) -> None:
        """Go on after a pause."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def bucket(self) -> S3Store:
        """The bucket itself, to look at what is really there."""
        return bucket_at(self.endpoint)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        store = bucket_at(self.endpoint)
        while True:
            try:
                obstore.put(store, "ready", b"ready")
                if bytes(obstore.get(store, "ready").bytes()) == b"ready":
                    return
            except (BaseError, OSError):
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.kill(process.pid, number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def environment() -> dict[str, str]:
    """The variables with which a program reaches the server's bucket."""
    return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}


def bucket_at(endpoint: str, name: str = BUCKET) -> S3Store:
    """A bucket of a server, to look at what is really there, and to put something there."""
    return S3Store(
        name,
        endpoint=endpoint,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )


def _arguments(folder: Path, ports: list[int]) -> list[str]:
    http, grpc = ports[: len(_SERVICES)], ports[len(_SERVICES) :]
    numbers = [f"-{name}.port={port}" for name, port in zip(_SERVICES, http, strict=True)]
    numbers += [f"-{name}.port.grpc={port}" for name, port in zip(_SERVICES, grpc, strict=True)]
    return [
        "server",
        "-s3",
        "-filer",
        "-s3.iam=false",
        f"-s3.config={folder / 's3.json'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-volume.max=50",
        "-volume.preStopSeconds=0",
        "-master.volumeSizeLimitMB=512",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={folder / 's3.sock'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        *numbers,
    ]


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
