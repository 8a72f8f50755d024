"""Installing OHIF: what is refused, what is changed, what is left."""

import gzip
import hashlib
import io
import json
import re
import tarfile
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner

from radcommons.dicom.errors import Kind
from radcommons.server.portal.viewer import ohif
from radcommons.server.portal.viewer.commands import viewer
from radcommons.server.portal.viewer.errors import ViewerInstallError

PAGE = (
    '<html><head><script>window.PUBLIC_URL="/"</script><link rel="manifest" href="/manifest.json">'
    '<script rel="preload" type="module" src="/init-service-worker.js"></script><script src="/app-config.js"></script>'
    '<script>window.PUBLIC_URL="/"</script><link href="/app.bundle.css" rel="stylesheet"></head></html>'
)
FILES = {
    "dist/index.html": PAGE,
    "dist/app.bundle.0123456789abcdef.js": '__webpack_require__.p = "/";\n' + "// filler\n" * 200,
    "dist/app.bundle.css": "a{src:url(/0123456789abcdef.woff2)}",
    "dist/app-config.js": "window.config = {};",
    "dist/sw.js": "",
    "dist/app.bundle.js.map": "{}",
    "dist/ort/ort.wasm": "x",
    "LICENSE": "MIT",
}
CHANGES = (
    ohif.Change("*.js", r'__webpack_require__\.p = "/"', '__webpack_require__.p = "/viewer/"', count=1, files=1),
    ohif.Change("index.html", r'<script [^>]*src="/init-service-worker\.js"></script>', "", count=1, files=1),
    ohif.Change("index.html", r'window\.PUBLIC_URL="/"', 'window.PUBLIC_URL="/viewer/"', count=2, files=1),
    ohif.Change("index.html", r'(href|src|content)="/', r'\1="/viewer/', count=3, files=1),
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package of the same shape, whose digest and changes stand in for the real ones."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(ohif, "INTEGRITY", f"sha512-{digest}")
    monkeypatch.setattr(ohif, "CHANGES", CHANGES)
    return path


def test_an_installation_is_moved_slimmed_and_compressed(package: Path, tmp_path: Path) -> None:
    place = tmp_path / "viewer"
    installation = ohif.install(place, tarball=package)
    dist = ohif.files_folder(place)
    assert sorted(path.name for path in dist.iterdir()) == [
        "app.bundle.0123456789abcdef.js",
        "app.bundle.0123456789abcdef.js.gz",
        "app.bundle.css",
        "index.html",
    ]
    assert 'src="/' not in (dist / "index.html").read_text().replace('src="/viewer/', "")
    script = dist / "app.bundle.0123456789abcdef.js"
    assert gzip.decompress(script.with_name(script.name + ".gz").read_bytes()) == script.read_bytes()
    assert installation.files == 3
    assert ohif.installed(place) == installation
    assert (place / "LICENSE").read_text() == "MIT"


def test_inline_scripts_are_named_by_their_hash_as_browsers_compute_it(package: Path, tmp_path: Path) -> None:
    installation = ohif.install(tmp_path / "viewer", tarball=package)
    digest = hashlib.sha256(b'window.PUBLIC_URL="/viewer/"').digest()
    assert installation.script_hashes == ("sha256-" + b64encode(digest).decode(),)


def test_another_package_is_refused_and_nothing_is_left_behind(package: Path, tmp_path: Path) -> None:
    package.write_bytes(package.read_bytes() + b"\0")
    with pytest.raises(ViewerInstallError) as refusal:
        ohif.install(tmp_path / "viewer", tarball=package)
    assert refusal.value.code == "viewer.digest-mismatch"
    assert list(tmp_path.iterdir()) == [package]


def test_a_package_with_other_contents_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ohif, "CHANGES", (*CHANGES, ohif.Change("*.css", "nowhere", "", count=1, files=1)))
    with pytest.raises(ViewerInstallError) as refusal:
        ohif.install(tmp_path / "viewer", tarball=package)
    assert refusal.value.code == "viewer.unexpected-files"
    assert not (tmp_path / "viewer").exists()


def test_a_refused_upgrade_keeps_what_was_there(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "viewer"
    before = ohif.install(place, tarball=package)
    monkeypatch.setattr(ohif, "INTEGRITY", "sha512-other")
    with pytest.raises(ViewerInstallError):
        ohif.install(place, tarball=package)
    assert ohif.installed(place) == before


def test_without_npm_the_refusal_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ViewerInstallError) as refusal:
        ohif.install(tmp_path / "viewer")
    assert refusal.value.kind is Kind.UNAVAILABLE
    assert "--from" in refusal.value.message


def test_a_directory_without_the_served_version_counts_as_not_installed(package: Path, tmp_path: Path) -> None:
    place = tmp_path / "viewer"
    assert ohif.installed(place) is None
    ohif.install(place, tarball=package)
    record = json.loads((place / ohif.RECORD).read_text())
    (place / ohif.RECORD).write_text(json.dumps(record | {"version": "0.0.1"}))
    assert ohif.installed(place) is None


def test_the_commands_install_once_and_tell_the_status(package: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "viewer")
    runner = CliRunner()
    missing = runner.invoke(viewer, ["status", "--dir", place])
    assert isinstance(missing.exception, ViewerInstallError)
    done = runner.invoke(viewer, ["install", "--dir", place, "--from", str(package), "--json"])
    assert json.loads(done.stdout)["version"] == ohif.VERSION
    again = runner.invoke(viewer, ["install", "--dir", place])
    assert again.output == f"OHIF {ohif.VERSION} is installed: 3 files, 0 MB.\n"
    assert runner.invoke(viewer, ["status", "--dir", place]).exit_code == 0


def test_the_real_installation_has_no_address_outside_the_viewer(ohif_directory: Path) -> None:
    dist = ohif.files_folder(ohif_directory)
    page = (dist / "index.html").read_text()
    assert re.findall(r'(?:href|src|content)="/(?!viewer/)', page) == []
    for path in dist.glob("*.js"):
        assert '__webpack_require__.p = "/"' not in path.read_text(encoding="utf-8")
    assert not (dist / "sw.js").exists()
    assert not (dist / "ort").exists()
