"""``radcommons download``, which verifies every byte, against ``s5cmd``, which does not, from the same S3 server.

    .venv/bin/python -m benchmarks.download              # 2,000 objects of 528 kB and one of 512 MB
    .venv/bin/python -m benchmarks.download --files 500 --rounds 1 --json

The S3 server is SeaweedFS on loopback, to which objects are sent in the pieces in which the archive sends them; the release's
documents come from a small server beside it, which presigns addresses as the centre does. Both programs are started as people
start them, in turns, each first every other time, and write to empty folders on the same disk; neither waits until the disk has what it wrote (no fsync).
What a turn wrote is emptied before the next, not removed: ext4 without a journal passes over every file that was removed in the
last minutes whenever it makes one. The server needs the same cores, so its processor time is told beside the program's.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import obstore
from benchmarks.measure import watched

from radcommons.apps import bootstrap

# A release is built by the centre's own code, which wants its settings; nothing is asked of a database.
os.environ.setdefault("RADCOMMONS_DATABASE_URL", "postgresql://nowhere/none")
bootstrap.setup()

from tests.support import seaweed  # noqa: E402
from tests.support.release_server import KEY, Handler, Repository, heading, release_rows  # noqa: E402

from radcommons.server.platform.objects.cloud import PART_BYTES  # noqa: E402
from radcommons.server.releases.folder import build  # noqa: E402
from radcommons.transfer.release.attestation import public_key_pem  # noqa: E402

FILE_BYTES = 527_700
PREFIX = "series/0123456789abcdef"
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Took:
    """One run of one program; ``server_cpu_s`` is what the S3 server needed for it."""

    seconds: float
    cpu_s: float
    server_cpu_s: float
    peak_mib: float
    size_bytes: int

    @property
    def mib_per_s(self) -> float:
        """Bytes that lie on the disk afterwards, a second."""
        return self.size_bytes / self.seconds / (1 << 20)


def main() -> None:
    """Fill the server, run both programs in turns, print the ratio."""
    parser = ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--large-mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.update(seaweed.environment())
    with TemporaryDirectory(prefix="radcommons-bench-") as folder:
        server = seaweed.Seaweed(Path(folder) / "weed")
        server.start()
        try:
            results = {
                "many files": _compared(Path(folder) / "many", server, [FILE_BYTES] * options.files, options),
                "one large file": _compared(Path(folder) / "large", server, [options.large_mib << 20], options),
            }
        finally:
            server.kill()
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, result in results.items():
        print(f"{name}: {result['ratio']:.2f} × s5cmd")
        for program in ("radcommons", "s5cmd"):
            run = result[program]
            print(
                f"  {program:<10} {run['seconds']:.2f} s, {run['mib_per_s']:.0f} MiB/s, "
                f"{run['cpu_s']:.2f} s of processor, the server {run['server_cpu_s']:.2f} s, peak {run['peak_mib']:.0f} MiB"
            )


def _compared(folder: Path, server: seaweed.Seaweed, sizes: list[int], options: object) -> dict[str, object]:
    folder.mkdir()
    release, digests = _released(folder / "release", server, sizes)
    bucket = server.bucket()
    handler = type("Presigning", (_Presigning,), {"repository": release, "bucket": bucket, "digests": digests})
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{web.server_port}"
    threads = str(getattr(options, "threads", 8))
    ours = ["radcommons", "download", "chest-ct@1.0.0", "{}", "--from", url, "--threads", threads, "--json"]
    place = f"s3://{seaweed.BUCKET}/{folder.name}/{PREFIX}/*"
    theirs = ["s5cmd", "--endpoint-url", server.endpoint, "cp", place, "{}/"]
    runs: dict[str, list[Took]] = {"radcommons": [], "s5cmd": []}
    environment = _as_installed(folder / "compiled")
    for number in range(getattr(options, "rounds", 5)):
        # Who comes second finds the disk and the memory as the other left them.
        for command in (theirs, ours) if number % 2 else (ours, theirs):
            turn = folder / "copies" / str(sum(map(len, runs.values())))
            runs[command[0]].append(_run(command, turn, sum(sizes), environment, server))
            _empty(turn)
    web.shutdown()
    shutil.rmtree(folder)
    middle = {name: sorted(each, key=lambda run: run.seconds)[len(each) // 2] for name, each in runs.items()}
    ratio = statistics.median(
        their.seconds / our.seconds for our, their in zip(runs["radcommons"], runs["s5cmd"], strict=True)
    )
    shown = {name: {**asdict(run), "mib_per_s": run.mib_per_s} for name, run in middle.items()}
    return {"ratio": ratio, "files": len(sizes), **shown}


def _released(folder: Path, server: seaweed.Seaweed, sizes: list[int]) -> tuple[Repository, frozenset[str]]:
    """A signed release of random files, and the files in the bucket."""
    bucket, rows, digests = server.bucket(), [], []
    folder.mkdir()

    def put(size: int) -> tuple[str, int]:
        aside = folder / f"{threading.get_ident()}.dcm"
        digest = hashlib.sha256()
        with aside.open("wb") as sink:
            for start in range(0, size, 1 << 20):
                piece = os.urandom(min(1 << 20, size - start))
                digest.update(piece)
                sink.write(piece)
        key = f"{folder.parent.name}/{PREFIX}/{digest.hexdigest()}.dcm"
        obstore.put(bucket, key, aside, chunk_size=PART_BYTES)
        aside.unlink()
        return digest.hexdigest(), size

    with ThreadPoolExecutor(4) as pool:
        for number, (sha256, size) in enumerate(pool.map(put, sizes)):
            (row,) = list(release_rows([b"x"]))
            rows.append({**row, "sop_instance_uid": f"2.25.3{number}", "sha256": sha256, "size_bytes": size})
            digests.append(sha256)
    from_rows = _salted(rows)
    build(folder / "core", heading(), from_rows, KEY)
    core = folder / "core"
    (core / "signing-key.pem").write_bytes(public_key_pem(KEY.public_key()))
    (core / "status.json").write_text(json.dumps({"records": []}))
    return Repository(core), frozenset(digests)


def _salted(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{**row, "leaf_salt": hashlib.sha256(str(row["sha256"]).encode()).digest()[:16]} for row in rows]


class _Presigning(Handler):
    """The release's documents, and addresses in the bucket."""

    bucket: obstore.store.S3Store
    digests: frozenset[str]
    # Head and body in one packet, as real servers send them.
    wbufsize = -1

    def do_POST(self) -> None:  # noqa: N802 - the name is the base class's
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["sha256"]
        folder = self.repository.folder.parent.parent.name
        keys = {sha256: f"{folder}/{PREFIX}/{sha256}.dcm" for sha256 in asked if sha256 in self.digests}
        signed = obstore.sign(self.bucket, "GET", list(keys.values()), expires_in=timedelta(minutes=15))
        found = dict(zip(keys, signed, strict=True))
        self.answer(200, json.dumps({"valid_s": 900, "addresses": found}).encode())

    def do_GET(self) -> None:  # noqa: N802 - the name is the base class's
        sha256 = self.path.rpartition("/")[2].removesuffix(".dcm")
        if sha256 in self.digests:
            key = f"{self.repository.folder.parent.parent.name}/{PREFIX}/{sha256}.dcm"
            place = obstore.sign(self.bucket, "GET", key, expires_in=timedelta(minutes=15))
            self.answer(307, b"", [("Location", place)])
            return
        super().do_GET()


def _as_installed(compiled: Path) -> dict[str, str]:
    """An environment in which the program's modules are compiled, as installing leaves them; those of a checkout may not be."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": str(compiled)}
    subprocess.run(
        [PROGRAMS / "radcommons", "download", "--help"], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return environment


def _run(command: list[str], copy: Path, size_bytes: int, environment: dict[str, str], server: seaweed.Seaweed) -> Took:
    copy.mkdir(parents=True)
    os.sync()
    before, began = server.cpu_s, time.perf_counter()
    arguments = [str(PROGRAMS / command[0]), *(word.format(copy) for word in command[1:])]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    with watched(process.pid) as span:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    if status:
        raise SystemExit((process.stderr.read() if process.stderr else b"").decode())
    found = sum(path.stat().st_size for path in copy.rglob("*.dcm"))
    if found != size_bytes:
        raise SystemExit(f"{command[0]} left {found} of {size_bytes} bytes.")
    used = usage.ru_utime + usage.ru_stime
    return Took(seconds, used, server.cpu_s - before, span.peak_bytes / (1 << 20), found)


def _empty(copy: Path) -> None:
    """Give back the room of what a turn wrote."""
    for path in copy.rglob("*.dcm"):
        os.truncate(path, 0)


if __name__ == "__main__":
    main()
