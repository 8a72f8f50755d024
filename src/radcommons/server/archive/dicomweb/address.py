"""The grammar of addresses: scope, then resource (PS3.18 10.1 and 10.6). Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from radcommons.server.archive.dicomweb.keys import Level


class Resource(StrEnum):
    """What an address names."""

    SEARCH = "search"
    RETRIEVE = "retrieve"
    METADATA = "metadata"
    FRAMES = "frames"
    BULKDATA = "bulkdata"
    ALL_BULKDATA = "all bulkdata"
    PIXEL_DATA = "pixeldata"
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


_UID = re.compile(r"[0-9.]{1,64}")
_FRAMES = re.compile(r"\d{1,9}(?:(?:,|%2C)\d{1,9}){0,9999}")
_TAG_PATH = re.compile(r"[0-9A-Fa-f]{8}(?:/\d{1,6}/[0-9A-Fa-f]{8}){0,32}")
_STUDY, _SERIES = "studies/*", "studies/*/series/*"
_INSTANCE = f"{_SERIES}/instances/*"
_FRAME = f"{_INSTANCE}/frames/*"
# What follows the scope, each second segment being a value.
_GRAMMAR: Mapping[tuple[str, ...], tuple[Resource, Level]] = MappingProxyType(
    {
        tuple(pattern.split("/")): (resource, level)
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
            (f"{_STUDY}/bulkdata", Resource.ALL_BULKDATA, Level.STUDY),
            (f"{_SERIES}/bulkdata", Resource.ALL_BULKDATA, Level.SERIES),
            (f"{_INSTANCE}/bulkdata", Resource.ALL_BULKDATA, Level.INSTANCE),
            (f"{_STUDY}/pixeldata", Resource.PIXEL_DATA, Level.STUDY),
            (f"{_SERIES}/pixeldata", Resource.PIXEL_DATA, Level.SERIES),
            (f"{_INSTANCE}/pixeldata", Resource.PIXEL_DATA, Level.INSTANCE),
            (f"{_STUDY}/thumbnail", Resource.THUMBNAIL, Level.STUDY),
            (f"{_SERIES}/thumbnail", Resource.THUMBNAIL, Level.SERIES),
            (f"{_INSTANCE}/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
            (f"{_FRAME}/thumbnail", Resource.THUMBNAIL, Level.INSTANCE),
            (f"{_STUDY}/rendered", Resource.RENDERED, Level.STUDY),
            (f"{_SERIES}/rendered", Resource.RENDERED, Level.SERIES),
            (f"{_INSTANCE}/rendered", Resource.RENDERED, Level.INSTANCE),
            (f"{_FRAME}/rendered", Resource.RENDERED, Level.INSTANCE),
            (_FRAME, Resource.FRAMES, Level.INSTANCE),
        )
    }
)
_BEGINNINGS = frozenset({"studies", "series", "instances"})
_BULKDATA_AT = 6
_MOST_SEGMENTS = 100


@lru_cache(maxsize=1024)
def parse_address(path: str) -> Address | None:
    """The resource at a path below the mount point; None when the grammar knows none.

    The shortest scope that leaves a whole resource is taken, so a release may be called "series".
    """
    segments = path.removeprefix("/").removesuffix("/").split("/")
    if len(segments) > _MOST_SEGMENTS:
        return None
    for position, segment in enumerate(segments):
        if segment in _BEGINNINGS and (scope := "/".join(segments[:position])):
            address = _below(scope, segments[position:])
            if address is not None:
                return address
    return None


def _below(scope: str, segments: list[str]) -> Address | None:
    tag_path = ""
    if segments[_BULKDATA_AT:-1] and segments[_BULKDATA_AT] == "bulkdata":
        tag_path = "/".join(segments[_BULKDATA_AT + 1 :]).upper()
        if not _TAG_PATH.fullmatch(tag_path):
            return None
        segments = segments[:_BULKDATA_AT]
    shape = tuple("*" if position % 2 else segment for position, segment in enumerate(segments))
    found, values = _GRAMMAR.get(shape), segments[1::2]
    uids, frames = values[:3], values[3:]
    if found is None or not all(map(_UID.fullmatch, uids)) or not all(map(_FRAMES.fullmatch, frames)):
        return None
    study, series, instance = uids + [""] * (3 - len(uids))
    numbers = tuple(int(number) for each in frames for number in each.replace("%2C", ",").split(","))
    if tag_path:
        return Address(scope, Resource.BULKDATA, Level.INSTANCE, study, series, instance, tag_path=tag_path)
    return Address(scope, *found, study, series, instance, frame_numbers=numbers)
