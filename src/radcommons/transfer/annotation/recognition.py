"""Which kind of document with reads somebody has sent: for a process with limits, as the bytes are a stranger's.

A document is read once here, by the reader of its kind, before anybody else touches it: what makes a reader run out of memory
or time costs a child process and not the server.
"""

from dataclasses import dataclass

from radcommons.dicom.errors import RadCommonsError
from radcommons.transfer.annotation.coco import listed_images
from radcommons.transfer.annotation.documents import open_json
from radcommons.transfer.annotation.lidc import read_lidc
from radcommons.transfer.annotation.mdai import mdai_of
from radcommons.transfer.annotation.mrale_csv import read_mrale

_MARK, _BLANKS = b"\xef\xbb\xbf", b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Recognised:
    """The kind of a document, or why it is none."""

    kind: str = ""
    refusal: str = ""


def recognise(data: bytes) -> Recognised:
    """Say what a document is, by what stands in it; its name says nothing.

    Parameters
    ----------
    data
        The whole file.
    """
    try:
        return _recognised(data)
    except RadCommonsError as error:
        return Recognised(refusal=error.message)


def _recognised(data: bytes) -> Recognised:
    match data.removeprefix(_MARK).lstrip(_BLANKS)[:1]:
        case b"<":
            read_lidc(data)
            return Recognised("lidc")
        case b"{" | b"[":
            return _of_json(data)
        case _:
            read_mrale(data)
            return Recognised("mrale")


def _of_json(data: bytes) -> Recognised:
    value = open_json(data)
    if isinstance(value, list):
        return Recognised("midrc")
    keys = value.keys() if isinstance(value, dict) else frozenset()
    if "labelGroups" in keys:
        mdai_of(value)
        return Recognised("mdai")
    if {"schema", "readings"} <= keys:
        return Recognised("readings")
    if {"images", "categories"} <= keys:
        listed_images(data)
        return Recognised("coco")
    if "annotation_method" in keys or "annotation_name" in keys:
        return Recognised("midrc")
    return Recognised(refusal="It is JSON, but none of the documents that are read here.")
