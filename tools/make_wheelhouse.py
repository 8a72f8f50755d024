"""Put everything a hospital's machine needs into one folder, to be carried there without a network.

``python -m tools.make_wheelhouse FOLDER`` downloads the pinned wheels of the hospital's part, with the text recogniser,
builds the wheel of RadCommons itself, and writes ``requirements.txt`` with the digest of every file. ``--check`` then
installs from the folder alone into a fresh environment and looks whether the commands and the recogniser work.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import requires
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
PACKAGE = "radcommons"
# The recogniser asks for the OpenCV build with windows, which needs a display library; the headless one serves.
REPLACED = frozenset({"opencv-python"})
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")


def closure(extras: Iterable[str]) -> tuple[str, ...]:
    """Every package that RadCommons with some extras needs on this platform, as the installed metadata says."""
    found: set[str] = set()
    waiting = [(PACKAGE, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for requirement in _requirements(name, wanted):
            needed = canonicalize_name(requirement.name)
            if needed not in REPLACED:
                found.add(needed)
                waiting.append((needed, frozenset(requirement.extras)))
    return tuple(sorted(found))


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    for line in _own(extras) if name == PACKAGE else requires(name) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            yield requirement


def _own(extras: frozenset[str]) -> list[str]:
    """What pyproject.toml asks for; the metadata of an editable installation may be older."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]


def pins(lock: str) -> dict[str, str]:
    """The locked packages: name to its lines with version, marker and digests, for each version that is locked."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines():
        match = _PIN.match(line)
        if match is not None:
            name = canonicalize_name(match[1])
            found[name] = f"{found[name]}\n{line}" if name in found else line
        elif line.startswith(" ") and name:
            found[name] += "\n" + line
    return found


def requirements(names: Iterable[str], locked: Mapping[str, str]) -> str:
    """Pinned requirements of some packages, with the digests of the lock.

    Raises
    ------
    SystemExit
        When the lock lacks one.
    """
    lacking = [name for name in names if name not in locked]
    if lacking:
        raise SystemExit(f"requirements.lock lacks {', '.join(lacking)}.")
    return "".join(f"{locked[name]}\n" for name in names)


def make(folder: Path, *, extras: tuple[str, ...], options: tuple[str, ...] = ()) -> None:
    """Fill the folder; ``options`` go to ``pip download``, such as ``--platform`` for another machine."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "requirements.txt"
    listed.write_text(requirements(closure(extras), pins(LOCK.read_text("utf-8"))), "utf-8")
    only = ("--only-binary", ":all:", "--no-deps", "--require-hashes")
    _pip("download", *only, *options, "--dest", str(folder), "--requirement", str(listed))
    for old in folder.glob(f"{PACKAGE}-*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob(f"{PACKAGE}-*.whl")
    digest, version = hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.name.split("-")[1]
    with listed.open("a", encoding="utf-8") as stream:
        stream.write(f"{PACKAGE}=={version} \\\n    --hash=sha256:{digest}\n")


def check(folder: Path, *, has_recogniser: bool) -> None:
    """Install from the folder alone, as a hospital does, and use what was installed."""
    with tempfile.TemporaryDirectory() as aside:
        environment = Path(aside) / "radcommons"
        venv.create(environment, with_pip=True)
        binaries = environment / "bin"
        install = ("install", "--quiet", "--no-index", "--no-deps", "--find-links", str(folder), "--require-hashes")
        _run(str(binaries / "pip"), *install, "--requirement", str(folder / "requirements.txt"))
        home, out = str(Path(aside) / "home"), str(Path(aside) / "out")
        (slice_of_pydicom,) = environment.glob("lib/*/site-packages/pydicom/data/test_files/CT_small.dcm")
        for words in (
            ("init", "--site", "ALPHA", "--project", "covid19"),
            ("scan", str(slice_of_pydicom)),
            ("deidentify", str(slice_of_pydicom), out),
            ("verify", out),
        ):
            _run(str(binaries / PACKAGE), "edge", *words, "--home", home)
        if has_recogniser:
            _run(str(binaries / "python"), "-c", "import rapidocr_onnxruntime as r; r.RapidOCR()")


def _pip(*words: str) -> None:
    _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words)


def _run(*words: str) -> None:
    if subprocess.run(words, cwd=ROOT, check=False).returncode:
        raise SystemExit(f"This failed: {' '.join(words)}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("wheelhouse"))
@click.option("--extra", "extras", multiple=True, default=("ocr",), show_default=True, help="An extra to bring along.")
@click.option(
    "--pip", "options", multiple=True, help="A word for pip download, such as --platform=manylinux_2_28_x86_64."
)
@click.option("--check", "is_checked", is_flag=True, help="Install from the folder alone and see that it works.")
def main(folder: Path, extras: tuple[str, ...], options: tuple[str, ...], *, is_checked: bool) -> None:
    """Fill FOLDER with what a hospital installs without a network."""
    make(folder.resolve(), extras=extras, options=options)
    if is_checked:
        check(folder.resolve(), has_recogniser="ocr" in extras)
    wheels = list(folder.glob("*.whl"))
    size = sum(each.stat().st_size for each in wheels) / 2**20
    click.echo(f"{len(wheels)} wheels, {size:.0f} MiB, in {folder}.")


if __name__ == "__main__":
    main()
