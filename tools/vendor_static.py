"""Take the few browser files the portal serves from pinned npm packages into the source tree.

``python tools/vendor_static.py`` packs each package with the user's own npm, copies the listed files and licences to
``static/vendor`` and writes ``manifest.json``. ``--check`` changes nothing and fails when a vendored file no longer has
the digest that the manifest names; it needs neither npm nor a network.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "src/radcommons/server/portal/static/vendor"
SOURCE_MAP = re.compile(rb"\n?(//|/\*)# sourceMappingURL=[^\n*]*(\*/)?\s*$")


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned npm package and which of its files are kept, as (path in the package, file name here)."""

    folder: str
    name: str
    version: str
    licence: str
    integrity: str
    files: tuple[tuple[str, str], ...]


PACKAGES = (
    Package(
        "bootstrap",
        "bootstrap",
        "5.3.9",
        "MIT",
        "sha512-20cU0rcfw8WdxtVbmfU+xT2EjvVTw9Ror/h1Qvd7DXCujRg8OO9mdBCsmTHdJFf3BuadmBNJtgIuUXsBqSkk/w==",
        (("dist/css/bootstrap.min.css", "bootstrap.min.css"), ("LICENSE", "LICENSE")),
    ),
    Package(
        "htmx",
        "htmx.org",
        "4.0.1",
        "0BSD",
        "sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
        (("dist/htmx.min.js", "htmx.min.js"), ("LICENSE", "LICENSE")),
    ),
    Package(
        "echarts",
        "echarts",
        "6.1.0",
        "Apache-2.0",
        "sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA==",
        (
            ("dist/echarts.common.min.js", "echarts.common.min.js"),
            ("LICENSE", "LICENSE"),
            ("NOTICE", "NOTICE"),
            ("licenses/LICENSE-d3", "LICENSE-d3"),
        ),
    ),
    Package(
        "openseadragon",
        "openseadragon",
        "6.1.1",
        "BSD-3-Clause",
        "sha512-g4iKe2q8B642SaBT3+x4ZF3/8b1TxPPydyjmtrOLgDrlYWMKd9ZXM+1Cb/xa9DVySkvs/7l6HR1nHKfD5F3Tsw==",
        (("build/openseadragon/openseadragon.min.js", "openseadragon.min.js"), ("LICENSE.txt", "LICENSE")),
    ),
)


def sha512_of(data: bytes) -> str:
    """SHA-512 in the notation of package locks and of subresource integrity."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def pack(package: Package, folder: Path) -> Path:
    """Fetch the package's tarball with npm and hold it against the pinned digest."""
    command = ["npm", "pack", f"{package.name}@{package.version}", "--silent", "--pack-destination", str(folder)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1]
    tarball = folder / name
    found = sha512_of(tarball.read_bytes())
    if found != package.integrity:
        sys.exit(f"{package.name}@{package.version}: the tarball's digest is {found}, pinned is {package.integrity}")
    return tarball


def copy_files(package: Package, tarball: Path) -> dict[str, dict[str, str | int]]:
    """Copy the kept files without their source-map line: the maps are not shipped, so it would be a dead link."""
    listed: dict[str, dict[str, str | int]] = {}
    with tarfile.open(tarball) as archive:
        for inside, name in package.files:
            member = archive.extractfile(f"package/{inside}")
            if member is None:
                sys.exit(f"{package.name}: {inside} is not a file")
            data = SOURCE_MAP.sub(b"\n", member.read())
            target = VENDOR / package.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            listed[f"{package.folder}/{name}"] = {"sha512": sha512_of(data), "size_bytes": len(data), "from": inside}
    return listed


def vendor() -> None:
    """Fetch every package and write the manifest."""
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            files = copy_files(package, pack(package, Path(folder)))
            entries.append(
                {
                    "name": package.name,
                    "version": package.version,
                    "licence": package.licence,
                    "integrity": package.integrity,
                    "files": files,
                }
            )
            print(f"{package.name} {package.version}: {len(files)} files")
    text = json.dumps({"schema": "radcommons.vendor/1", "packages": entries}, indent=2) + "\n"
    (VENDOR / "manifest.json").write_text(text, encoding="utf-8")


def check() -> None:
    """Compare what lies in the tree with the manifest, both ways."""
    manifest = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
    listed = {path: facts for package in manifest["packages"] for path, facts in package["files"].items()}
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} - {"manifest.json"}
    wrong = sorted(present ^ set(listed))
    wrong += [
        path
        for path in sorted(present & set(listed))
        if sha512_of((VENDOR / path).read_bytes()) != listed[path]["sha512"]
    ]
    if wrong:
        sys.exit("not as the manifest says: " + ", ".join(wrong))
    print(f"{len(listed)} vendored files are as the manifest says")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="verify the vendored files, change nothing")
    if parser.parse_args().check:
        check()
    else:
        vendor()
