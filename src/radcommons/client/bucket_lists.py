"""Lists of objects in buckets: commands of s5cmd, and files for rclone's ``--files-from``. Pure: text in, entries out."""

import re
import shlex
from dataclasses import dataclass

from radcommons.client.errors import ListError
from radcommons.client.layout import safe_name

_PLACE = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,62})/(.+)")
_RCLONE_TARGET = re.compile(r"\S+:([A-Za-z0-9][A-Za-z0-9._-]{1,62})(?:/(\S*))?")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """One object, or all whose keys begin so, and where they go below the folder of the download.

    Parameters
    ----------
    is_prefix
        Whether ``key`` is the beginning of the keys of several objects.
    path
        Where the object goes, or the folder of several; empty for the folder of the download itself.
    """

    bucket: str
    key: str
    path: str
    is_prefix: bool = False


def is_bucket_list(text: str) -> bool:
    """Whether a list is of objects in buckets, and not of series."""
    return any("s3://" in line or "/" in line for line in _lines(text))


def read_bucket_list(text: str) -> list[BucketEntry]:
    """The entries of a list for ``s5cmd run``, or for ``rclone copy --files-from``.

    Raises
    ------
    ListError
        When a line is neither, or would leave the folder of the download.
    """
    lines = list(_lines(text))
    if any(line.startswith(("cp ", "sync ")) for line in lines):
        return [_command(line) for line in lines]
    bucket, prefix = _rclone_bucket(text)
    return [BucketEntry(bucket, prefix + line, _path(line)) for line in lines]


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return [line for line in stripped if line and not line.startswith(("#", ";"))]


def _command(line: str) -> BucketEntry:
    """A line such as ``cp --sp s3://bucket/key/* folder/``; s5cmd's switches say nothing that matters here."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ListError("A line of the list has an open quotation mark.") from error
    place = next((number for number, word in enumerate(words) if word.startswith("s3://")), 0)
    found = _PLACE.fullmatch(words[place])
    if words[0] not in {"cp", "sync"} or not found or len(words) != place + 2:
        raise ListError("A line of the list is no command of s5cmd that fetches from a bucket.")
    bucket, key, target = found[1], found[2], words[place + 1]
    if _WILD.search(key.removesuffix("*")):
        raise ListError("The list selects by a pattern inside a name; only one * at the end is understood.")
    if key.endswith("*"):
        return BucketEntry(bucket, key.removesuffix("*"), _path(target), is_prefix=True)
    is_folder = target in {"", "."} or target.endswith("/")
    path = _path(f"{target}/{key.rpartition('/')[2]}" if is_folder else target)
    if not path:
        raise ListError("A line of the list names no file.")
    return BucketEntry(bucket, key, path)


def _rclone_bucket(text: str) -> tuple[str, str]:
    """The bucket that a list's own head names, as the lists of a repository do."""
    for line in text.splitlines():
        words = line.lstrip("# ").split()
        if line.startswith("#") and words[:2] == ["rclone", "copy"]:
            for word in words:
                if found := _RCLONE_TARGET.fullmatch(word):
                    return found[1], f"{found[2].rstrip('/')}/" if found[2] else ""
    raise ListError(
        "The list does not say in which bucket its files are. Add as its first line: # rclone copy REMOTE:BUCKET FOLDER"
    )


def path_below(folder: str, key: str, prefix: str) -> str:
    """Where an object goes whose key begins with the prefix of an entry: what follows the last slash of the prefix."""
    rest = key[prefix.rfind("/") + 1 :]
    return _path(f"{folder}/{rest}" if folder else rest)


def _path(text: str) -> str:
    """A path below the folder of the download, of names that any system takes."""
    if text.startswith("/") or re.match(r"[A-Za-z]:", text):
        raise ListError(
            "The list names a folder outside the download. Edit it: folders in it are below the one you name."
        )
    parts = [part for part in text.replace("\\", "/").split("/") if part not in {"", "."}]
    return "/".join(_part(part) for part in parts)


def _part(text: str) -> str:
    """A name that any system takes; one made of a digest keeps its ending, by which programs know a file."""
    name, ending = safe_name(text), _ENDING.search(text)
    return name if name == text or ending is None else name + ending[0]
