"""The grammar of addresses: scope, then resource (PS3.18 10.1 and 10.6). Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from radcommons.server.archive.dicomweb.keys import Level


class Resource(StrEnum):
    """What an address names."""

    SEARCH = "search"
    RETRIEVE = "retrieve"
    METADATA = "metadata"
    FRAMES = "frames"
    BULKDATA = "bulkdata"
    RENDERED = "rendered"
    THUMBNAIL = "thumbnail"


@dataclass(frozen=True, slots=True)
class Address:
    """A resource in a scope.

    Parameters
    ----------
    level
        The level of the results of a search, of the object otherwise.
    frame_numbers
        From 1; empty when the address names no frame.
    tag_path
        Where bulk data lies in the instance, ``00420011`` or ``00081115/0/…``; empty otherwise.
    """

    scope: str
    resource: Resource
    level: Level
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    frame_numbers: tuple[int, ...] = ()
    tag_path: str = ""


_STUDY = r"studies/(?P<study>[0-9.]{1,64})"
_SERIES = rf"{_STUDY}/series/(?P<series>[0-9.]{{1,64}})"
_INSTANCE = rf"{_SERIES}/instances/(?P<instance>[0-9.]{{1,64}})"
_FRAMES = r"frames/(?P<frames>\d{1,9}(?:(?:,|%2C)\d{1,9}){0,9999})"
_TAG_PATH = r"bulkdata/(?P<tags>[0-9A-Fa-f]{8}(?:/\d{1,6}/[0-9A-Fa-f]{8}){0,32})"
_GRAMMAR = tuple(
    (re.compile(rf"/?(?P<scope>.+?)/{pattern}/?"), resource, level)
    for pattern, resource, level in (
        ("studies", Resource.SEARCH, Level.STUDY),
        ("series", Resource.SEARCH, Level.SERIES),
        ("instances", Resource.SEARCH, Level.INSTANCE),
        (f"{_STUDY}/series", Resource.SEARCH, Level.SERIES),
        (f"{_STUDY}/instances", Resource.SEARCH, Level.INSTANCE),
        (f"{_SERIES}/instances", Resource.SEARCH, Level.INSTANCE),
        (_STUDY, Resource.RETRIEVE, Level.STUDY),
        (_SERIES, Resource.RETRIEVE, Level.SERIES),
        (_INSTANCE, Resource.RETRIEVE, Level.INSTANCE),
        (f"{_STUDY}/metadata", Resource.METADATA, Level.STUDY),
        (f"{_SERIES}/metadata", Resource.METADATA, Level.SERIES),
        (f"{_INSTANCE}/metadata", Resource.METADATA, Level.INSTANCE),
        (f"{_STUDY}/thumbnail", Resource.THUMBNAIL, Level.STUDY),
        (f"{_SERIES}/thumbnail", Resource.THUMBNAIL, Level.SERIES),
        (f"{_INSTANCE}/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
        (f"{_INSTANCE}/{_FRAMES}/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
        (f"{_SERIES}/rendered", Resource.RENDERED, Level.SERIES),
        (f"{_INSTANCE}/rendered", Resource.RENDERED, Level.INSTANCE),
        (f"{_INSTANCE}/{_FRAMES}/rendered", Resource.RENDERED, Level.INSTANCE),
        (f"{_INSTANCE}/{_FRAMES}", Resource.FRAMES, Level.INSTANCE),
        (f"{_INSTANCE}/{_TAG_PATH}", Resource.BULKDATA, Level.INSTANCE),
    )
)


@lru_cache(maxsize=8192)
def parse_address(path: str) -> Address | None:
    """The resource at a path below the mount point; None when the grammar knows none.

    The shortest scope that leaves a whole resource is taken, so a release may be called "series".
    """
    found = [
        (match, resource, level)
        for pattern, resource, level in _GRAMMAR
        if (match := pattern.fullmatch(path)) is not None
    ]
    if not found:
        return None
    match, resource, level = min(found, key=lambda item: len(item[0]["scope"]))
    parts = match.groupdict()
    numbers = re.split(r",|%2C", parts["frames"]) if parts.get("frames") else []
    return Address(
        scope=parts["scope"],
        resource=resource,
        level=level,
        study_instance_uid=parts.get("study") or "",
        series_instance_uid=parts.get("series") or "",
        sop_instance_uid=parts.get("instance") or "",
        frame_numbers=tuple(int(number) for number in numbers),
        tag_path=(parts.get("tags") or "").upper(),
    )
