"""Install the OHIF viewer's prebuilt files so that they can be served at ``/viewer/``.

The npm package is built to live at the root of a host. Its bundle is not minified, so a handful of text replacements
move it, and their exact number is pinned: a package that differs in any of them is refused instead of half working.
Needs neither Django nor the server's settings: ``python -m radcommons.server.portal.viewer.ohif DIRECTORY``.
"""

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.portal.viewer.errors import ViewerInstallError

PACKAGE = "@ohif/app"
VERSION = "3.13.2"
INTEGRITY = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
PUBLIC_PATH = "/viewer/"
RECORD = "installed.json"
RECORD_SCHEMA = "radcommons.ohif/1"
DEAD_FOLDERS = ("ort",)
# Source maps, the service worker (it names an outside host), other people's sign-in, hosting files of other platforms,
# and the shipped configuration, which points at a public demonstration server.
DEAD_FILES = (
    "*.map",
    "sw.js",
    "init-service-worker.js",
    "google.js",
    "oidc-client.min.js",
    "silent-refresh.html",
    "polyfill.min.js",
    "es6-shim.min.js",
    "_headers",
    "_redirects",
    "serve.json",
    "app-config.js",
    "manifest.json",
    "assets/apple-touch-startup-image-*",
)
COMPRESSED_SUFFIXES = frozenset({".js", ".css", ".wasm", ".html", ".json", ".jsonc", ".svg"})
COMPRESSED_FROM_BYTES = 1024
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of replacement: in the files that match ``glob``, ``count`` times over all of them."""

    glob: str
    pattern: str
    replacement: str
    count: int
    files: int


CHANGES = (
    Change("*.js", r'__webpack_require__\.p = "/"', f'__webpack_require__.p = "{PUBLIC_PATH}"', count=8, files=8),
    Change(
        "app.bundle.*.js",
        r"browserImportFunction\('/dicom-microscopy-viewer/",
        f"browserImportFunction('{PUBLIC_PATH}dicom-microscopy-viewer/",
        count=1,
        files=1,
    ),
    Change("app.bundle.css", r"url\(/(?=[0-9a-f]{16}\.)", f"url({PUBLIC_PATH}", count=5, files=1),
    # First what would lead to files that are not kept, then every address that is left.
    Change("index.html", r'<script [^>]*src="/init-service-worker\.js"></script>', "", count=1, files=1),
    Change("index.html", r'<link rel="(?:manifest|apple-touch-startup-image)"[^>]*>', "", count=11, files=1),
    Change("index.html", r'window\.PUBLIC_URL="/"', f'window.PUBLIC_URL="{PUBLIC_PATH}"', count=2, files=1),
    Change("index.html", r'(href|src|content)="/', rf'\1="{PUBLIC_PATH}', count=21, files=1),
)


@dataclass(frozen=True, slots=True)
class Installation:
    """An installed viewer.

    Parameters
    ----------
    version
        Of the npm package.
    files
        How many files there are to serve, compressed copies not counted.
    size_bytes
        Of these files.
    script_hashes
        ``sha256-…`` of each inline script of the page, for its content security policy.
    """

    version: str
    files: int
    size_bytes: int
    script_hashes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The record kept beside the files and shown by ``--json``."""
        return {
            "schema": RECORD_SCHEMA,
            "package": PACKAGE,
            "version": self.version,
            "integrity": INTEGRITY,
            "files": self.files,
            "size_bytes": self.size_bytes,
            "script_hashes": list(self.script_hashes),
        }


def files_folder(directory: Path) -> Path:
    """Where the files to serve lie inside an installation."""
    return directory / "dist"


def installed(directory: Path) -> Installation | None:
    """The installation in a directory; None when there is none of the version that is served."""
    try:
        record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record.get("schema") != RECORD_SCHEMA or record.get("version") != VERSION:
        return None
    if not (files_folder(directory) / "index.html").is_file():
        return None
    return Installation(record["version"], record["files"], record["size_bytes"], tuple(record["script_hashes"]))


def install(
    directory: Path, *, tarball: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> Installation:
    """Fetch, verify, unpack, slim, move and compress the viewer; replaces what is in ``directory`` only at the end.

    Parameters
    ----------
    directory
        Where the viewer will lie.
    tarball
        The package when it was fetched elsewhere, for machines without npm or without a network.
    progress
        Told each step in a few words.

    Raises
    ------
    ViewerInstallError
        When npm is missing or fails, the digest differs, or the package does not hold what is expected.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".ohif-") as scratch:
        work = Path(scratch)
        if tarball is None:
            progress(f"fetching {PACKAGE} {VERSION}")
            tarball = _fetch(work)
        progress("checking its digest")
        _verify(tarball)
        progress("unpacking")
        fresh = work / "fresh"
        _unpack(tarball, fresh)
        _drop_dead_weight(files_folder(fresh))
        progress(f"moving it to {PUBLIC_PATH}")
        change_files(files_folder(fresh), CHANGES)
        progress("compressing")
        installation = _record(fresh)
        _swap(fresh, directory, work / "old")
    return installation


def change_files(folder: Path, changes: Iterable[Change]) -> None:
    """Apply text replacements, each exactly as often as it says.

    Raises
    ------
    ViewerInstallError
        When a count differs: the package changed and the changes must be examined again.
    """
    for change in changes:
        counts = [_replace(path, change) for path in sorted(folder.glob(change.glob))]
        found = (sum(counts), sum(1 for count in counts if count))
        if found != (change.count, change.files):
            raise ViewerInstallError(
                Kind.INVALID,
                "unexpected-files",
                f"The viewer's files differ from the examined ones: {change.glob} needs {change.count} replacements in "
                f"{change.files} files and {found[0]} in {found[1]} were found.",
                pattern=change.pattern,
            )


def script_hashes(page: str) -> tuple[str, ...]:
    """Content-security-policy hashes of the inline scripts of a page, in order, without repeats."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(page))
    return tuple(dict.fromkeys("sha256-" + base64.b64encode(digest).decode() for digest in hashes))


def _fetch(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise ViewerInstallError(
            Kind.UNAVAILABLE,
            "npm-missing",
            "npm is needed once, to fetch the OHIF viewer, and is not on the PATH. Install Node.js, or fetch the package "
            f"{PACKAGE}@{VERSION} with npm pack on another machine and pass the file with --from.",
        )
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ViewerInstallError(
            Kind.UNAVAILABLE,
            "fetch-failed",
            "npm could not fetch the OHIF viewer. Check that this machine reaches its npm registry, then try again.",
        ) from error
    return folder / done.stdout.strip().splitlines()[-1]


def _verify(tarball: Path) -> None:
    with tarball.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").digest()
    if "sha512-" + base64.b64encode(digest).decode() != INTEGRITY:
        raise ViewerInstallError(
            Kind.INVALID,
            "digest-mismatch",
            f"The package is not the examined {PACKAGE} {VERSION}: its SHA-512 differs. Nothing was installed.",
        )


def _unpack(tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        members = [member for member in archive.getmembers() if _is_kept(member.name)]
        archive.extractall(folder, members=members, filter="data")
    package = folder / "package"
    shutil.move(package / "dist", files_folder(folder))
    shutil.move(package / "LICENSE", folder / "LICENSE")
    shutil.rmtree(package)


def _is_kept(name: str) -> bool:
    return name == "package/LICENSE" or (
        name.startswith("package/dist/")
        and not name.endswith(".map")
        and not name.startswith(tuple(f"package/dist/{folder}/" for folder in DEAD_FOLDERS))
    )


def _drop_dead_weight(folder: Path) -> None:
    for pattern in DEAD_FILES:
        for path in folder.glob(pattern):
            path.unlink()


def _replace(path: Path, change: Change) -> int:
    text, count = re.subn(change.pattern, change.replacement, path.read_text(encoding="utf-8"))
    if count:
        path.write_text(text, encoding="utf-8")
    return count


def _record(folder: Path) -> Installation:
    paths = [path for path in files_folder(folder).rglob("*") if path.is_file()]
    page = (files_folder(folder) / "index.html").read_text(encoding="utf-8")
    size_bytes = sum(path.stat().st_size for path in paths)
    for path in paths:
        _compress(path)
    installation = Installation(VERSION, len(paths), size_bytes, script_hashes(page))
    (folder / RECORD).write_text(json.dumps(installation.to_json(), indent=2) + "\n", encoding="utf-8")
    return installation


def _compress(path: Path) -> None:
    if path.suffix not in COMPRESSED_SUFFIXES or path.stat().st_size < COMPRESSED_FROM_BYTES:
        return
    data = path.read_bytes()
    compressed = gzip.compress(data, compresslevel=6, mtime=0)
    if len(compressed) < len(data):
        path.with_name(path.name + ".gz").write_bytes(compressed)


def _swap(fresh: Path, directory: Path, old: Path) -> None:
    if directory.exists():
        directory.rename(old)
    fresh.rename(directory)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--from", "tarball", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A package fetched before."
)
def main(directory: Path, tarball: Path | None) -> None:
    """Install the OHIF viewer into DIRECTORY unless this version is already there."""
    if installed(directory) is not None:
        click.echo(f"OHIF {VERSION} is installed.")
        return
    try:
        install(directory, tarball=tarball, progress=lambda step: click.echo(f"OHIF: {step} …"))
    except RadCommonsError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"OHIF {VERSION} is installed.")


if __name__ == "__main__":
    main()
