"""A small repository over real HTTP on loopback, serving a real release, which can be told to misbehave."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from radcommons.server.releases.documents import VersionNote
from radcommons.server.releases.folder import Heading
from radcommons.server.releases.tables import manifest_row
from radcommons.transfer.release.merkle import derive_salt

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SALT_KEY = b"salt key of the tests"


def heading(version="1.0.0"):
    return Heading(
        slug="chest-ct",
        version=version,
        title="Chest CT of the tests",
        description="Nothing but random bytes.",
        licence="CC-BY-4.0",
        creators=("The test hospital",),
        publisher="Test repository",
        parent=None,
        notes=(VersionNote(version, "First."),),
    )


def release_rows(contents, version="1.0.0"):
    """Two subjects, the first with CT, the second with CR; one row per content."""
    for number, content in enumerate(contents):
        subject = number % 2
        row = {
            "subject_key": subject,
            "subject_id": f"S-{subject}",
            "project": "covid19",
            "site_code": "ALPHA",
            "covid19_status": "positive" if subject else "negative",
            "study_instance_uid": f"2.25.1{subject}",
            "study_date": "2003-05-04",
            "study_description": "CHEST",
            "patient_sex": "F",
            "patient_age_years": 50.0 + subject,
            "series_instance_uid": f"2.25.2{subject}",
            "modality": "CR" if subject else "CT",
            "sop_instance_uid": f"2.25.3{number}",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
        }
        row["leaf_salt"] = derive_salt(SALT_KEY, f"chest-ct@{version}", manifest_row(row).canonical())
        yield row


class Repository:
    """What the server serves, and how it misbehaves: path → list of faults, one used up per request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: dict[str, list[Callable]] = {}
        self.requests: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.versions = {"latest": "1.0.0", "1.0.0": "1.0.0"}
        self.url = ""
        # Digests to presigned addresses, for a repository with a bucket.
        self.addresses: dict[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    repository: Repository

    def log_message(self, *_):
        return

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        repository = self.repository
        repository.requests[self.path] += 1
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["sha256"]
        found = {sha256: repository.addresses[sha256] for sha256 in asked if sha256 in repository.addresses}
        self.answer(200, json.dumps({"valid_s": 900, "addresses": found}).encode())

    def do_GET(self):
        repository = self.repository
        repository.requests[self.path] += 1
        for pattern, faults in repository.faults.items():
            if faults and re.search(pattern, self.path):
                faults.pop(0)(self)
                return
        match = re.fullmatch(r"/api/v1/releases/chest-ct/([^/]+)", self.path)
        if match:
            version = repository.versions.get(match[1])
            if version is None:
                self.answer(404, b'{"code":"platform.not-found","message":"No such release."}')
                return
            self.answer(200, json.dumps({"slug": "chest-ct", "version": version}).encode())
            return
        path = repository.folder / self.path.removeprefix("/files/releases/chest-ct/1.0.0/")
        if not path.is_file():
            self.answer(404, b"<html>not here</html>")
            return
        data = path.read_bytes()
        asked = self.headers.get("Range")
        if asked:
            repository.ranges.append(asked)
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = int(first), int(last or len(data) - 1)
            self.answer(206, data[start : end + 1], [("Content-Range", f"bytes {start}-{end}/{len(data)}")])
            return
        self.answer(200, data)


def cut_after(number):
    """The connection dies in the middle of the body."""

    def fault(handler):
        path = handler.repository.folder / handler.path.removeprefix("/files/releases/chest-ct/1.0.0/")
        data = path.read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:number])
        handler.wfile.flush()
        handler.close_connection = True

    return fault


def status(number, body=b"<html>busy</html>", headers=()):
    """An answer with another status."""
    return lambda handler: handler.answer(number, body, headers)


def body(data):
    """Another body with status 200."""
    return lambda handler: handler.answer(200, data)
