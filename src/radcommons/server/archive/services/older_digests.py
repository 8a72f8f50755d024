"""MD5 and CRC-32 of stored objects, for those who still compare by them: NBIA's clients, S3's tags, ZIP.

MD5 costs more than everything else that is done to a file when it is received, and most files are never asked for by it. So
it is taken when somebody asks first, and remembered.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from radcommons.server.archive.models import Instance
from radcommons.server.platform.objects import instance_key, object_store


@dataclass(frozen=True, slots=True)
class OlderDigests:
    """MD5 in hexadecimal digits and CRC-32 (ISO 3309) of one object."""

    md5: str
    crc32: int


def older_digests(digests: Iterable[str]) -> dict[str, OlderDigests]:
    """The older digests of objects by their SHA-256; those that nobody asked for before are read now.

    Raises
    ------
    NotFoundError, UnavailableError
        When bytes that must be read are gone, or the store does not answer.
    """
    wanted = list(dict.fromkeys(digests))
    rows = Instance.objects.filter(sha256__in=wanted).values_list("sha256", "md5", "crc32")
    known = {sha256: OlderDigests(md5, crc32) for sha256, md5, crc32 in rows if md5 and crc32 is not None}
    for sha256 in wanted:
        if sha256 not in known:
            known[sha256] = taken = _read(sha256)
            Instance.objects.filter(sha256=sha256).update(md5=taken.md5, crc32=taken.crc32)
    return known


def _read(sha256: str) -> OlderDigests:
    md5, crc = hashlib.md5(usedforsecurity=False), 0
    for chunk in object_store().stream(instance_key(sha256)):
        md5.update(chunk)
        crc = zlib.crc32(chunk, crc)
    return OlderDigests(md5.hexdigest(), crc)
