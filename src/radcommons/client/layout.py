"""Where the files of a release lie on the researcher's disk."""

import re
from enum import StrEnum
from functools import lru_cache

from radcommons.transfer.release.canonical import sha256_hex
from radcommons.transfer.release.errors import ReleaseFormatError
from radcommons.transfer.release.manifest import InstanceRow
from radcommons.transfer.release.paths import instance_path, safe_relative_path

STATE_FOLDER = ".radcommons"
RECEIPT_JSON = "receipt.json"
IMAGES = "images"
OWN_NAMES = frozenset({STATE_FOLDER, RECEIPT_JSON, IMAGES, "instances"})

_UID = re.compile(r"[0-9.]{1,64}")
_PLAIN_UID = re.compile(r"[0-9](?:[0-9.]{0,62}[0-9])?")


class Layout(StrEnum):
    """How instances are filed: by person, by series, or by digest as on the server."""

    SUBJECT = "subject/study/series"
    SERIES = "series"
    DIGEST = "digest"


def path_of(row: InstanceRow, layout: Layout) -> str:
    """Relative path of the instance, built only of checked parts; the names come from a server we need not trust."""
    sop, series, study = (_uid(uid) for uid in (row.sop_instance_uid, row.series_instance_uid, row.study_instance_uid))
    match layout:
        case Layout.SUBJECT:
            return f"{IMAGES}/{safe_name(row.subject_id)}/{study}/{series}/{sop}.dcm"
        case Layout.SERIES:
            return f"{IMAGES}/{series}/{sop}.dcm"
        case Layout.DIGEST:
            return instance_path(row.sha256)


@lru_cache(maxsize=4096)
def safe_name(text: str) -> str:
    """A name as it is stored: itself when any system takes it, or one made of its digest."""
    try:
        path = safe_relative_path(text)
    except ReleaseFormatError:
        return "x-" + sha256_hex(text.encode())[:16]
    return str(path) if len(path.parts) == 1 else "x-" + sha256_hex(text.encode())[:16]


def _uid(text: str) -> str:
    if _PLAIN_UID.fullmatch(text):
        return text
    if not _UID.fullmatch(text) or not text.strip("."):
        raise ReleaseFormatError("The manifest of the release holds a malformed UID.")
    return safe_name(text)
