"""A profile's TOML file while it is read: values with the key and the line they stand at, for messages that help."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from radcommons.dicom.errors import Kind, RadCommonsError


class ProfileError(RadCommonsError):
    """A profile that cannot be used, with what to change in it."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, "deid.invalid-profile", message)


@dataclass(frozen=True, slots=True)
class Document:
    """A table of the file.

    Parameters
    ----------
    content
        The table as TOML gives it.
    source
        The whole file, to find lines in.
    path
        The keys that lead to the table, from the outermost.
    """

    content: Mapping[str, object]
    source: str
    path: tuple[str, ...] = ()

    def error(self, key: str, message: str) -> ProfileError:
        """What is wrong with a key, and where it stands."""
        line = _line_of(self.source, key, self.path)
        where = f"Line {line}, " if line else ""
        return ProfileError(f'{where}"{".".join((*self.path, key))}": {message}')

    def expect_keys(self, known: Iterable[str]) -> None:
        """Refuse keys that mean nothing: a misspelt rule would silently not be one."""
        names = sorted(known)
        for key in self.content:
            if key not in names:
                raise self.error(key, f"there is no such key here; these are: {', '.join(names)}.")

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text; the default where the key is missing."""
        value = self.content.get(key, default)
        if value is None:
            raise self.error(key, "it is missing; a profile needs it.")
        if not isinstance(value, str):
            raise self.error(key, "write a text in quotes.")
        return value

    def texts(self, key: str, *, default: Sequence[str] | None = None) -> Sequence[str]:
        """A list of texts; the default where the key is missing."""
        value = self.content.get(key, default)
        if value is None:
            raise self.error(key, "it is missing; write a list of texts, [] for none.")
        if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
            raise self.error(key, "write a list of texts in quotes.")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false; the default where the key is missing."""
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, "write true or false.")
        return value

    def section(self, key: str) -> "Document":
        """The table under a key, empty where it is missing."""
        value = self.content.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"write it as a table, [{'.'.join((*self.path, key))}].")
        return Document(value, self.source, (*self.path, key))

    def entries(self, key: str) -> Iterator["Document"]:
        """The tables of a list under a key."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(key, f"write each as a table, [[{'.'.join((*self.path, key))}]].")
        for entry in value:
            yield Document(entry, self.source, (*self.path, key))


def _line_of(source: str, key: str, path: tuple[str, ...]) -> int | None:
    """The line a key stands at, in its own table when there are several of its name; ``None`` when it is nowhere."""
    assigned = re.compile(rf'\s*(?:"{re.escape(key)}"|{re.escape(key)})\s*[=.]')
    named = re.compile(rf'\s*\[+\s*(?:[^\]]*\.)?"?{re.escape(key)}"?\s*\]+')
    found, is_inside = None, not path
    for number, line in enumerate(source.splitlines(), start=1):
        if line.lstrip().startswith("["):
            names = [name.strip(' "') for name in line.split("]")[0].strip("[ ").split(".")]
            is_inside = tuple(names[: len(path)]) == path
        if named.match(line) or assigned.match(line):
            if is_inside:
                return number
            found = found or number
    return found
