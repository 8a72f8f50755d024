"""Debian's Orthanc with its DICOMweb plug-in, as another server to speak with."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
STARTED_WITHIN_S = 60


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    url: str
    dicom_port: int
    title: str = "ORTHANC"

    @property
    def dicomweb(self) -> str:
        """Its DICOMweb root."""
        return f"{self.url}/dicom-web"

    def put(self, path: Path) -> None:
        """Store a file."""
        httpx.post(f"{self.url}/instances", content=path.read_bytes(), timeout=60).raise_for_status()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_orthanc(folder: Path, **settings: object) -> Iterator[Orthanc]:
    """Start a server of our own on free ports, with an empty store below ``folder``; end it by its process."""
    http, dicom, name = free_port(), free_port(), f"radcommons-{os.getpid()}-{time.monotonic_ns()}"
    configuration = {
        "Name": name,
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowMove": True,
        "Plugins": [str(PLUGIN)],
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration), "utf-8")
    with (folder / "orthanc.log").open("wb") as log:
        environment = os.environ | {"TCP_NODELAY": "1"}
        child = subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        try:
            _wait_for(f"http://127.0.0.1:{http}/system", name, child)
            yield Orthanc(f"http://127.0.0.1:{http}", dicom)
        finally:
            child.terminate()
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _wait_for(url: str, name: str, child: subprocess.Popen[bytes]) -> None:
    """Wait until the server that answers is the one started here."""
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx.get(url, timeout=2).json().get("Name") == name:
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.1)
    raise RuntimeError("Orthanc did not start; see orthanc.log.")
