"""What makes outputs of one profile differ: the version of the engine, the tables of the standard, the vocabulary.

A profile's digest is of its content alone, so that a centre and a hospital mean the same by it though one is updated
before the other. What a hospital compares before it makes anything again is :func:`engine_digest` as well.
"""

import hashlib
import json
from functools import cache

from radcommons.deid.tables import table
from radcommons.deid.vocabulary import vocabulary
from radcommons.dicom.newer_attributes import NEWER_VRS

ENGINE_VERSION = 12
"""Raised whenever the same profile would give other bytes; a signed summary names it."""
OLDEST_ENGINE = 6
"""A centre takes batches from this engine on. Its own second look decides about each instance all the same."""
EARLIER_DIGESTS = {
    # Until engine 6 a digest was of the profile and of the engine together; ricord 2 kept more numbers of single devices.
    "427ffdb5b36ec2fc531d4cdf7cc5d76052aca641e262d2c027fc0d33fe645f97": ("ricord", "2"),
    "eda0ee7c9e1d377143a741aa08e94e7c0ff3cd27d5a49939531684560ef31a23": ("basic", "1"),
    "d27a125864031f975c78b5fffcf8acbe22b0aaa498b458cc9aaffa9f7202eebe": ("ricord", "2"),
    "0f38b661611bc253d030d981845f6fb35c295685ba7f75b8c1582ba93823a503": ("tcia", "1"),
}
"""Digests that manifests of earlier engines give to profiles that come with RadCommons; taken until OLDEST_ENGINE is raised."""
_TABLES = ("ps3_15_e1_1", "ps3_15_e3_4_1", "ps3_15_e3_10_1", "ps3_3_types")


def is_engine_taken(engine: str) -> bool:
    """Whether a centre takes what an engine made, by the version that a signed summary names."""
    return engine.isdecimal() and int(engine[:9]) >= OLDEST_ENGINE


@cache
def engine_digest() -> str:
    """SHA-256 of everything in this version that decides an output beside the profile, the source and its patient."""
    parts = [hashlib.sha256(json.dumps(table(name), sort_keys=True).encode()).hexdigest() for name in _TABLES]
    parts.append(" ".join(sorted(vocabulary())))
    parts.append(repr(sorted(NEWER_VRS.items())))
    return hashlib.sha256(json.dumps([ENGINE_VERSION, *parts]).encode()).hexdigest()
