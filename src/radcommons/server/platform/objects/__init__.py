"""Where bytes are kept: a local folder by default, any S3-compatible store by URL.

Objects are immutable and named by their content, so writing one twice is harmless and a name never changes its meaning.
"""

from radcommons.server.platform.objects.choosing import kind_of_store, object_store, trouble
from radcommons.server.platform.objects.cloud import CloudObjects
from radcommons.server.platform.objects.local import LocalObjects
from radcommons.server.platform.objects.store import (
    CHUNK_BYTES,
    Listed,
    ObjectStore,
    damaged_key,
    instance_key,
    place_key,
    place_prefix,
)

__all__ = [
    "CHUNK_BYTES",
    "CloudObjects",
    "Listed",
    "LocalObjects",
    "ObjectStore",
    "damaged_key",
    "instance_key",
    "kind_of_store",
    "object_store",
    "place_key",
    "place_prefix",
    "trouble",
]
