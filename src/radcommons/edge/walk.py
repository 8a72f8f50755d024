"""What lies in a folder: files with size and time of change; everything else becomes a Finding."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.finding import Finding, Severity

# What a listener keeps beside the instances it receives is none of them.
OWN_FOLDER = ".radcommons"
_NOT_ALLOWED = "The file cannot be read by this account."
_UNREADABLE = {
    errno.ENOENT: "The link leads to nothing; restore what it led to, or remove it.",
    errno.ELOOP: "The link leads back to itself; remove it.",
    errno.ENAMETOOLONG: "The path is too long to be opened; scan a folder further down.",
}


@dataclass(frozen=True, slots=True)
class WalkedFile:
    """A regular file below the root; ``path`` is relative to it."""

    path: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Root:
    """Where a walk starts: a folder, or one file in it.

    Parameters
    ----------
    folder
        Absolute path of the folder.
    only
        Name of the one file to take, or ``None`` for everything below.
    """

    folder: Path
    only: str | None

    @property
    def name(self) -> str:
        """The root's name in the database."""
        return str(self.folder if self.only is None else self.folder / self.only)

    @classmethod
    def of(cls, path: Path) -> "Root":
        """The root for a path that a person gave.

        Raises
        ------
        RadCommonsError
            ``edge.no-such-folder`` when there is nothing.
        """
        resolved = path.expanduser().resolve()
        if resolved.is_dir():
            return cls(resolved, None)
        if resolved.is_file():
            return cls(resolved.parent, resolved.name)
        raise RadCommonsError(Kind.NOT_FOUND, "edge.no-such-folder", "There is no such folder or file to read.")


def walk(root: Root) -> Iterator[WalkedFile | Finding]:
    """Every file below ``root`` in a stable order, without following links to folders."""
    if root.only is not None:
        yield _entry(root.folder / root.only, root.only)
        return
    unreadable: list[Finding] = []
    for folder, subfolders, names in os.walk(root.folder, onerror=_note_into(unreadable, root.folder)):
        subfolders[:] = sorted(each for each in subfolders if each != OWN_FOLDER)
        relative = os.path.relpath(folder, root.folder)
        for name in subfolders:
            if (Path(folder) / name).is_symlink():
                yield _finding("edge.link-not-followed", _join(relative, name), "A link to a folder is not followed.")
        for name in sorted(names):
            yield _entry(Path(folder) / name, _join(relative, name))
        yield from unreadable
        unreadable.clear()
    yield from unreadable


def shown(path: str) -> str:
    """A path that is safe to print: characters that could drive a terminal are replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in path)


def place(path: str, member_name: str) -> str:
    """A file, or a member of an archive, as a person at the hospital recognises it."""
    return shown(f"{path}!{member_name}" if member_name else path)


def _join(relative: str, name: str) -> str:
    return name if relative == "." else f"{relative}/{name}"


def _entry(path: Path, relative: str) -> WalkedFile | Finding:
    try:
        relative.encode("utf-8")
        status = path.stat()
    except UnicodeEncodeError:
        return _finding(
            "edge.undecodable-name", shown(relative), "The file name is not UTF-8; rename the file and scan again."
        )
    except OSError as error:
        return _finding("edge.unreadable", relative, _UNREADABLE.get(error.errno or 0, _NOT_ALLOWED))
    if not stat.S_ISREG(status.st_mode):
        return _finding("edge.not-a-file", relative, "Pipes, sockets and devices are not read.")
    return WalkedFile(relative, status.st_size, status.st_mtime_ns)


def _note_into(findings: list[Finding], root: Path) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        where = os.path.relpath(str(error.filename), root)
        findings.append(_finding("edge.unreadable", where, "The folder cannot be read by this account."))

    return note


def _finding(code: str, where: str, message: str) -> Finding:
    return Finding(Severity.WARNING, code, shown(where), message)
